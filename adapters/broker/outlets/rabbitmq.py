"""Public events on RabbitMQ, as CloudEvents: attributes as headers `cloudEvents_…`, the message as JSON body.

They go to the topic exchange `baohao.v1`, with the subject that they have on NATS, without its beginning, as routing
key: `card.<card id>.<event>`, `stream.epoch_started`. The stream `baohao.v1.events` keeps all of them for readers that
come later; who wants a queue binds one of its own to the exchange.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/amqp-protocol-binding.md, section 3.1, whose names
AMQP 0-9-1 can carry too.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

# Not through FastStream: its connection restores queues by itself, so that nobody would notice a broker that was wiped.
import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    AMQPError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    ProbableAuthenticationError,
    PublishError,
)
from yarl import URL

from adapters.broker.events import EVENTS_SUBJECT
from adapters.broker.outlets.outlet import Outlet, attributes_of
from adapters.broker.sending import NotStoredError, Outgoing
from adapters.settings import PREFIX, SettingsError
from engine.errors import StandstillError

EXCHANGE, STREAM = EVENTS_SUBJECT, f"{EVENTS_SUBJECT}.events"
STREAM_ARGUMENTS = {"x-queue-type": "stream", "x-max-age": "30D", "x-max-length-bytes": 10 * 1024**3}
"""Events stay for as long as on NATS, if they fit; a policy on the broker can say less."""
WITHIN_S = 15.0
"""The longest that the broker may take to connect, or to do what it is asked for: to confirm a batch, above all."""
CLOSE_WITHIN_S = 2.0
_PREFIX = "cloudEvents_"
logging.getLogger("aiormq.connection").setLevel(logging.CRITICAL)  # what it says of errors, we say
_GONE = (AMQPError, RuntimeError, OSError)
"""The library raises RuntimeError on a connection, or a channel, that was closed meanwhile."""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Outlet]:
    """See `adapters.broker.outlets.outlet.connected`."""
    where = _place(url)
    try:
        async with asyncio.timeout(WITHIN_S):
            connection = await aio_pika.connect(url)
    except ProbableAuthenticationError as error:
        raise SettingsError(
            f"{where} refuses the user, the password or the virtual host of {PREFIX}EVENTS_URL: {error}"
        ) from None
    except TimeoutError:
        raise ConnectionError(f"{where} does not answer within {WITHIN_S:g} s") from None
    except _GONE as error:
        if (hopeless := _hopeless(error)) is not None:
            raise SettingsError(f"{where} {hopeless}.") from None
        raise ConnectionError(f"{where} cannot be reached: {error}") from error
    try:
        yield RabbitMQ(connection, where)
    finally:
        with suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await connection.close()


def _hopeless(error: BaseException) -> str | None:
    """What has to be put right before another try can be of use; None where it may be."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return f"is asked with a certificate of {PREFIX}EVENTS_URL that cannot be read: {error.filename or error}"
    if "Connection.OpenOk" in str(error):
        return f"refuses the virtual host of {PREFIX}EVENTS_URL"
    causes: BaseException | None = error
    while causes is not None:
        if isinstance(causes, ssl.SSLCertVerificationError):
            return f"has a certificate that is not to be trusted: {causes.verify_message}; name who signed it: ?cafile="
        if isinstance(causes, ssl.SSLError):
            return f"does not speak TLS as amqps:// wants it: {causes.reason}"
        causes = causes.__cause__ or causes.__context__
    return None


def _place(url: str) -> str:
    """The broker as log lines name it: without user and password."""
    address = URL(url)
    return f"RabbitMQ at {address.host}:{address.port or (5671 if address.scheme == 'amqps' else 5672)}"


class RabbitMQ:
    """The outlet to RabbitMQ."""

    def __init__(self, connection: AbstractConnection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._confirming: AbstractChannel | None = None

    async def is_new(self) -> bool:
        """Whether the stream is missing."""
        async with self._channel() as channel:
            try:
                await channel.declare_queue(STREAM, passive=True)
            except ChannelNotFoundEntity as error:
                if "no queue" not in str(error):  # it is there, but its node is down, or has just been started
                    raise
                return True
        return False

    async def prepare(self) -> None:
        """Exchange, stream and binding: made if they are missing."""
        async with self._channel() as channel:
            try:
                exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
                stream = await channel.declare_queue(STREAM, durable=True, arguments=STREAM_ARGUMENTS)
            except ChannelPreconditionFailed as error:
                raise StandstillError(
                    f"{self._where} has an exchange {EXCHANGE} or a queue {STREAM} that Baohao has not made: {error}; "
                    "delete it, then Baohao makes its own and tells all events again"
                ) from None
            await stream.bind(exchange, "#")

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """All go out one after the other before the first is confirmed; RabbitMQ stores those of a channel in order."""
        with self._bounded():
            async with asyncio.timeout(WITHIN_S):
                if self._confirming is None or self._confirming.is_closed:
                    self._confirming = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                exchange = await self._confirming.get_exchange(EXCHANGE, ensure=False)
                sending = [exchange.publish(_message(one), _routing_key(one), mandatory=True) for one in messages]
                answers = await asyncio.gather(*sending, return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel of its own, since the broker closes one on which something was refused."""
        with self._bounded():
            async with asyncio.timeout(WITHIN_S), self._connection.channel() as channel:
                yield channel

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Say what went wrong in the words of the port."""
        try:
            yield
        except TimeoutError:
            raise NotStoredError(
                f"{self._where} does not answer within {WITHIN_S:g} s; it may be blocked, for want of memory or disk"
            ) from None
        except PublishError as error:
            raise NotStoredError(f"{self._where} has no queue for an event: {STREAM} is not bound") from error
        except DeliveryError as error:
            raise NotStoredError(f"{self._where} refuses an event, or a queue does that is bound there") from error
        except _GONE as error:
            raise NotStoredError(f"{self._where} fails: {error or type(error).__name__}") from error


def _routing_key(message: Outgoing) -> str:
    return message.subject.removeprefix(f"{EVENTS_SUBJECT}.")


def _message(message: Outgoing) -> aio_pika.Message:
    attributes = dict(attributes_of(message))
    return aio_pika.Message(
        message.body,
        content_type=attributes.pop("datacontenttype"),
        headers={f"{_PREFIX}{name}": value for name, value in attributes.items()},
        message_id=message.message_id,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
