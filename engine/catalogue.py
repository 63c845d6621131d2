"""Plans, keep rules and versions of prices, read from a TOML file and validated as a whole."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
    with_config,
)
from pydantic_core import InitErrorDetails
from typing_extensions import TypedDict

from engine.catalogue_rules import broken_rules
from engine.errors import CatalogueError, Refused
from engine.money import BASIS_POINTS_PER_WHOLE, Currency, Money, Rounding
from engine.toml_file import read_toml
from engine.value import Value

Period = Literal[1, 3, 6, 12]
"""Months that a renewal buys."""

PERIODS: tuple[Period, ...] = (1, 3, 6, 12)


def _currency(key: str) -> str:
    if not re.fullmatch("[A-Z]{3}", key):
        raise ValueError("is no ISO 4217 code in capitals, such as CNY")
    return key


def _period(key: object) -> object:
    """The keys of a TOML table are strings."""
    return next((months for months in PERIODS if str(months) == key), key)


# TOML distinguishes numbers from strings, so parsing is strict; the upper limits keep sums and dates within bounds.
Days = Annotated[int, Field(strict=True, ge=0, le=36_500)]
_Amount = Annotated[int, Field(strict=True, gt=0, le=10**12)]
_Amounts = Annotated[Mapping[Annotated[str, AfterValidator(_currency)], _Amount], Field(min_length=1)]
_BasisPoints = Annotated[int, Field(strict=True, ge=0, lt=BASIS_POINTS_PER_WHOLE)]
_Text = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
_Name = Annotated[_Text, StringConstraints(min_length=1)]


def _after_grace(reclaim_days: int, others: ValidationInfo) -> int:
    grace_days = others.data.get("grace_days", 0)
    if grace_days >= reclaim_days:
        raise ValueError(f"must be more than grace_days ({grace_days}), not {reclaim_days}")
    return reclaim_days


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeepRule(Value):
    """How long a carrier tolerates an unpaid card; days count from the term's `ends_on`.

    Suspended at +grace, lost at +reclaim; quarantine only informs (source: carriers.csv).
    """

    grace_days: Days
    reclaim_days: Annotated[Days, Field(gt=0), AfterValidator(_after_grace)]
    quarantine_days: Days
    source: _Text = ""


@with_config(ConfigDict(extra="forbid"))
class PlanName(TypedDict):
    """What holders see, in each language of the pages."""

    en: _Name
    zh: _Name


class Plan(_Value):
    """What a holder subscribes to, and the carrier's keep rule; its prices are in the versions."""

    name: PlanName
    keep_rule: str
    notice_days: Days = 30
    """A changed price must have been announced so many days before it may be charged."""
    market: _Name = "strictest"
    """Whose rules of reminders it follows: a name in the policy's table; any other means the strictest."""


class PriceVersion(_Value):
    """The prices in force from one day to the next version's; a plan that is not there is not sold.

    Discounts are basis points by months; prices are of one month, in minor units by plan and currency; reactivation
    fees, likewise, are added when a suspended card is paid again.
    """

    version: _Name
    effective_on: Annotated[date, Field(strict=True)]
    discounts: Mapping[Annotated[Period, BeforeValidator(_period)], _BasisPoints]
    prices: Annotated[Mapping[str, _Amounts], Field(min_length=1)]
    reactivation_fees: Mapping[str, _Amounts] = Field(default_factory=dict[str, _Amounts])


class Quote(_Value):
    """A price as it is shown and kept: what a period costs, and what it saves against paying monthly.

    `reactivation_fee` comes on top if the service is off by the time of payment; None: nothing does.
    """

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    reactivation_fee: Money | None = None


class Catalogue(_Value):
    """What is sold, at which prices from which local day on, and what carriers tolerate."""

    rounding: Literal["half_up", "half_even", "down"]
    plans: Annotated[Mapping[_Name, Plan], Field(min_length=1)]
    keep_rules: Mapping[_Name, KeepRule]
    versions: tuple[PriceVersion, ...]
    """At least one, in the order of their days."""
    minimum_charges: Mapping[Annotated[str, AfterValidator(_currency)], _Amount] = Field(default_factory=dict[str, int])
    """The least that the gateway charges, in minor units by currency; where nothing is said it takes any amount."""

    @model_validator(mode="wrap")
    @classmethod
    def _as_a_whole(cls, given: object, fields: ModelWrapValidatorHandler[Self]) -> Self:
        wrong = [
            InitErrorDetails(type="value_error", loc=place, input=None, ctx={"error": sentence})
            for place, sentence in broken_rules(given, PERIODS)
        ]
        try:
            catalogue = fields(given)
        except ValidationError as error:
            wrong += [
                InitErrorDetails(type=e["type"], loc=e["loc"], input=e["input"], ctx=e.get("ctx", {}))
                for e in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data(cls.__name__, wrong) from error
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return catalogue

    def plan(self, name: str) -> Plan:
        """The plan called `name`; raises Refused `unknown_plan`."""
        try:
            return self.plans[name]
        except KeyError:
            message = f"there is no plan {name!r}; the catalogue has {_listed(self.plans)}"
            raise Refused("unknown_plan", message, "plan") from None

    def quote(self, plan: str, currency: Currency, months: Period, on: date) -> Quote:
        """Price and saving of `months` of `plan` on the local day `on`.

        Raises Refused `unknown_plan`, `not_sold` (no version in force on that day sells it), `unknown_currency`.
        """
        return self._quote(self._selling(plan, on), plan, currency, months)

    def quote_of(self, version: str, plan: str, currency: Currency, months: Period) -> Quote:
        """The same by the version of that name, whatever the day; raises also Refused `unknown_version`."""
        prices = self._version(version)
        if plan not in prices.prices:
            self.plan(plan)
            raise Refused("not_sold", f"plan {plan!r} is not sold in version {version!r} of the prices", "plan")
        return self._quote(prices, plan, currency, months)

    def effective_on(self, version: str) -> date:
        """The first local day of a version; raises Refused `unknown_version`."""
        return self._version(version).effective_on

    def currencies(self, plan: str, on: date) -> tuple[Currency, ...]:
        """The currencies in which `plan` is sold on the local day `on`; raises Refused `unknown_plan`, `not_sold`."""
        return tuple(self._selling(plan, on).prices[plan])

    def minimum_charge(self, currency: Currency) -> int:
        """The least that may be charged, in minor units; 0 where the gateway takes any amount."""
        return self.minimum_charges.get(currency, 0)

    @cached_property
    def _effective_days(self) -> tuple[date, ...]:
        return tuple(version.effective_on for version in self.versions)

    @cached_property
    def _versions_by_name(self) -> dict[str, PriceVersion]:
        return {version.version: version for version in self.versions}

    def _in_force(self, on: date) -> PriceVersion | None:
        begun = bisect_right(self._effective_days, on)
        return self.versions[begun - 1] if begun else None

    def _version(self, name: str) -> PriceVersion:
        try:
            return self._versions_by_name[name]
        except KeyError:
            message = f"the prices have no version {name!r}; there are {_listed(self._versions_by_name)}"
            raise Refused("unknown_version", message, "version") from None

    def _selling(self, plan: str, on: date) -> PriceVersion:
        version = self._in_force(on)
        if version is not None and plan in version.prices:
            return version
        self.plan(plan)
        why = f"the prices begin on {self._effective_days[0]}"
        if version is not None:
            why = f"version {version.version!r} of the prices leaves it out"
        raise Refused("not_sold", f"plan {plan!r} is not sold on {on}: {why}", "plan")

    def _quote(self, version: PriceVersion, plan: str, currency: Currency, months: Period) -> Quote:
        prices = version.prices[plan]
        if currency not in prices:
            message = f"plan {plan!r} has no price in {currency}, only in {_listed(prices)}"
            raise Refused("unknown_currency", message, "currency")
        discount, fee = version.discounts[months], version.reactivation_fees.get(plan, {}).get(currency)
        return _quoted(prices[currency], currency, months, discount, self.rounding, version.version, fee)


@lru_cache(maxsize=16_384)  # asked once per renewal, of a few hundred different ones
def _quoted(  # noqa: PLR0917 (what the price follows from)
    monthly: int, currency: Currency, months: Period, discount: int, rounding: str, version: str, fee: int | None
) -> Quote:
    full = Money(minor=monthly, currency=currency) * months
    price = full.less_discount(discount, Rounding[rounding.upper()])
    on_top = None if fee is None else Money(minor=fee, currency=currency)
    return Quote(months=months, price=price, saving=full - price, catalogue_version=version, reactivation_fee=on_top)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names))


def read_catalogue(path: Path | None = None) -> Catalogue:
    """The catalogue in the TOML file at `path`, or the one shipped with the engine.

    Raises CatalogueError with one line per problem: file, line number, place, what to do.
    """
    source = path or (resources.files("engine") / "catalogue.toml")
    found = read_toml(source, Catalogue)
    if isinstance(found, Catalogue):
        return found
    raise CatalogueError("\n".join(problem.formatted(source) for problem in found))
