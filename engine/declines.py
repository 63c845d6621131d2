"""What may be done after a decline: gateway codes (declines.csv) under network codes under advice codes (networks.csv).

Sources: Stripe's decline codes, Visa's categories, Mastercard's merchant advice codes; see the `why` columns.
"""

import csv
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from typing import Literal, NamedTuple


class Consequence(StrEnum):
    """What a decline code allows us to do next."""

    RETRY = "retry"
    RETRY_SOON = "retry_soon"
    RETRY_AFTER_24H = "retry_after_24h"
    FIX_DETAILS = "fix_details"
    NEW_METHOD = "new_method"
    HOLDER_PRESENT = "holder_present"
    NEVER = "never"
    MANDATE_WITHDRAWN_METHOD = "mandate_withdrawn_method"
    MANDATE_WITHDRAWN_CARD = "mandate_withdrawn_card"
    ALARM = "alarm"
    RECONCILE = "reconcile"


Authority = Literal["advice_code", "network_code", "code", "unknown_code"]
"""Which code decided, in the order of authority."""


class Verdict(NamedTuple):
    """What may be done next, which code decided it, and how long the method must be left alone."""

    consequence: Consequence
    decided_by: Authority
    wait: timedelta = timedelta(0)


NEVER_HAPPENED = "never_happened"
"""Our own code for an attempt that the gateway's complete list does not have."""
NOT_CHARGED = "not_charged"
"""Our own code for an attempt that a person found to have moved no money."""
NOT_PAID_ON_PAGE = "not_paid_on_page"
"""Our own code for what the holder was to pay on the provider's page, and did not."""
NO_CHARGE_MADE = frozenset({NEVER_HAPPENED, NOT_CHARGED})
"""Codes of attempts that no issuer can have seen."""

AMOUNT_TOO_SMALL = "amount_too_small"
"""The provider's code for less than it charges; we say the same of such a payment without asking it."""
OF_THE_AMOUNT = frozenset({AMOUNT_TOO_SMALL, "amount_too_large"})
"""Codes of an amount that no payment method takes: our prices are wrong, or the holder's choice of a top-up."""

METHOD_ENDS = frozenset(
    {
        Consequence.FIX_DETAILS,
        Consequence.NEW_METHOD,
        Consequence.HOLDER_PRESENT,
        Consequence.NEVER,
        Consequence.MANDATE_WITHDRAWN_METHOD,
        Consequence.MANDATE_WITHDRAWN_CARD,
    }
)
"""After these the method is not tried again automatically before the holder changes something."""


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("engine") / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


CONSEQUENCES = {row["code"]: Consequence(row["next"]) for row in _rows("declines.csv")}

_DAY_APART = timedelta(hours=24)
_NETWORKS = {
    (row["kind"], row["code"]): (Consequence(row["next"]), timedelta(hours=int(row["after_hours"] or 0)))
    for row in _rows("networks.csv")
}


@lru_cache(maxsize=4096)
def verdict_on(code: str, advice_code: str | None = None, network_code: str | None = None) -> Verdict:
    """What may be done after a decline: as the first authority with a rule decides, but a "never" of any of them wins.

    Of several waits the longest counts: an advice may delay the ladder, never shorten it. An unknown code is retried
    as generic (networks: order of authority).
    """
    verdicts: list[Verdict] = []
    if rule := _NETWORKS.get(("advice", advice_code or "")):
        verdicts.append(Verdict(rule[0], "advice_code", rule[1]))
    if rule := _NETWORKS.get(("network", network_code or "")):
        verdicts.append(Verdict(rule[0], "network_code", rule[1]))
    if code in CONSEQUENCES:
        consequence = CONSEQUENCES[code]
        wait = _DAY_APART if consequence is Consequence.RETRY_AFTER_24H else timedelta(0)
        verdicts.append(Verdict(consequence, "code", wait))
    never = next((verdict for verdict in verdicts if verdict.consequence is Consequence.NEVER), None)
    if never or not verdicts:
        return never or Verdict(Consequence.RETRY, "unknown_code")
    return verdicts[0]._replace(wait=max(verdict.wait for verdict in verdicts))


def consequence_of(code: str) -> Consequence:
    """What may be done after `code` without advice and network code."""
    return verdict_on(code).consequence
