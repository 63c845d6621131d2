"""Everything an operator may tune, as one frozen value with a version."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt


class Policy(BaseModel):
    """The settings of the renewal rules; facts carry `version`, so that a decision can be explained later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = "2026-11-01"
    lead_days: PositiveInt = 3
    """A renewal opens this many local days before its term ends; on the last day itself it would open after the end of
    the term in which it is to be paid, and service without days of grace would stop first."""
    late_restart_days: NonNegativeInt = 7
    """A term that is paid after it began, and less than this before the next renewal opens, starts on the day of
    payment: else both are charged within days (decisions: "late payment restarts the term?")."""
    lapsed_days_most: PositiveInt = 30
    """A card is registered as a matter of course up to so many days after its term ended; what ended earlier is taken
    for a mistyped year, unless it is said to be lapsed (source: our own choice; a year off, all but the longest terms
    seem to have ended half a year ago or more)."""
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
    ask_again_after: tuple[timedelta, ...] = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
    """Waits between questions about an unknown outcome while its key is known; the last one repeats …"""
    look_up_every: timedelta = timedelta(days=1)
    """… and when the gateway may have forgotten the key (Stripe: after 24 h)."""
    key_lifetime: timedelta = timedelta(hours=23)
    """How long a gateway certainly knows an idempotency key (Stripe: 24 h); after that only look up."""
    never_happened_after: timedelta = timedelta(hours=24)
    """An attempt missing from the gateway's records so long after it was last sent never happened."""
    stopped_recheck: timedelta = timedelta(hours=3)
    """How often cards that would be charged are checked while charging is stopped."""
    open_tries_recheck: timedelta = timedelta(minutes=10)
    """A card that waits for open tries of others is checked again after this, then after as long as it has waited …"""
    open_tries_recheck_most: timedelta = timedelta(hours=6)
    """… but after this at the latest (source: our own choice; open tries of an outage are looked up hourly)."""
    late_after: timedelta = timedelta(hours=6)
    """A card that is woken later than this was delayed by us, and its deadlines move."""
    retry_soon_after: timedelta = timedelta(hours=1)
    """After a transient decline the method is tried once more in the same rung."""
    case_after: timedelta = timedelta(days=5)
    """An outcome that is unknown for so long becomes a case for a person …"""
    case_before_reclaim_days: NonNegativeInt = 2
    """… and at the latest so many days before the carrier takes the number."""
    ahead_days: NonNegativeInt = 7
    """Holders of long periods are reminded so many days before the renewal opens."""
    ahead_of_months: tuple[PositiveInt, ...] = (6, 12)
    expiry_days: NonNegativeInt = 14
    """So many days before the term ends the holder is warned of a method that will have expired by then."""
    last_chance_days: PositiveInt = 7
    """So many days before the number is lost the holder gets the last reminder."""
    top_up_gap: timedelta = timedelta(hours=24)
    """Least time between two automatic top-ups of a card."""
    top_up_backoff_days: tuple[PositiveInt, ...] = (1, 3, 7)
    """Least days between two automatic top-ups after each decline; after one more their order is switched off."""
    top_ups_declined_most: PositiveInt = 5
    """So many top-ups that the holder asks for may be declined in 24 hours (source of both: our own choice)."""
