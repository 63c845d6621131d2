"""What is published on NATS is told on Kafka too: against librdkafka's mock cluster, which is no real Kafka."""

import json
import socket
from contextlib import closing

import pytest

from adapters.broker.events import CARD_EVENTS_SUBJECT, EPOCHS_SUBJECT
from adapters.broker.outlets import kafka as outlet_module
from adapters.broker.outlets.kafka import connected
from adapters.broker.sending import NotStoredError
from adapters.roles.forwarder import forward, resume
from adapters.roles.publisher import start_epoch
from adapters.settings import load_settings
from engine.errors import StandstillError
from tests.adapters.stored import CELL, LIMIT, publish_all, stored
from tests.kafka import Cluster


@pytest.fixture
def cluster():
    with closing(Cluster()) as found:
        yield found


@pytest.fixture
def outlet(run, cluster):
    opened = connected(cluster.url)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


async def forward_all(connection, outlet):
    await resume(connection, outlet)
    sent, more = 0, True
    while more:
        messages, more = await forward(connection, outlet, CELL.name, LIMIT)
        sent += messages
    return sent


def headers(message):
    return {name: value.decode() for name, value in message.headers()}


def test_every_public_fact_is_told_and_those_of_a_card_in_order(run, cards, connection, client, cluster, outlet):
    cards.register(1, 2, 3, 4, 5)
    run(publish_all(connection, client))
    cluster.make_topics()
    assert run(forward_all(connection, outlet)) == 15
    messages = cluster.told(CARD_EVENTS_SUBJECT, 15)
    assert len(messages) == 15
    on_nats = {message.headers["ce-id"]: message for message in run(stored(client))}
    versions = {}
    for message in messages:
        found = headers(message)
        same = on_nats[found["ce_id"]]
        attributes = {name: value for name, value in same.headers.items() if name.startswith("ce-")}
        assert found.pop("content-type") == attributes.pop("ce-datacontenttype")
        assert found == {f"ce_{name[3:]}": value for name, value in attributes.items()}
        assert message.value() == same.data
        assert message.key().decode() == found["ce_subject"]
        versions.setdefault(message.key(), []).append((message.partition(), int(found["ce_cardversion"])))
    assert len({partition for told in versions.values() for partition, _ in told}) > 1
    for told in versions.values():
        assert len({partition for partition, _ in told}) == 1
        assert [version for _, version in told] == [1, 2, 3]


def test_an_epoch_has_a_topic_of_its_own(run, cards, connection, client, cluster, outlet):
    cards.register(1)
    run(publish_all(connection, client))
    run(start_epoch(connection, client, load_settings()))
    cluster.make_topics()
    run(forward_all(connection, outlet))
    [begins] = cluster.told(EPOCHS_SUBJECT, 1)
    assert (begins.key(), json.loads(begins.value())) == (None, {"position": 0})
    assert headers(begins)["ce_type"] == "baohao.epoch_started.v1"
    assert {headers(one)["ce_epoch"] for one in cluster.told(CARD_EVENTS_SUBJECT, 3)} == {"2"}


def test_without_topics_it_says_how_to_make_them_and_then_tells_all_of_the_log(
    run, cards, connection, client, cluster, outlet
):
    cards.register(1)
    run(publish_all(connection, client))
    with pytest.raises(
        StandstillError,
        match=r"no topic baohao\.v1\.card and no topic baohao\.v1\.stream: make it, as with `kafka-topics",
    ):
        run(forward_all(connection, outlet))
    cluster.make_topics()
    assert run(forward_all(connection, outlet)) == 3
    with closing(Cluster()) as other:

        async def tell_another():
            async with connected(other.url) as its_outlet:
                with pytest.raises(StandstillError):
                    await resume(connection, its_outlet)
                other.make_topics()
                return await forward_all(connection, its_outlet)

        assert run(tell_another()) == 3


def test_a_cluster_that_is_gone_or_never_answers_is_a_fault(
    run, cards, connection, client, cluster, outlet, monkeypatch
):
    async def connect(port):
        async with connected(f"kafka://127.0.0.1:{port}"):
            pass

    cards.register(1)
    run(publish_all(connection, client))
    cluster.make_topics()
    run(resume(connection, outlet))
    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.5)
    cluster.close()
    with pytest.raises(NotStoredError, match="Kafka at 127"):
        run(forward(connection, outlet, CELL.name, LIMIT))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(ConnectionError, match=rf"Kafka at 127\.0\.0\.1:{port} does not answer within 0\.5 s"):
            run(connect(port))
    with pytest.raises(ConnectionError, match=rf"Kafka at 127\.0\.0\.1:{port} cannot be reached"):
        run(connect(port))
