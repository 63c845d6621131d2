"""The port to another broker, and the adapter that an address names."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Protocol
from urllib.parse import unquote

from adapters.broker.sending import Outgoing
from adapters.settings import PREFIX, SettingsError

_ADAPTERS = {"amqp": "rabbitmq", "amqps": "rabbitmq", "kafka": "kafka"}
"""Scheme of the address → the adapter's module, which is the name of the extra that it needs, too."""
_LIBRARIES = {"rabbitmq": "aio_pika", "kafka": "aiokafka"}
_CE = "ce-"


class Outlet(Protocol):
    """A connection to another broker.

    Each call takes a bounded time. Raises NotStoredError where the broker does not do it or is gone; StandstillError
    where only a person can help.
    """

    async def is_new(self) -> bool:
        """Whether the broker has no place for our events: it has never had one, or has lost it."""
        ...

    async def prepare(self) -> None:
        """Make that place where it is missing."""
        ...

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Tell them in order; returns once the broker has confirmed that all are stored."""
        ...


def connected(url: str) -> AbstractAsyncContextManager[Outlet]:
    """A connection to the broker of that address.

    Raises ConnectionError if it cannot be reached, and SettingsError where it refuses us, or its library is missing.
    """
    adapter = _ADAPTERS[url.partition("://")[0]]
    try:
        opened: AbstractAsyncContextManager[Outlet] = import_module(f"adapters.broker.outlets.{adapter}").connected(url)
    except ModuleNotFoundError as error:
        if error.name != _LIBRARIES[adapter]:
            raise
        message = f"{PREFIX}EVENTS_URL begins with {url.partition('://')[0]}://, for which a library is not installed"
        raise SettingsError(f"{message}: pip install 'baohao[{adapter}]'.") from None
    return opened


def attributes_of(message: Outgoing) -> Mapping[str, str]:
    """The attributes by their own names, without the encoding that only the headers of NATS need."""
    found = {name.removeprefix(_CE): value for name, value in message.headers.items()}
    if "%" in found.get("correlationid", ""):  # of the others only the source has one, and that as a URI
        found["correlationid"] = unquote(found["correlationid"])
    return found
