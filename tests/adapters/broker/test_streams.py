"""Streams and the charging consumer are created if missing, bounded, and their settings corrected or refused."""

from datetime import timedelta

import nats
import pytest
from nats.js.api import ConsumerConfig, DiscardPolicy, StorageType
from nats.js.errors import APIError
from structlog.testing import capture_logs

from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.streams import (
    CHARGING,
    DUE_DELIVERIES,
    DUE_MAX_BYTES,
    DUE_MESSAGE_MAX_BYTES,
    DUPLICATE_WINDOW,
    EVENTS_RETENTION,
    ensure_due_stream,
    ensure_events_stream,
    lease_of,
)
from adapters.settings import load_settings
from engine.errors import StandstillError
from tests.adapters.broker.small import broker_with_room


@pytest.fixture
def jetstream(client):
    return client.jetstream()


def test_missing_streams_are_created(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    run(ensure_events_stream(jetstream, load_settings()))
    assert sorted(info.config.name for info in run(jetstream.streams_info())) == [DUE_STREAM, EVENTS_STREAM]


def test_events_have_a_retention_and_a_duplicate_window(run, jetstream):
    config = run(ensure_events_stream(jetstream, load_settings())).config
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
    before = run(ensure_due_stream(jetstream, load_settings())), run(ensure_events_stream(jetstream, load_settings()))
    after = run(ensure_due_stream(jetstream, load_settings())), run(ensure_events_stream(jetstream, load_settings()))
    assert [info.created for info in before] == [info.created for info in after]


def test_both_streams_are_bounded_and_the_queue_keeps_a_message_for_its_lease(run, jetstream):
    settings = load_settings(gateway_budget_s=2, ack_wait_s=7, events_max_mb=3)
    run(ensure_due_stream(jetstream, settings))
    due = run(jetstream.stream_info(DUE_STREAM)).config
    assert timedelta(seconds=due.max_age) == lease_of(settings) == timedelta(seconds=21)
    assert (due.max_bytes, due.max_msg_size, due.discard) == (DUE_MAX_BYTES, DUE_MESSAGE_MAX_BYTES, "old")
    events = run(ensure_events_stream(jetstream, settings)).config
    assert (events.max_bytes, events.discard) == (3 * 1024**2, "old")


def test_a_message_as_large_as_a_strangers_does_not_enter_the_queue(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    with pytest.raises(APIError, match="size exceeds"):
        run(jetstream.publish(DUE_SUBJECT, b"{}", headers={"Nats-Msg-Id": "x" * 60_000}))


def test_a_message_that_is_never_acknowledged_comes_a_few_times_only(run, jetstream):
    run(ensure_due_stream(jetstream, load_settings()))
    run(jetstream.publish(DUE_SUBJECT, b"{}"))
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))
    for _ in range(DUE_DELIVERIES):
        [message] = run(subscription.fetch(1, timeout=60))
        run(message.nak())
    with pytest.raises(TimeoutError):
        run(subscription.fetch(1, timeout=0.2))


def test_settings_of_a_stream_made_by_hand_are_corrected(run, jetstream):
    by_hand = {"max_msgs": 2, "max_msgs_per_subject": 1, "no_ack": True, "discard": DiscardPolicy.NEW, "max_age": 5}
    run(jetstream.add_stream(name=EVENTS_STREAM, subjects=["baohao.v1.card.x.card_renewed"], **by_hand))
    with capture_logs() as lines:
        corrected = run(ensure_events_stream(jetstream, load_settings())).config
    [line] = [line for line in lines if line["event"] == "stream.corrected"]
    assert line.keys() > {"stream", "subjects", *by_hand}
    run(jetstream.delete_stream(EVENTS_STREAM))
    made = run(ensure_events_stream(jetstream, load_settings())).config
    assert all(getattr(made, name) == getattr(corrected, name) for name in (*by_hand, "subjects", "max_bytes"))


def test_a_stream_of_the_former_contract_makes_room_for_a_new_one(run, jetstream):
    run(jetstream.add_stream(name=EVENTS_STREAM, subjects=["baohao.events.>"]))
    run(jetstream.publish("baohao.events.card_renewed.v1", b"{}"))
    with capture_logs() as lines:
        made = run(ensure_events_stream(jetstream, load_settings()))
    [line] = [line for line in lines if line["event"] == "stream.former_removed"]
    assert (line["stream"], line["messages"]) == (EVENTS_STREAM, 1)
    assert (made.config.subjects, made.state.messages) == (["baohao.v1.card.>", "baohao.v1.stream.>"], 0)


def test_a_stream_whose_retention_cannot_be_corrected_is_refused(run, jetstream):
    run(jetstream.add_stream(name=DUE_STREAM, subjects=[DUE_SUBJECT], storage=StorageType.MEMORY))
    with pytest.raises(StandstillError) as refused:
        run(ensure_due_stream(jetstream, load_settings()))
    assert str(refused.value) == (
        "stream BAOHAO_DUE on the broker was not made by Baohao: it has retention limits, storage memory, which the "
        "broker cannot change; delete it with `nats stream rm BAOHAO_DUE`, then Baohao makes its own"
    )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"stream_replicas": 3}, "replicas > 1 not supported in non-clustered mode"),
        ({"events_max_mb": 10_000_000}, "insufficient storage resources available"),
    ],
)
@pytest.mark.parametrize("exists", [False, True], ids=["new", "existing"])
def test_what_the_broker_cannot_give_is_refused_with_its_cause(run, jetstream, settings, why, exists):
    if exists:
        run(ensure_events_stream(jetstream, load_settings()))
    with pytest.raises(StandstillError, match=f"the broker refuses stream BAOHAO_EVENTS with .* servers: {why}; "):
        run(ensure_events_stream(jetstream, load_settings(**settings)))


def test_a_smaller_limit_takes_no_stored_events_away(run, jetstream):
    run(ensure_events_stream(jetstream, load_settings()))
    for _ in range(40):
        run(jetstream.publish("baohao.v1.card.test", bytes(60_000)))
    with pytest.raises(StandstillError, match=r"BAOHAO_EVENTS holds 2 MB, more than the 1 MB .*BAOHAO_EVENTS_MAX_MB"):
        run(ensure_events_stream(jetstream, load_settings(events_max_mb=1)))
    assert run(jetstream.stream_info(EVENTS_STREAM)).state.messages == 40


def test_a_history_of_events_that_exceeds_its_limit_leaves_the_queue_its_room(run, tmp_path):
    async def fill(url):
        client = await nats.connect(url)
        try:
            jetstream, settings = client.jetstream(), load_settings(events_max_mb=2)
            await ensure_due_stream(jetstream, settings)
            await ensure_events_stream(jetstream, settings)
            for _ in range(100):
                await jetstream.publish("baohao.v1.card.test", bytes(60_000))
            await jetstream.publish(DUE_SUBJECT, b"{}")
            return [await jetstream.stream_info(name) for name in (DUE_STREAM, EVENTS_STREAM)]
        finally:
            await client.close()

    with broker_with_room(tmp_path, DUE_MAX_BYTES + 3 * 1024**2) as url:
        due, events = run(fill(url))
    assert due.state.messages == 1
    assert 0 < events.state.messages < 100
