"""Plans, prices, keep rules and policies of the simulated world."""

from datetime import UTC, datetime, timedelta

from engine.catalogue import Catalogue, read_catalogue
from engine.policy import Policy
from engine.provider import Provider

BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
CURRENCIES = ("CNY", "USD", "EUR")
PLANS = ("short", "brand", "us", "cn", "uk", "hk", "gg")
_KEEP = {
    "short": "tello",
    "brand": "reach-brand",
    "us": "us-mobile",
    "cn": "cn-mainland",
    "uk": "vodafone-uk",
    "hk": "clubsim-hk",
    "gg": "giffgaff",
}
_FEES = {"brand": 70, "us": 100}
MINIMUM_CHARGES = {"USD": 50, "EUR": 65}
"""The least that the gateway charges, in minor units."""
YEARS_MAX = 10


def catalogue() -> Catalogue:
    """A catalogue with new prices each half-year and the keep rules that the engine ships with."""
    keep_rules = read_catalogue().keep_rules
    return Catalogue.model_validate(
        {
            "rounding": "half_even",
            "minimum_charges": MINIMUM_CHARGES,
            "plans": {
                name: {"name": {"en": name, "zh": name}, "keep_rule": rule, "notice_days": 10 + 5 * place}
                for place, (name, rule) in enumerate(_KEEP.items())
            },
            "keep_rules": keep_rules,
            "versions": [_version(half_year) for half_year in range(2 * YEARS_MAX + 3)],
        }
    )


def _version(half_year: int) -> dict[str, object]:
    year, half = 2026 + half_year // 2, half_year % 2
    prices = {plan: dict.fromkeys(CURRENCIES, 300 + 100 * place + 17 * half_year) for place, plan in enumerate(PLANS)}
    return {
        "version": version_name(half_year),
        "effective_on": datetime(year, 1 + 6 * half, 1, tzinfo=UTC).date(),
        "discounts": {"1": 0, "3": 500, "6": 1000, "12": 2000},
        "prices": prices,
        "reactivation_fees": {plan: dict.fromkeys(CURRENCIES, fee + 11 * half_year) for plan, fee in _FEES.items()},
    }


def version_name(half_year: int) -> str:
    """The name of the prices of a half-year, counted from the first of 2026."""
    return f"half-year {half_year}"


CATALOGUE = catalogue()

PROVIDER = Provider()
POLICIES = (
    Policy(version="first"),
    Policy(version="second", lead_days=5, charge_hour=15, stopped_recheck=timedelta(hours=5)),
    Policy(version="third", lead_days=1, charge_hour=9, retry_soon_after=timedelta(hours=2)),
)
"""Where policies change, each is in force for an equal part of the time."""
