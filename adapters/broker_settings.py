"""The settings of who reads events and who gives commands over the broker; `adapters.settings` reads them."""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.broker.names import OUR_NAME, SYSTEM_NAME


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


class BrokerSettings(BaseSettings):
    """Other systems on the broker."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    senders: _Names = ""
    """Other systems that may give commands over the broker, their names separated by commas; unset: none may."""
    readers: _Names = ""
    """Other systems whose place in the public events the broker keeps, one for each; unset: readers make their own."""

    @property
    def sender_names(self) -> frozenset[str]:
        """Those of `senders`."""
        return frozenset(self.senders.split(",")) if self.senders else frozenset()

    @property
    def reader_names(self) -> frozenset[str]:
        """Those of `readers`."""
        return frozenset(self.readers.split(",")) if self.readers else frozenset()
