"""The settings of the payment gateway, apart from those of the simulated one; `adapters.settings` reads them."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

STRIPE_URL = "https://api.stripe.com"
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?")


def _stripe_or_here(address: str) -> str:
    address = address.rstrip("/")
    if address != STRIPE_URL and not _LOOPBACK.fullmatch(address):
        raise ValueError(f"it should be {STRIPE_URL}, or http://127.0.0.1:PORT of a sandbox on this machine")
    return address


def absolute(path: Path) -> Path:
    """The path from the root, `~` being the user's home folder."""
    return path.expanduser().absolute()


_AbsolutePath = Annotated[Path, AfterValidator(absolute)]


class GatewaySettings(BaseSettings):
    """Which provider is asked for money, by which key, and how fast."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    gateway: Literal["simulated", "stripe"] = "simulated"
    """The payment gateway; a sandbox that speaks Stripe's API is `stripe` at another address."""
    gateway_rate: float = Field(20, gt=0, le=10_000)
    """Stripe: the most requests a second, over all processes; Stripe itself allows 25 at each of its endpoints."""
    stripe_key: str | None = Field(None, repr=False)
    """Stripe: the secret or restricted key (sk_ or rk_)."""
    stripe_key_file: _AbsolutePath | None = None
    """File with the key, so that no environment shows it."""
    stripe_webhook_secret: str | None = Field(None, repr=False)
    """Stripe: the secret of the endpoint that receives notifications (whsec_)."""
    stripe_webhook_secret_file: _AbsolutePath | None = Field(None, repr=False)
    """File with that secret."""
    stripe_mode: Literal["live", "test"] = "test"
    """Stripe: whether real money moves; the key has to be one of this mode."""
    stripe_url: Annotated[str, AfterValidator(_stripe_or_here)] = Field(STRIPE_URL, repr=False)
    """Stripe: the address of its API, or of a sandbox on this machine."""
