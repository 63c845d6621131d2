"""The consumer charges due cards in overlapping batches, each card once, whatever the gateway does."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from structlog.testing import capture_logs

from adapters.broker.due import DUE_SUBJECT, FOREIGN, CardDue
from adapters.gateways.simulated import totals
from adapters.parked import list_parked
from adapters.roles import consumer as module
from adapters.roles.batch import Batch
from engine.ports import NotFound, Unclear
from tests.adapters.cards import FAR, PRICE, RENEWED, card_id_of, commands_for
from tests.adapters.roles.conftest import BUDGET

LARGE = 260
"""Cards in a batch, more than the default batch size."""


class SilentGateway:
    """Takes requests and never answers."""

    budget = timedelta(milliseconds=20)

    async def charge(self, _request, _at):
        await asyncio.Event().wait()

    look_up = charge


class BrokenGateway(SilentGateway):
    """Its client raises."""

    async def charge(self, _request, _at):
        raise ConnectionResetError


class NotingGateway(SilentGateway):
    """Knows no charge, and notes how it was asked."""

    def __init__(self):
        self.asked = []

    async def charge(self, _request, _at):
        self.asked.append("charge")
        return Unclear(reason="timeout")

    async def look_up(self, _request, _at):
        self.asked.append("look_up")
        return NotFound()


class WaitingGateway(SilentGateway):
    """Answers all requests at once, when `may_answer` is set."""

    budget = timedelta(minutes=1)

    def __init__(self, gateway):
        self.gateway, self.asked, self.may_answer = gateway, 0, asyncio.Event()

    async def charge(self, request, at):
        self.asked += 1
        await self.may_answer.wait()
        return await self.gateway.charge(request, at)


def test_due_cards_are_charged_renewed_and_acknowledged(cards, record, queue):
    due = cards.register(1, 2)
    queue.handle(*due)
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
    assert totals(record) == {"EUR": 2 * PRICE}
    assert queue.is_emptied()


@pytest.mark.parametrize(("lay", "asked"), [(timedelta(hours=22), "charge"), (timedelta(hours=23), "look_up")])
def test_a_charge_that_lay_while_we_were_stopped_is_not_sent_under_a_key_that_may_be_forgotten(
    cards, queue, lay, asked
):
    due = cards.register(1)
    times = iter((FAR, FAR + lay, FAR + lay))
    queue.consumer.read_rules = lambda: (cards.policy_and_catalogue, next(times))
    queue.consumer.gateway = NotingGateway()
    queue.handle(*due)
    assert queue.consumer.gateway.asked == [asked]
    assert cards.names(due[0])[3:] == ["renewal_started", "charge_attempted", "charge_outcome_unknown"]


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        ("{}.3.1", "{}.3.1"),
        (None, FOREIGN),
        ("x" * 60_000, FOREIGN),
        ("{}.3.1 and more", FOREIGN),
        (f"{UUID(int=0)}.3.1", FOREIGN),
    ],
    ids=["ours", "without", "long", "with more", "of another card"],
)
def test_each_fact_names_the_message_that_led_to_it_but_keeps_no_id_of_a_stranger(run, cards, queue, sent, cause):
    [card_id] = cards.register(1)
    headers = None if sent is None else {"Nats-Msg-Id": sent.format(card_id)}
    message = Msg(_client=None, subject=DUE_SUBJECT, data=CardDue(card_id=card_id).model_dump_json().encode())
    message.headers = headers
    batch = Batch([message])
    run(queue.consumer._run(batch))
    assert {fact.cause for fact in cards.log()[3:]} == {cause.format(card_id)}


def test_a_message_with_an_id_that_is_not_ascii_wakes_its_card(cards, queue):
    [card_id] = cards.register(1)
    queue.add(card_id, headers={"Nats-Msg-Id": "\u00fc"})
    queue.take(queue.messages(1))
    assert cards.names(card_id)[3:] == RENEWED
    assert {fact.cause for fact in cards.log()[3:]} == {FOREIGN}


def test_every_answer_of_a_large_batch_is_recorded(cards, record, queue):
    for number in range(LARGE):
        registration, *others = commands_for(number, f"sim:good:{number}")
        cards.give(registration.model_copy(update={"starts_on": date(2026, 12, 5)}), *others)
    due = [card_id_of(number) for number in range(LARGE)]
    queue.handle(*due)
    assert [card_id for card_id in due if cards.names(card_id)[3:] != RENEWED] == []
    assert totals(record) == {"EUR": LARGE * PRICE}
    assert queue.is_emptied()


def test_a_card_with_two_messages_in_a_batch_is_woken_once(cards, record, queue):
    [card_id] = cards.register(1)
    with capture_logs() as lines:
        queue.handle(card_id, card_id)
    [figures] = [line for line in lines if line["event"] == "consumer.batch"]
    assert (figures["messages"], figures["cards"], figures["questions"]) == (2, 1, 1)
    assert cards.names(card_id)[3:] == RENEWED
    assert totals(record) == {"EUR": PRICE}
    assert queue.is_emptied()


def test_a_card_in_two_concurrent_batches_is_charged_once(run, cards, record, queue):
    [card_id] = cards.register(1)
    queue.add(card_id, card_id)
    for message in queue.messages(2):
        run(queue.consumer.take([message]))
    run(queue.consumer.drain())
    assert cards.names(card_id)[3:] == RENEWED
    assert totals(record) == {"EUR": PRICE}
    assert queue.is_emptied()


def test_a_card_that_is_not_due_is_left_alone(cards, queue):
    [card_id] = cards.register(5)
    cards.now = cards.log()[-1].wake_at - timedelta(seconds=1)
    queue.handle(card_id)
    assert len(cards.names(card_id)) == 3
    assert queue.is_emptied()


def test_after_a_decline_the_next_method_is_charged_in_the_same_batch(cards, queue):
    [card_id] = cards.register(1, token="sim:expired:{}")
    cards.bind(card_id, "pm-2")
    queue.handle(card_id)
    declined = ["renewal_started", "charge_attempted", "charge_failed"]
    assert cards.names(card_id)[4:] == declined + RENEWED[1:]


def test_a_gateway_that_does_not_answer_leaves_the_outcome_unknown(cards, queue, monkeypatch):
    monkeypatch.setattr(module, "GATEWAY_MARGIN", timedelta(0))
    [card_id] = cards.register(1)
    queue.consumer.gateway = SilentGateway()
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == [*RENEWED[:2], "charge_outcome_unknown"]
    assert cards.log()[-1].fact.reason == "timeout"
    assert queue.is_emptied()


def test_an_interrupted_charge_is_asked_about_again_after_the_budget(cards, connection, gateway, queue):
    [card_id] = cards.register(1)
    queue.consumer.gateway = BrokenGateway()
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == RENEWED[:2]
    assert not list_parked(connection)
    assert queue.is_emptied()
    cards.now += BUDGET
    queue.consumer.gateway = gateway
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == RENEWED
    assert cards.log()[-2].fact.learned == "asked_again"


def test_batches_overlap_while_the_gateway_answers_up_to_the_limit(run, cards, gateway, queue):
    due = cards.register(1, 2, 3)
    queue.add(*due)
    queue.consumer.gateway = waiting = WaitingGateway(gateway)

    async def scenario(first, second, third):
        await queue.consumer.take([first])
        await queue.consumer.take([second])
        late = asyncio.create_task(queue.consumer.take([third]))
        await asyncio.to_thread(queue.eventually, lambda: waiting.asked == 2)
        assert not late.done()
        waiting.may_answer.set()
        await late
        await queue.consumer.drain()

    run(scenario(*queue.messages(3)))
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
