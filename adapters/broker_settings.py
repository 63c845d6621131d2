"""The settings of who reads events and who gives commands over the broker; `adapters.settings` reads them."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.broker.names import OUR_NAME, SYSTEM_NAME
from adapters.gateway_settings import absolute


def _names(value: str) -> str:
    names = [name.strip() for name in value.split(",")] if value else []
    for name in names:
        if not SYSTEM_NAME.fullmatch(name):
            raise ValueError(f"{name!r} should begin with a letter a-z, then up to 31 letters, digits, - or _")
        if name == OUR_NAME:
            raise ValueError(f"{name!r} is the name of this system itself")
    if len(set(names)) < len(names):
        raise ValueError("it should name each system once")
    return ",".join(names)


_Names = Annotated[str, AfterValidator(_names)]


PORT_MOST = 65_535


def _other_broker(address: str) -> str:
    if address.startswith(("nats://", "tls://")):
        raise ValueError("events are on NATS anyway, at NATS_URL; it names another broker, on which they are told too")
    if address.startswith("kafka://"):
        if not re.fullmatch(r"kafka://[\w.-]+(:\d{1,5})?(,[\w.-]+(:\d{1,5})?)*", address):
            raise ValueError("it should be kafka://HOST:PORT, several separated by commas, without user and password")
    elif not re.fullmatch(
        r"amqps?://(?:[^@/\s]*@)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?][^@\s]*)?", address
    ):
        raise ValueError(
            "it should be amqp://USER:PASSWORD@HOST:PORT, amqps://… or kafka://HOST:PORT; in a password / is written "
            "%2F and @ is written %40"
        )
    if any(int(port) > PORT_MOST for port in re.findall(r":(\d+)(?=[/?,]|$)", address)):
        raise ValueError(f"its port should be at most {PORT_MOST}")
    return address


class BrokerSettings(BaseSettings):
    """Other systems on the broker."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    senders: _Names = ""
    """Other systems that may give commands over the broker, their names separated by commas; unset: none may."""
    readers: _Names = ""
    """Other systems whose place in the public events the broker keeps, one for each; unset: readers make their own."""
    events_url: Annotated[str, AfterValidator(_other_broker)] | None = Field(None, repr=False)
    """Another broker on which events are told too, amqp://…, amqps://… or kafka://HOST:PORT,…; unset: on NATS alone."""
    events_password_file: Annotated[Path, AfterValidator(absolute)] | None = None
    """File with the password for BAOHAO_EVENTS_URL, so that the address need not hold it."""

    @property
    def sender_names(self) -> frozenset[str]:
        """Those of `senders`."""
        return frozenset(self.senders.split(",")) if self.senders else frozenset()

    @property
    def reader_names(self) -> frozenset[str]:
        """Those of `readers`."""
        return frozenset(self.readers.split(",")) if self.readers else frozenset()
