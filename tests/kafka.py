"""What speaks Kafka's protocol for the tests: the mock cluster of librdkafka, in this process. It is no real Kafka.

It keeps what is produced in memory, gives each partition its order, knows no idempotence across restarts, and makes a
topic as soon as somebody asks for it by name.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from adapters.broker.outlets.kafka import TOPICS

PATIENCE_S = 60
_QUIET = {"log_level": 2, "error_cb": lambda _: None}


@contextmanager
def _silence() -> Iterator[None]:
    """What C code writes to standard error is lost meanwhile."""
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        for descriptor in (stderr, nowhere):
            os.close(descriptor)


class Cluster:
    """One broker, as long as this lives."""

    def __init__(self) -> None:
        with _silence():  # it greets on standard error before it hears of `log_level`
            self._owner: Producer | None = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, **_QUIET})
        [broker] = self._owner.list_topics(timeout=PATIENCE_S).brokers.values()
        self.address = f"{broker.host}:{broker.port}"

    @property
    def url(self) -> str:
        return f"kafka://{self.address}"

    def make_topics(self) -> None:
        assert self._owner is not None
        for topic in TOPICS:
            self._owner.list_topics(topic, timeout=PATIENCE_S)

    def close(self) -> None:
        self._owner = None

    def told(self, topic: str, count: int) -> list[Message]:
        """So many messages of a topic, and whatever more comes with them; each partition's in order."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "tests", **_QUIET})
        try:
            partitions = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
            consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
            found: list[Message] = []
            deadline = time.monotonic() + PATIENCE_S
            while len(found) < count:
                found += [one for one in consumer.consume(1000, timeout=0.1) if one.error() is None]
                assert time.monotonic() < deadline, f"{len(found)} of {count} messages came"
            found += [one for one in consumer.consume(1000, timeout=0.1) if one.error() is None]
        finally:
            consumer.close()
        return found
