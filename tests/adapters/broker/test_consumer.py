"""The consumer settles each message by itself: charged, parked with its reason, or left for another try."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from nats.js import JetStreamContext
from structlog.testing import capture_logs

from adapters.broker import consumer as module
from adapters.broker.consumer import Consumer
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT, CardDue
from adapters.broker.streams import CHARGING, ensure_due_stream
from adapters.gateways.simulated import SimulatedGateway, totals
from adapters.parked import list_parked
from adapters.settings import load_settings
from engine.ports import NotFound, Unclear
from tests.adapters.broker.cards import FAR, card_id_of

RENEWED = ["renewal_started", "charge_attempted", "charge_succeeded", "card_renewed"]
PRICE = 270
BUDGET = timedelta(seconds=1)


class NeverAnswers:
    """A gateway that takes requests and keeps silent."""

    budget = timedelta(milliseconds=20)

    async def charge(self, _request, _at):
        await asyncio.Event().wait()

    look_up = charge


class Breaks(NeverAnswers):
    """A gateway whose client has a fault."""

    async def charge(self, _request, _at):
        raise ConnectionResetError


class Notes(NeverAnswers):
    """A gateway that knows nothing, but remembers how it was asked."""

    def __init__(self):
        self.asked = []

    async def charge(self, _request, _at):
        self.asked.append("charge")
        return Unclear(reason="timeout")

    async def look_up(self, _request, _at):
        self.asked.append("look_up")
        return NotFound()


class AnswersWhenTold(NeverAnswers):
    """A gateway that answers all at once, when its moment has come."""

    budget = timedelta(minutes=1)

    def __init__(self, gateway):
        self.gateway, self.asked, self.moment = gateway, 0, asyncio.Event()

    async def charge(self, request, at):
        self.asked += 1
        await self.moment.wait()
        return await self.gateway.charge(request, at)


@pytest.fixture
def record(tmp_path):
    return tmp_path / "gateway.sqlite3"


@pytest.fixture
def gateway(record):
    with closing(SimulatedGateway(record, 1, BUDGET)) as simulated:
        yield simulated


@pytest.fixture
def consumer(cards, gateway):
    cards.now = FAR
    return Consumer(cards.engine, gateway, cards, batches_in_flight=2)


@pytest.fixture
def queue(run, client, consumer, eventually):
    """The queue of due cards, and a consumer at work on it."""
    jetstream = client.jetstream()
    run(ensure_due_stream(jetstream, load_settings()))
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))
    return Queue(run, jetstream, subscription, consumer, eventually)


@dataclass
class Queue:
    run: Callable[..., Any]
    jetstream: JetStreamContext
    subscription: JetStreamContext.PullSubscription
    consumer: Consumer
    eventually: Callable[[Callable[[], object]], None]

    def add(self, *bodies, headers=None):
        """Messages for cards (by their ids), or whatever bytes they are made of."""
        for body in bodies:
            data = body if isinstance(body, bytes) else CardDue(card_id=body).model_dump_json().encode()
            self.run(self.jetstream.publish(DUE_SUBJECT, data, headers=headers))

    def messages(self, count):
        """So many messages, as soon as the broker gives them."""
        found = []
        while len(found) < count:
            found += self.run(self.subscription.fetch(count - len(found), timeout=10))
        return found

    def take(self, messages):
        """Let the consumer take these messages as one batch and see it through."""
        self.run(self.consumer.take(messages))
        self.run(self.consumer.drain())

    def handle(self, *bodies):
        """Add messages and have them taken."""
        self.add(*bodies)
        self.take(self.messages(len(bodies)))

    def length(self):
        """How many messages are not acknowledged."""
        return self.run(self.jetstream.stream_info(DUE_STREAM)).state.messages

    def is_emptied(self):
        """Whether every message comes to be acknowledged."""
        self.eventually(lambda: self.length() == 0)
        return True


def reasons(connection):
    return [(parked.card_id, parked.reason) for parked in list_parked(connection)]


def spoil(connection, card_id):
    """A fact that no program of ours has written."""
    statement = "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'odd.v9', '')"
    connection.execute(statement, (card_id,))


def test_due_cards_are_charged_renewed_and_acknowledged(cards, record, queue):
    due = cards.register(1, 2)
    queue.handle(*due)
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
    assert totals(record) == {"EUR": 2 * PRICE}
    assert queue.is_emptied()


@pytest.mark.parametrize(("lay", "asked"), [(timedelta(hours=22), "charge"), (timedelta(hours=23), "look_up")])
def test_a_charge_that_lay_while_we_were_stopped_is_not_sent_under_a_key_that_may_be_forgotten(
    cards, queue, monkeypatch, lay, asked
):
    due = cards.register(1)
    times = iter((FAR, FAR + lay, FAR + lay))
    monkeypatch.setattr(cards, "rules", lambda: (cards.policy_and_catalogue, next(times)))
    queue.consumer.gateway = Notes()
    queue.handle(*due)
    assert queue.consumer.gateway.asked == [asked]
    assert cards.names(due[0])[3:] == ["renewal_started", "charge_attempted", "charge_outcome_unknown"]


def test_each_fact_names_the_message_that_led_to_it(cards, queue):
    [card_id] = cards.register(1)
    queue.add(card_id, headers={"Nats-Msg-Id": "x"})
    queue.take(queue.messages(1))
    assert {fact.cause for fact in cards.log()[3:]} == {"x"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\x00", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"{}", "Field required"),
        (b'{"card_id": "none"}', "valid UUID"),
        (b'{"card_id": "%s", "charge": true}' % str(card_id_of(1)).encode(), "Extra inputs"),
    ],
    ids=["empty", "binary", "list", "no_card", "no_id", "more_than_agreed"],
)
def test_a_malformed_message_is_parked_with_its_reason_and_blocks_nobody(cards, connection, queue, body, reason):
    [card_id] = cards.register(2)
    queue.handle(body, card_id)
    [parked] = list_parked(connection)
    assert (parked.card_id, parked.message) == (None, body)
    assert parked.reason.startswith("malformed message: ")
    assert reason in parked.reason
    assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_a_message_about_an_unknown_card_is_parked_and_blocks_nobody(cards, connection, queue):
    [card_id] = cards.register(1)
    unknown = card_id_of(99)
    queue.handle(unknown, card_id)
    assert reasons(connection) == [(unknown, f"BaohaoError: there is no card {unknown}")]
    assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_a_card_that_cannot_be_read_is_parked_and_the_others_are_charged(cards, connection, queue):
    first, spoiled, last = cards.register(1, 2, 3)
    spoil(connection, spoiled)
    queue.handle(first, spoiled, last)
    [(card_id, reason)] = reasons(connection)
    assert card_id == spoiled
    assert "no fact is called 'odd.v9'" in reason
    assert cards.names(first)[3:] == cards.names(last)[3:] == RENEWED
    assert cards.names(spoiled)[3:] == ["odd"]
    assert queue.is_emptied()


def test_a_request_that_the_gateway_calls_wrong_parks_the_card_and_charges_the_others(cards, connection, record, queue):
    [good] = cards.register(1)
    [wrong] = cards.register(2, token="no-such-token-{}")
    queue.handle(good, wrong)
    assert reasons(connection) == [(wrong, "no such payment method: no-such-token-2")]
    assert cards.names(wrong)[3:] == RENEWED[:2], "what the gateway made of it is for people to find out"
    assert cards.names(good)[3:] == RENEWED
    assert totals(record) == {"EUR": PRICE}
    assert queue.is_emptied()


def test_a_parked_card_is_parked_once_and_keeps_its_first_reason(cards, connection, queue):
    unknown = card_id_of(99)
    cards.park([(unknown, b"", "the first reason")])
    queue.handle(unknown)
    assert reasons(connection) == [(unknown, "the first reason")]


def test_when_the_database_fails_the_batch_comes_again(cards, connection, queue):
    due = cards.register(1, 2)
    connection.execute("ALTER TABLE card_events RENAME TO away")
    queue.handle(*due)
    connection.execute("ALTER TABLE away RENAME TO card_events")
    assert queue.length() == 2
    assert not list_parked(connection)
    again = queue.messages(2)
    assert [message.metadata.num_delivered for message in again] == [2, 2]
    queue.take(again)
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_when_parking_fails_the_batch_comes_again(connection, queue):
    connection.execute("ALTER TABLE parked RENAME TO away")
    queue.handle(b"malformed")
    connection.execute("ALTER TABLE away RENAME TO parked")
    queue.take(queue.messages(1))
    assert [parked.message for parked in list_parked(connection)] == [b"malformed"]
    assert queue.is_emptied()


def test_a_card_that_is_twice_in_a_batch_is_woken_once(cards, record, queue):
    [card_id] = cards.register(1)
    with capture_logs() as lines:
        queue.handle(card_id, card_id)
    [figures] = [line for line in lines if line["event"] == "consumer.batch"]
    assert (figures["messages"], figures["cards"], figures["questions"]) == (2, 1, 1)
    assert cards.names(card_id)[3:] == RENEWED
    assert totals(record) == {"EUR": PRICE}
    assert queue.is_emptied()


def test_a_card_that_is_in_two_batches_at_once_is_charged_once(run, cards, record, queue):
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


def test_a_decline_is_followed_by_the_next_method_in_the_same_batch(cards, queue):
    [card_id] = cards.register(1, token="sim:expired:{}")
    cards.bind(card_id, "pm-2")
    queue.handle(card_id)
    declined = ["renewal_started", "charge_attempted", "charge_failed"]
    assert cards.names(card_id)[4:] == declined + RENEWED[1:]


def test_a_gateway_that_keeps_silent_leaves_the_outcome_unknown(cards, queue, monkeypatch):
    monkeypatch.setattr(module, "GATEWAY_GRACE", timedelta(0))
    [card_id] = cards.register(1)
    queue.consumer.gateway = NeverAnswers()
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == [*RENEWED[:2], "charge_outcome_unknown"]
    assert cards.log()[-1].fact.reason == "timeout"
    assert queue.is_emptied()


def test_a_charge_that_broke_off_is_asked_about_again_at_its_time(cards, connection, gateway, queue):
    [card_id] = cards.register(1)
    queue.consumer.gateway = Breaks()
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == RENEWED[:2]
    assert not list_parked(connection)
    assert queue.is_emptied()
    cards.now += BUDGET
    queue.consumer.gateway = gateway
    queue.handle(card_id)
    assert cards.names(card_id)[3:] == RENEWED
    assert cards.log()[-2].fact.learned == "asked_again"


def test_batches_overlap_while_the_gateway_answers_but_no_more_than_agreed(run, cards, gateway, queue):
    due = cards.register(1, 2, 3)
    queue.add(*due)
    queue.consumer.gateway = waiting = AnswersWhenTold(gateway)

    async def scenario(first, second, third):
        await queue.consumer.take([first])
        await queue.consumer.take([second])
        late = asyncio.create_task(queue.consumer.take([third]))
        await asyncio.to_thread(queue.eventually, lambda: waiting.asked == 2)
        assert not late.done()
        waiting.moment.set()
        await late
        await queue.consumer.drain()

    run(scenario(*queue.messages(3)))
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
