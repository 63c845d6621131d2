"""What is published on NATS is told on Kafka too: against librdkafka's mock cluster, which is no real Kafka."""

import json
import socket
from contextlib import closing

import pytest

from adapters.broker.events import CARD_EVENTS_SUBJECT, EPOCHS_SUBJECT
from adapters.broker.outlets import kafka as outlet_module
from adapters.broker.outlets.kafka import connected
from adapters.broker.sending import NotStoredError
from engine.errors import StandstillError
from tests.kafka import Cluster

NO_TOPICS = r"no topic baohao\.v1\.card and no topic baohao\.v1\.stream: make it, as with `kafka-topics\.sh"


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(outlet_module, "LOOK_AGAIN_S", 0.01)
    with closing(Cluster()) as found:
        yield found


@pytest.fixture
def outlet(run, cluster):
    """In place of that to RabbitMQ."""
    opened = connected(cluster.url)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


def headers(message):
    return {name: value.decode() for name, value in message.headers()}


def test_every_public_fact_is_told_with_the_same_attributes(cards, telling, cluster):
    cards.register(1, 2, 3)
    telling.publish()
    cluster.make_topics()
    assert telling.forward() == 9
    on_nats = {attributes["id"]: (message, attributes) for message, attributes in telling.published()}
    messages = cluster.told(CARD_EVENTS_SUBJECT, 9)
    assert {headers(message)["ce_id"] for message in messages} == on_nats.keys()
    assert len(messages) == 9
    for message in messages:
        found = headers(message)
        same, attributes = on_nats[found["ce_id"]]
        assert found.pop("content-type") == attributes.pop("datacontenttype")
        assert found == {f"ce_{name}": value for name, value in attributes.items()}
        assert message.key().decode() == attributes["subject"]
        assert message.value() == same.data


def test_the_events_of_a_card_are_on_one_partition_in_order(cards, telling, cluster):
    cards.register(*range(1, 9))
    telling.publish()
    cluster.make_topics()
    telling.forward()
    of_card = {}
    for message in cluster.told(CARD_EVENTS_SUBJECT, 24):
        of_card.setdefault(message.key(), []).append((message.partition(), headers(message)["ce_cardversion"]))
    assert all([version for _, version in told] == ["1", "2", "3"] for told in of_card.values())
    partitions = [{partition for partition, _ in told} for told in of_card.values()]
    assert all(len(one) == 1 for one in partitions)
    assert len(set.union(*partitions)) > 1


def test_one_killed_between_confirm_and_save_sends_that_batch_again(cards, telling, cluster):
    cards.register(1)
    telling.publish()
    cluster.make_topics()
    telling.resume()
    telling.killed_before_it_saves()
    telling.forward()
    versions = [headers(message)["ce_cardversion"] for message in cluster.told(CARD_EVENTS_SUBJECT, 6)]
    assert versions == ["1", "2", "3", "1", "2", "3"]


def test_an_epoch_has_a_topic_of_its_own(cards, telling, cluster):
    cards.register(1)
    telling.publish()
    telling.start_epoch()
    cluster.make_topics()
    telling.forward()
    [begins] = cluster.told(EPOCHS_SUBJECT, 1)
    assert (begins.key(), json.loads(begins.value())) == (None, {"position": 0})
    assert headers(begins)["ce_type"] == "baohao.epoch_started.v1"
    assert {headers(one)["ce_epoch"] for one in cluster.told(CARD_EVENTS_SUBJECT, 3)} == {"2"}


def test_without_topics_it_says_how_to_make_them_and_then_tells_all_of_the_log(cards, telling, cluster):
    cards.register(1)
    telling.publish()
    with pytest.raises(StandstillError, match=NO_TOPICS):
        telling.resume()
    cluster.make_topics()
    assert telling.forward() == 3


def test_another_cluster_is_told_all_of_the_log(run, cards, telling, cluster):
    cards.register(1)
    telling.publish()
    cluster.make_topics()
    telling.forward()
    with closing(Cluster()) as other:
        opened = connected(other.url)
        outlet = run(opened.__aenter__())
        with pytest.raises(StandstillError):
            telling.resume(outlet)
        other.make_topics()
        assert telling.forward(outlet) == 3
        run(opened.__aexit__(None, None, None))
        assert len(other.told(CARD_EVENTS_SUBJECT, 3)) == 3


def test_a_cluster_that_is_gone_is_a_fault_within_a_bounded_time(cards, telling, cluster, monkeypatch):
    cards.register(1)
    telling.publish()
    cluster.make_topics()
    telling.resume()
    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.5)
    cluster.close()
    with pytest.raises(NotStoredError, match=r"^Kafka at 127\.0\.0\.1:"):
        telling.step()


def test_one_that_never_answers_or_is_not_there_is_a_fault(run, monkeypatch):
    async def connect(number):
        async with connected(f"kafka://127.0.0.1:{number}"):
            pass

    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        number = mute.getsockname()[1]
        with pytest.raises(ConnectionError, match=rf"^Kafka at 127\.0\.0\.1:{number} does not answer within 0\.5 s"):
            run(connect(number))
    with pytest.raises(ConnectionError, match=rf"^Kafka at 127\.0\.0\.1:{number} cannot be reached"):
        run(connect(number))
