"""Public events on Kafka, as CloudEvents in binary mode: attributes as headers `ce_…`, the message as JSON value.

Those of cards are on the topic `baohao.v1.card` with the card's id as key, so that one partition has a card's events in
order; epochs are on `baohao.v1.stream`. Who runs Kafka makes the topics, since their partitions, copies and retention
are a matter of that cluster. Where Kafka itself makes a topic that was deleted (`auto.create.topics.enable`), before
this has noticed that it is missing, what it held is not told again.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md, section 3.2.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

# Not through FastStream, whose publisher adds nothing here: topics are asked for below it, and sent to in one go.
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from adapters.broker.events import CARD_EVENTS_SUBJECT, EPOCHS_SUBJECT
from adapters.broker.outlets.outlet import Outlet, attributes_of
from adapters.broker.sending import NotStoredError, Outgoing
from engine.errors import StandstillError

TOPICS = (CARD_EVENTS_SUBJECT, EPOCHS_SUBJECT)
SCHEME = "kafka://"
WITHIN_S = 15.0
"""The longest that the brokers may take to connect, or to do what they are asked for: to confirm a batch, above all."""
REQUEST_WITHIN_S = 10.0
"""The same for one request, and for one batch of the library: shorter, so that it gives up by itself."""
LOOK_AGAIN_S = 5.0
"""A broker that has just been started may not know of its topics yet."""
CLOSE_WITHIN_S = 5.0
_PREFIX = "ce_"
_GONE = (KafkaError, OSError)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Outlet]:
    """See `adapters.broker.outlets.outlet.connected`."""
    servers = url.removeprefix(SCHEME)
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        client_id="baohao",
        acks="all",
        enable_idempotence=True,  # else a request that the library repeats could come after a later one
        request_timeout_ms=round(REQUEST_WITHIN_S * 1000),
    )
    try:
        try:
            async with asyncio.timeout(WITHIN_S):
                await producer.start()
        except TimeoutError:
            raise ConnectionError(f"Kafka at {servers} does not answer within {WITHIN_S:g} s") from None
        except _GONE as error:
            raise ConnectionError(f"Kafka at {servers} cannot be reached: {error}") from error
        yield Kafka(producer, servers)
    finally:
        with suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await producer.stop()


class Kafka:
    """The outlet to Kafka."""

    def __init__(self, producer: AIOKafkaProducer, servers: str) -> None:
        self._producer = producer
        self._servers = servers

    async def is_new(self) -> bool:
        """Whether a topic is missing, and is so still a little later."""
        if not await self._missing():
            return False
        await asyncio.sleep(LOOK_AGAIN_S)
        return bool(await self._missing())

    async def prepare(self) -> None:
        """Raise StandstillError where a topic is missing."""
        if missing := await self._missing():
            raise StandstillError(
                f"Kafka at {self._servers} has no topic {' and no topic '.join(missing)}: make it, as with "
                f"`kafka-topics.sh --create --topic {missing[0]} --partitions 12 --config retention.ms=2592000000`; "
                "then all events are told from the start of the log"
            )

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """All are handed over in order before the first is confirmed."""
        with self._bounded():
            async with asyncio.timeout(WITHIN_S):
                sent = [await self._producer.send(**_record(message)) for message in messages]
                answers = await asyncio.gather(*sent, return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _missing(self) -> list[str]:
        """Without asking for a topic by its name, at which Kafka might make it."""
        with self._bounded():
            async with asyncio.timeout(WITHIN_S):
                cluster = await self._producer.client.fetch_all_metadata()
        return [topic for topic in TOPICS if topic not in cluster.topics()]

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Say what went wrong in the words of the port."""
        try:
            yield
        except TimeoutError:
            raise NotStoredError(f"Kafka at {self._servers} does not answer within {WITHIN_S:g} s") from None
        except _GONE as error:
            raise NotStoredError(f"Kafka at {self._servers} fails: {error or type(error).__name__}") from error


def _record(message: Outgoing) -> dict[str, object]:
    attributes = dict(attributes_of(message))
    headers = {"content-type": attributes.pop("datacontenttype")}
    headers |= {f"{_PREFIX}{name}": value for name, value in attributes.items()}
    card_id = attributes.get("subject")
    return {
        "topic": EPOCHS_SUBJECT if card_id is None else CARD_EVENTS_SUBJECT,
        "key": None if card_id is None else card_id.encode(),
        "value": message.body,
        "headers": [(name, value.encode()) for name, value in headers.items()],
    }
