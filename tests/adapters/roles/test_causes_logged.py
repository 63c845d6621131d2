"""What keeps a role from its work is in its log with its true cause: a held lock, a broker without room."""

import asyncio
import json

import pytest
from structlog.testing import capture_logs

from adapters.broker.streams import DUE_MAX_BYTES
from adapters.roles.consumer import Consumer
from tests.adapters.broker.small import broker_with_room
from tests.adapters.cards import RENEWED
from tests.adapters.roles.test_consumer import WaitingGateway
from tests.adapters.roles.test_refused_broker import started

HOLD = "SELECT pg_advisory_xact_lock(hashtextextended('public.card_events', 0))"
HELD = "another session has held a lock of the event log for 1 s; nothing was stored"


@pytest.fixture
def _short_lock_time(monkeypatch):
    monkeypatch.setattr("engine.store.recorder.LOCK_TIMEOUT_S", 1)


def said(lines, event):
    return [line["error"] for line in lines if line["event"] == event]


@pytest.mark.usefixtures("_short_lock_time")
def test_a_held_lock_of_the_appends_is_logged_and_the_batch_comes_again(cards, connection, queue):
    [card_id] = cards.register(1)
    with capture_logs() as lines, connection.transaction():
        connection.execute(HOLD)
        queue.handle(card_id)
    assert [error[: len(HELD)] for error in said(lines, "consumer.batch_failed")] == [HELD]
    queue.take(queue.messages(1))
    assert cards.names(card_id)[3:] == RENEWED


@pytest.mark.usefixtures("_short_lock_time")
def test_answers_that_wait_for_a_held_lock_are_logged_and_recorded_once_it_is_free(
    cards, connection, queue, gateway, eventually
):
    waiting, [card_id] = WaitingGateway(gateway), cards.register(1)
    consumer, run = Consumer(cards.engine, waiting, queue.consumer.read_rules, cards.park, 1), queue.run
    queue.add(card_id)
    with capture_logs() as lines, connection.transaction():
        run(consumer.take(queue.messages(1)))
        eventually(lambda: run(asyncio.sleep(0.01)) or waiting.asked == 1)
        connection.execute(HOLD)
        waiting.may_answer.set()
        eventually(lambda: run(asyncio.sleep(0.01)) or said(lines, "consumer.answers_wait"))
    run(consumer.drain())
    assert said(lines, "consumer.answers_wait")[0].startswith(HELD)
    assert cards.names(card_id)[3:] == RENEWED


@pytest.mark.parametrize(
    ("role", "room", "stream"),
    [("scheduler", 1024**2, "BAOHAO_DUE"), ("publisher", DUE_MAX_BYTES, "BAOHAO_EVENTS")],
)
def test_a_broker_without_room_for_a_stream_is_named_with_what_helps(database_url, tmp_path, role, room, stream):
    (tmp_path / "nats").mkdir()
    with broker_with_room(tmp_path / "nats", room) as url, started(role, database_url, url, tmp_path) as process:
        lines = map(json.loads, iter(process.stderr.readline, ""))
        error = next(line["error"] for line in lines if line["event"] == "role.standstill")
    assert error.startswith(f"the broker refuses stream {stream} with ")
    assert "insufficient storage resources available; give the broker more room or servers" in error
