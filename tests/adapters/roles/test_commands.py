"""Commands over the broker: each id once, whoever takes it and however often; every message is answered."""

import asyncio
import json
from uuid import uuid4

import psycopg
import pytest

from adapters.broker.commands import (
    ANSWER_TO,
    ANSWERS_STREAM,
)
from adapters.parked import list_parked
from adapters.roles import commands as role
from tests.adapters.cards import card_id_of
from tests.adapters.roles.senders import answered, read, registration
from tests.adapters.stored import stored


def test_a_command_from_the_queue_is_executed_answered_and_settled(executing, cards):
    async def scenario(broker):
        await broker.queue("register_card", registration(1))
        return await broker.settled()

    answer = {"command_id": "register-1", "card_id": str(card_id_of(1)), "changed": True}
    assert executing(scenario) == [("command_accepted", answer)]
    [fact] = cards.log()
    assert (fact.actor, fact.cause) == ("operator:crm", "crm:register-1")


def test_a_request_gets_the_same_answer_as_reply_and_on_the_stream(executing, cards):
    async def scenario(broker):
        return await answered(broker, "register_card", registration(1)), await broker.answers()

    reply, on_stream = executing(scenario)
    assert on_stream == [reply]
    assert reply[0] == "command_accepted"
    assert len(cards.log()) == 1


def test_the_answer_to_a_queued_command_also_goes_to_the_inbox_that_it_names(executing, client):
    async def scenario(broker):
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        await broker.queue("register_card", registration(1), headers={ANSWER_TO: inbox})
        return read(await subscription.next_msg(timeout=60)), await broker.settled()

    copy, on_stream = executing(scenario)
    assert [copy] == on_stream


@pytest.mark.parametrize(
    "subject", ["baohao.due", "\u00fc", "_INBOX.*", "_INBOX.", "$JS.API.STREAM.DELETE.BAOHAO_EVENTS", ""]
)
def test_no_answer_goes_to_a_subject_that_is_no_inbox(executing, client, subject):
    async def scenario(broker):
        heard = await client.subscribe(">")
        await broker.queue("register_card", registration(1), headers={ANSWER_TO: subject} if subject else None)
        await broker.settled()
        await client.flush()
        return [heard._pending_queue.get_nowait().subject for _ in range(heard.pending_msgs)]

    told = [one for one in executing(scenario) if not one.startswith(("$JS", "_INBOX", "baohao.v1"))]
    assert told == []


def test_given_twice_by_both_doors_it_is_executed_once_and_answered_the_same(executing, cards):
    async def scenario(broker):
        first = await answered(broker, "register_card", registration(1))
        for _ in range(3):
            await broker.queue("register_card", registration(1))
        return [first, await broker.ask("register_card", registration(1)), *await broker.settled()]

    answers = executing(scenario)
    assert len(answers) >= 5
    assert all(answer == answers[0] for answer in answers)
    assert len(cards.log()) == 1


def test_two_senders_may_choose_the_same_id(executing, cards):
    async def scenario(broker):
        first = await answered(broker, "register_card", registration(1))
        return first, await broker.ask("register_card", registration(2, command_id="register-1"), "shop")

    assert [kind for kind, _ in executing(scenario)] == ["command_accepted"] * 2
    assert {one.cause for one in cards.log()} == {"crm:register-1", "shop:register-1"}


def test_what_changes_nothing_says_so(executing, cards):
    [card_id] = cards.register(1)
    terms = {"months": 1, "terms_version": "2026-11", "channel": "web"}

    async def scenario(broker):
        return await answered(broker, "enable_auto_renew", {"command_id": "again", "card_id": str(card_id), **terms})

    assert executing(scenario)[1]["changed"] is False


def test_a_refusal_names_code_field_and_sentence(executing):
    async def scenario(broker):
        return await answered(broker, "close_card", {"command_id": "1", "card_id": str(card_id_of(9))})

    assert executing(scenario) == (
        "command_refused",
        {
            "command_id": "1",
            "card_id": str(card_id_of(9)),
            "code": "unknown_card",
            "message": f"there is no card {card_id_of(9)}; register it first",
            "field": "card_id",
        },
    )


def test_many_commands_of_several_cards_keep_their_order_within_a_card(executing, cards):
    async def scenario(broker):
        for turn in range(3):
            for number in range(1, 101):
                body = registration(number) if turn == 0 else zone(number, turn)
                await broker.queue("change_zone" if turn else "register_card", body)
        return await broker.settled()

    def zone(number, turn):
        return {"command_id": f"zone-{number}-{turn}", "card_id": str(card_id_of(number)), "zone": ZONES[turn]}

    assert {kind for kind, _ in executing(scenario)} == {"command_accepted"}
    assert {card.custody.zone for card in cards.engine.cards([card_id_of(n) for n in range(1, 101)])} == {ZONES[2]}


ZONES = (None, "Europe/Paris", "Asia/Tokyo")


def test_two_processes_execute_each_command_once(executing, cards):
    async def scenario(broker):
        for number in range(1, 201):
            await broker.queue("register_card", registration(number))
            await broker.queue("register_card", registration(number))
        return await broker.settled()

    assert len(executing(scenario, processes=2)) >= 200
    assert len(cards.log()) == 200


def test_a_card_that_cannot_be_read_is_tried_again_and_its_command_parked(executing, cards, connection, monkeypatch):
    monkeypatch.setattr("adapters.roles.batch.NAK_DELAY_S", 0.01)
    [card_id] = cards.register(1)
    connection.execute("DELETE FROM card_events_snapshots")
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    connection.execute("UPDATE card_events SET state = '\\x00' WHERE originator_version = 2")

    async def scenario(broker):
        await broker.queue("close_card", {"command_id": "1", "card_id": str(card_id)})
        await broker.queue("register_card", registration(2))
        return await broker.settled()

    kinds = {answer["card_id"]: kind for kind, answer in executing(scenario)}
    assert kinds == {str(card_id): "command_failed", str(card_id_of(2)): "command_accepted"}
    [parked] = list_parked(connection)
    assert parked.card_id is None  # whether the card can be renewed is not for a command to say
    assert parked.reason.startswith("a command of crm: it could not be executed")


def test_while_the_database_is_away_requests_fail_and_queued_commands_wait(executing, cards, connection, monkeypatch):
    monkeypatch.setattr("adapters.roles.batch.NAK_DELAY_S", 0.01)
    real, away = role.Desk._executed, True

    def execute(desk, issued):
        if away:
            raise psycopg.OperationalError("away")
        return real(desk, issued)

    monkeypatch.setattr(role.Desk, "_executed", execute)

    async def scenario(broker):
        nonlocal away
        asked = await answered(broker, "register_card", registration(1))
        await broker.queue("register_card", registration(2))
        await asyncio.sleep(0.1)
        assert await broker.left() == 1
        away = False
        return asked, await broker.settled()

    (kind, answer), on_stream = executing(scenario)
    assert (kind, answer["message"]) == ("command_failed", role.AWAY)
    assert [one for one, _ in on_stream] == ["command_failed", "command_accepted"]
    assert len(cards.log()) == 1


def test_answers_name_their_command_by_the_correlation_of_its_events(executing, client, cards):
    async def scenario(broker):
        await answered(broker, "register_card", registration(1, command_id=f"a b {uuid4()}"))
        return await stored(client, ANSWERS_STREAM)

    [message] = executing(scenario)
    command_id = json.loads(message.data)["command_id"]
    assert message.headers["ce-correlationid"] == f"crm:{command_id}".replace(" ", "%20")
    assert message.headers["ce-subject"] == str(card_id_of(1))
    assert message.subject == "baohao.v1.answer.crm.command_accepted"
