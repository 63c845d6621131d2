"""Plans, prices by period and keep rules, read from a TOML file and validated as a whole."""

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from engine.errors import CatalogueError, Refused
from engine.money import BASIS_POINTS_PER_WHOLE, Currency, Money, Rounding

Period = Literal[1, 3, 6, 12]
"""Months that a renewal buys."""

PERIODS: tuple[Period, ...] = (1, 3, 6, 12)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepRule(_Value):
    """How long a carrier tolerates an unpaid card; days count from the term's `ends_on`.

    Suspended at +grace, lost at +reclaim; quarantine only informs (source: carriers.csv).
    """

    grace_days: NonNegativeInt
    reclaim_days: PositiveInt
    quarantine_days: NonNegativeInt
    source: str = ""

    @model_validator(mode="after")
    def _grace_ends_before_reclaim(self) -> Self:
        if self.grace_days >= self.reclaim_days:
            message = f"grace_days ({self.grace_days}) must be less than reclaim_days ({self.reclaim_days})"
            raise ValueError(message)
        return self


class Plan(_Value):
    """What a holder subscribes to: a month's price per currency in minor units, and the carrier's keep rule."""

    name: Mapping[str, str]
    keep_rule: str
    price: Mapping[Currency, PositiveInt]


class Quote(_Value):
    """A price as it is shown and kept: what a period costs, and what it saves against paying monthly."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str


def _number(key: object) -> object:
    return int(key) if isinstance(key, str) and key.isdecimal() else key


class Catalogue(_Value):
    """One version of plans, prices, discounts (basis points by months) and keep rules."""

    version: str
    effective_on: date
    rounding: Literal["half_up", "half_even", "down"]
    discounts: Mapping[Annotated[Period, BeforeValidator(_number)], int] = Field(min_length=len(PERIODS))
    plans: Mapping[str, Plan]
    keep_rules: Mapping[str, KeepRule]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, plan in self.plans.items():
            if plan.keep_rule not in self.keep_rules:
                message = f"plans.{name}.keep_rule: there is no [keep_rules.{plan.keep_rule}]"
                raise ValueError(message)
        steps = [self.discounts[months] for months in PERIODS]
        if steps != sorted(steps) or steps[0] < 0 or steps[-1] >= BASIS_POINTS_PER_WHOLE:
            message = f"discounts: must not fall as the period grows and stay within 0..9999, not {steps}"
            raise ValueError(message)
        return self

    def plan(self, name: str) -> Plan:
        """The plan called `name`; raises Refused `unknown_plan`."""
        try:
            return self.plans[name]
        except KeyError:
            known = ", ".join(sorted(self.plans))
            code, message = "unknown_plan", f"there is no plan {name!r}; the catalogue has {known}"
            raise Refused(code, message, "plan") from None

    def quote(self, plan: str, currency: Currency, months: Period) -> Quote:
        """Price and saving of `months` of `plan`; raises Refused `unknown_plan` or `unknown_currency`."""
        prices = self.plan(plan).price
        if currency not in prices:
            code, message = "unknown_currency", f"plan {plan!r} has no price in {currency}"
            raise Refused(code, message, "currency")
        full = Money(minor=prices[currency], currency=currency) * months
        price = full.less_discount(self.discounts[months], Rounding[self.rounding.upper()])
        return Quote(months=months, price=price, saving=full - price, catalogue_version=self.version)


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue in the TOML file at `path`, or the one shipped with the engine; raises CatalogueError."""
    source = path or (resources.files("engine") / "catalogue.toml")
    try:
        return Catalogue.model_validate(tomllib.loads(source.read_text("utf-8")))
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        message = f"{source}: {places}"
        raise CatalogueError(message) from error
    except (OSError, ValueError) as error:  # not there, or not TOML
        message = f"{source}: {error}"
        raise CatalogueError(message) from error
