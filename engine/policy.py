"""Everything an operator may tune, as one frozen value with a version."""

import csv
from collections.abc import Mapping
from datetime import timedelta
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

STRICTEST = "strictest"
"""The market whose rules satisfy those of all others; plans that name no market follow it."""


class ReminderRule(BaseModel):
    """What the laws of a market ask for ahead of an automatic charge; days before the renewal opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    early_days: NonNegativeInt | None = None
    """Holders of long periods are notified so many days before, as well; None: they are not."""
    early_of_months: tuple[PositiveInt, ...] = ()
    ahead_days: NonNegativeInt = 7
    """Every holder is notified so many days before."""
    wait_days: NonNegativeInt = 5
    """Nothing is charged automatically before that notice is so many days old."""
    change_days: NonNegativeInt = 30
    """A changed price must have been announced so many days before it may be charged."""
    source: str = ""


def _read_reminder_rules() -> Mapping[str, ReminderRule]:
    text = resources.files("engine").joinpath("reminders.csv").read_text("utf-8")
    return {
        row["market"]: ReminderRule(
            early_days=int(row["early_days"]) if row["early_days"] else None,
            early_of_months=tuple(int(months) for months in row["early_of_months"].split()),
            ahead_days=int(row["ahead_days"]),
            wait_days=int(row["wait_days"]),
            change_days=int(row["change_days"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    }


REMINDER_RULES = _read_reminder_rules()
"""By market; source: reminders.csv."""


def _with_strictest(rules: Mapping[str, ReminderRule]) -> Mapping[str, ReminderRule]:
    if STRICTEST not in rules:
        raise ValueError(f"must have rules for {STRICTEST!r}: plans that name no other market follow them")
    return rules


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
    ahead_days_most: PositiveInt = 400
    """A card is registered up to so many days before its term starts; what starts later is taken for a mistyped year
    (source: our own choice; no carrier sells a term more than a year ahead)."""
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
    """… and when the gateway may have forgotten the key, or has said that the outcome is to come."""
    stopped_recheck: timedelta = timedelta(hours=3)
    """How often cards that would be charged are checked while charging is stopped."""
    open_tries_recheck: timedelta = timedelta(minutes=10)
    """A card that waits for open tries of others is checked again after this, then after as long as it has waited …"""
    open_tries_recheck_most: timedelta = timedelta(hours=6)
    """… but after this at the latest (source: our own choice; open tries of an outage are looked up hourly)."""
    late_after: timedelta = timedelta(hours=6)
    """A card that is woken later than this was delayed by us, and its deadlines move; they also do for less where the
    number would be lost meanwhile."""
    retry_soon_after: timedelta = timedelta(hours=1)
    """After a transient decline the method is tried once more in the same rung."""
    case_after: timedelta = timedelta(days=5)
    """An outcome that is unknown for so long becomes a case for a person …"""
    pending_case_after: timedelta = timedelta(days=14)
    """… one that the gateway said would come later after so long (PayPal: up to 5 business days; our own choice) …"""
    case_before_reclaim_days: NonNegativeInt = 2
    """… and at the latest so many days before the carrier takes the number."""
    reminders: Annotated[Mapping[str, ReminderRule], AfterValidator(_with_strictest)] = REMINDER_RULES
    """What holders are notified of ahead of a charge, by market (source: reminders.csv)."""
    expiry_days: NonNegativeInt = 14
    """So many days before the term ends the holder is warned of a method that will have expired by then."""
    lapse_ahead_days: PositiveInt = 7
    """So many days before the term ends the holder is told that the service ends, if auto-renewal is off (source: our
    own choice, as for a charge: the number is lost by it)."""
    last_chance_days: PositiveInt = 7
    """So many days before the number is lost the holder gets the last reminder."""
    top_up_gap: timedelta = timedelta(hours=24)
    """Least time between two automatic top-ups of a card."""
    top_up_backoff_days: tuple[PositiveInt, ...] = (1, 3, 7)
    """Least days between two automatic top-ups after each decline; after one more their order is switched off."""
    top_ups_declined_most: PositiveInt = 5
    """So many top-ups that the holder asks for may be declined in 24 hours (source of both: our own choice)."""

    def reminder_rule(self, market: str) -> ReminderRule:
        """The rule of a market; the strictest where there is none of that name."""
        return self.reminders.get(market) or self.reminders[STRICTEST]
