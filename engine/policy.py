"""Everything an operator may tune, as one frozen value with a version."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt


class Policy(BaseModel):
    """The knobs of the renewal rules; facts carry `version` so that a decision explains itself later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "2026-11-01"
    lead_days: NonNegativeInt = 3
    """A renewal opens this many local days before its term ends."""
    charge_hour: int = Field(default=10, ge=0, le=22)
    """Local hour at which charges are made."""
    charge_spread_s: int = Field(default=3600, ge=1, le=3600)
    """Charges of one hour are spread over this many seconds by card id."""
    ladder_days: tuple[PositiveInt, ...] = Field(default=(1, 3, 5, 7), min_length=1)
    """Rungs after the first failure, in local days."""
    ladder_then_every_days: PositiveInt = 7
    ladder_gap: timedelta = timedelta(hours=20)
    """Least time between two rungs."""
    gateway_budget: timedelta = timedelta(seconds=20)
    """How long one call to the gateway may take; an attempt younger than that is left alone."""
    ask_again_after: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
    """Waits between questions about an unknown outcome; the last one repeats."""
    key_lifetime: timedelta = timedelta(hours=23)
    """How long a gateway surely knows an idempotency key (Stripe: 24 h); after that only look up."""
    never_happened_after: timedelta = timedelta(hours=24)
    """Missing from the gateway's records this long after the last send: it never happened."""
    stopped_recheck: timedelta = timedelta(hours=1)
    """While charging is stopped, cards that would be charged look again after this long."""
