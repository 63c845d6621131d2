"""Streams and the charging consumer are created if missing, and the consumer's settings corrected."""

import pytest
from nats.js.api import ConsumerConfig

from adapters.broker.contract import EVENTS_STREAM
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.streams import (
    CHARGING,
    DUPLICATE_WINDOW,
    EVENTS_RETENTION,
    ensure_due_stream,
    ensure_events_stream,
)
from adapters.settings import load_settings


@pytest.fixture
def jetstream(client):
    return client.jetstream()


def test_missing_streams_are_created(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    run(ensure_events_stream(jetstream, 1))
    assert sorted(info.config.name for info in run(jetstream.streams_info())) == [DUE_STREAM, EVENTS_STREAM]


def test_events_have_a_retention_and_a_duplicate_window(run, jetstream):
    config = run(ensure_events_stream(jetstream, 1)).config
    assert config.max_age == EVENTS_RETENTION.total_seconds()
    assert config.duplicate_window == DUPLICATE_WINDOW.total_seconds()


def test_an_acknowledged_message_leaves_the_queue(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    run(jetstream.publish(DUE_SUBJECT, b"{}"))
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))
    [message] = run(subscription.fetch(1))
    run(message.ack_sync())
    assert run(jetstream.stream_info(DUE_STREAM)).state.messages == 0


def test_the_consumer_has_the_redelivery_time_and_limit_of_the_settings(run, jetstream):
    settings = load_settings(ack_wait_s=7, gateway_budget_s=2, batch_size=10, batches_in_flight=3)
    config = run(ensure_due_stream(jetstream, settings)).config
    assert config.ack_wait == 7
    assert config.max_ack_pending > 10 * 3, "several processes can take full batches"


def test_a_consumer_with_old_settings_is_corrected_and_keeps_its_place(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    for message_id in ("1", "2"):
        run(jetstream.publish(DUE_SUBJECT, b"{}", headers={"Nats-Msg-Id": message_id}))
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))
    [message] = run(subscription.fetch(1))
    run(message.ack_sync())
    changed = load_settings(ack_wait_s=99, batch_size=5)
    run(ensure_due_stream(jetstream, changed))
    info = run(jetstream.consumer_info(DUE_STREAM, CHARGING))
    assert (info.config.ack_wait, info.config.max_ack_pending) == (99, 4 * 5 * changed.batches_in_flight)
    assert info.num_pending == 1


def test_a_consumer_with_foreign_settings_is_corrected(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    run(jetstream.delete_consumer(DUE_STREAM, CHARGING))
    foreign = ConsumerConfig(durable_name=CHARGING, ack_wait=1, max_ack_pending=1, filter_subject=DUE_SUBJECT)
    run(jetstream.add_consumer(DUE_STREAM, foreign))
    run(ensure_due_stream(jetstream, load_settings()))
    assert run(jetstream.consumer_info(DUE_STREAM, CHARGING)).config.ack_wait == load_settings().ack_wait_s


def test_correct_streams_and_consumers_are_left_alone(run, jetstream):
    before = run(ensure_due_stream(jetstream, load_settings())), run(ensure_events_stream(jetstream, 1))
    after = run(ensure_due_stream(jetstream, load_settings())), run(ensure_events_stream(jetstream, 1))
    assert [info.created for info in before] == [info.created for info in after]
