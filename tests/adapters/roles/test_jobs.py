"""Jobs over the broker: done once however often they are given or interrupted, with progress, beside the commands."""

import asyncio
from threading import Event

import pytest

from adapters import announcing
from adapters.broker.replays import stream_of
from adapters.roles import jobs
from engine.card.consent import PriceChangeAnnounced
from tests.adapters.cards import card_id_of
from tests.adapters.raised import RAISED, raised_catalogue
from tests.adapters.roles.senders import SETTINGS, answered, registration
from tests.adapters.stored import publish_all, stored

SPRING = {"command_id": "spring", "plan": "keep-plus", "version": RAISED}
TOLD = (
    "prices_announced",
    {"command_id": "spring", "cards": 5, "announced": 5, "unchanged": 0, "refused": 0, "failed": 0},
)


@pytest.fixture
def doing(executing, tmp_path, monkeypatch):
    """Runs a scenario as `executing` does, where the next prices are higher, and few cards are told at once."""
    monkeypatch.setattr(announcing, "CARDS_AT_ONCE", 2)
    settings = SETTINGS.model_copy(update={"catalogue": raised_catalogue(tmp_path)})
    return lambda scenario, processes=1: executing(scenario, processes, settings)


@pytest.fixture
def gate(monkeypatch):
    """Keeps every announcement from its second batch on until it is opened."""
    real, opened, waiting = announcing.Engine.execute, Event(), Event()

    def execute(engine, issued, *rules_and_time):
        if issued[0].command.command == "AnnouncePriceChange" and not opened.is_set():
            if waiting.is_set():
                opened.wait(20)
            waiting.set()
        return real(engine, issued, *rules_and_time)

    monkeypatch.setattr(announcing.Engine, "execute", execute)
    yield opened
    opened.set()


async def until_told(broker, *kinds):
    while not (found := [one for one in await broker.answers() if one[0] in kinds]):  # noqa: ASYNC110 (as in senders)
        await asyncio.sleep(0.02)
    return found


def announced(cards):
    return [one for one in cards.log() if isinstance(one.fact, PriceChangeAnnounced)]


def test_every_holder_of_a_plan_is_told_by_one_job(doing, cards):
    ids = cards.register(1, 2, 3, 4, 5)

    async def scenario(broker):
        await broker.queue("announce_prices", SPRING)
        return await broker.settled()

    assert doing(scenario) == [TOLD]
    facts = announced(cards)
    assert sorted(one.card_id for one in facts) == sorted(ids)
    assert {(one.actor, one.cause) for one in facts} == {("operator:crm", f"crm:spring:{one}") for one in ids}


def test_given_twice_to_two_processes_it_has_its_effect_once_and_one_answer(doing, cards):
    cards.register(1, 2, 3, 4, 5)

    async def scenario(broker):
        await broker.queue("announce_prices", SPRING)
        await broker.queue("announce_prices", SPRING)
        return await broker.settled()

    assert doing(scenario, processes=2) == [TOLD, TOLD]
    assert len(announced(cards)) == 5


def test_one_that_is_stopped_is_done_by_the_next_process(doing, cards, gate):
    cards.register(1, 2, 3, 4, 5)

    async def stopped(broker):
        await broker.queue("announce_prices", SPRING)
        while len(announced(cards)) < 2:  # noqa: ASYNC110 (as in senders)
            await asyncio.sleep(0.02)
        asyncio.get_running_loop().call_later(0.5, gate.set)  # the batch in hand ends by itself

    async def scenario(broker):
        return await broker.settled()

    doing(stopped)
    assert doing(scenario)[-1] == TOLD
    assert len(announced(cards)) == 5


def test_meanwhile_it_is_told_how_far_it_is_and_commands_are_executed(doing, cards, gate, monkeypatch):
    monkeypatch.setattr(jobs, "TOLD_EVERY_S", 0.05)
    cards.register(1, 2, 3, 4, 5)

    async def scenario(broker):
        await broker.queue("announce_prices", SPRING)
        [progress, *_] = await until_told(broker, "job_progress")
        command = await answered(broker, "register_card", registration(6))
        gate.set()
        return progress, command, await broker.settled()

    progress, command, answers = doing(scenario)
    assert progress == ("job_progress", {"command_id": "spring", "done": 2, "of": 5})
    assert command[0] == "command_accepted"
    assert answers[-1] == TOLD


def test_more_jobs_than_a_process_takes_wait_in_the_queue(doing, cards, monkeypatch):
    monkeypatch.setattr(jobs, "IN_HAND", 1)
    monkeypatch.setattr(jobs, "AGAIN_AFTER_S", 0.05)
    cards.register(1, 2, 3, 4, 5)

    async def scenario(broker):
        for number in range(6):
            await broker.queue("announce_prices", {**SPRING, "command_id": f"job-{number}"})
        return await broker.settled()

    assert sorted(answer["command_id"] for _, answer in doing(scenario)) == [f"job-{number}" for number in range(6)]
    assert len(announced(cards)) == 5


@pytest.mark.parametrize(
    ("name", "body", "code", "field"),
    [
        ("announce_prices", {**SPRING, "plan": "keep-tea"}, "unknown_plan", "plan"),
        ("announce_prices", {**SPRING, "version": "2030"}, "unknown_version", "version"),
        ("announce_prices", {**SPRING, "card_id": str(card_id_of(1))}, "malformed", "card_id"),
        ("replay_events", {"command_id": "1", "types": ["tea_made"]}, "unknown_event", "types"),
        ("replay_events", {"command_id": "1", "since": 99}, "unknown_position", "since"),
        ("replay_events", {"command_id": "1", "rate": 0}, "malformed", "rate"),
    ],
)
def test_a_job_that_cannot_be_is_refused_with_its_reason(doing, name, body, code, field):
    async def scenario(broker):
        await broker.queue(name, body)
        return await broker.settled()

    [(kind, answer)] = doing(scenario)
    assert (kind, answer["code"], answer["field"]) == ("command_refused", code, field)


def test_a_job_is_no_request(doing):
    async def scenario(broker):
        return await answered(broker, "announce_prices", SPRING)

    kind, answer = doing(scenario)
    assert (kind, answer["code"]) == ("command_refused", "queue_only")


def test_one_that_cannot_be_done_now_comes_again(doing, cards, connection, monkeypatch):
    monkeypatch.setattr(jobs, "AGAIN_AFTER_S", 0.05)
    cards.register(1, 2, 3, 4, 5)
    cards.project()
    connection.execute("UPDATE followers SET paused_at = now() WHERE name = 'read_models.cards'")
    cards.register(6)

    async def scenario(broker):
        await broker.queue("announce_prices", SPRING)
        await asyncio.sleep(0.3)
        assert await broker.left() == 1
        connection.execute("UPDATE followers SET paused_at = NULL")
        return await broker.settled()

    [(kind, answer)] = doing(scenario)
    assert (kind, answer["cards"], answer["announced"]) == ("prices_announced", 6, 6)


def test_a_reader_gets_history_by_asking_for_it(doing, cards, connection, client, run):
    cards.register(1, 2)
    run(publish_all(connection, client))

    async def scenario(broker):
        await broker.queue("replay_events", {"command_id": "history", "types": ["auto_renew_enabled"], "rate": 20_000})
        return await broker.settled(), await stored(client, stream_of("crm"))

    answers, events = doing(scenario)
    kind, answer = answers[-1]
    assert kind == "events_replayed"
    assert (answer["stream"], answer["events"], answer["position"]) == ("BAOHAO_REPLAY_crm", 2, 6)
    assert [one.headers["ce-type"] for one in events] == [
        *["baohao.auto_renew_enabled.v1"] * 2,
        "baohao.replay_finished.v1",
    ]
