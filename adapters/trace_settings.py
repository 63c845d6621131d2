"""The settings of who collects traces; `adapters.settings` reads them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _collector(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("it should be http:// or https:// with host, port and path, without a user")
    _ = parts.port  # raises ValueError for one that is none
    return address


class TraceSettings(BaseSettings):
    """Where traces go, and how many of them."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    traces_url: Annotated[str, AfterValidator(_collector)] | None = Field(None, repr=False)
    """Where OpenTelemetry's traces go by OTLP over HTTP, as http://127.0.0.1:4318/v1/traces; unset: nowhere."""
    traces_share: float = Field(1, ge=0, le=1)
    """The share of commands and wake-ups that are traced, each of them by all processes or by none."""
