"""Consent: what the holder agreed to pay, and that nothing is offered without it."""

from datetime import date

from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.days import DAY, OPENINGS, local_day
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.reminders import price_on

NOTICE_DAYS_MIN = 10
"""Of all plans of the simulated catalogue."""


def enabled(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder agrees to be charged."""
    if card.agreed_price is not None:
        findings.violation("notices", fact, "auto-renewal is switched on though it is on")
    _agree(card, fact)
    card.enabled_at = fact.at
    if card.renewal is not None:
        card.renewal.tried = set()
    if card.held_since is None and not card.is_over:
        card.unwanted_position = None


def _agree(card: Card, fact: Fact) -> None:
    card.agreed_price = fact.body["price"]["minor"]
    card.months, card.consent_at, card.busy_until = fact.body["months"], fact.at, fact.at
    if card.renewal is not None:
        card.renewal.is_stale = True
    card.announced = []


def period_changed(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder chose another period, and agrees to its price."""
    if card.agreed_price is None:
        findings.violation("custody", fact, "a period is chosen while auto-renewal is off")
    _agree(card, fact)


def price_change_announced(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder learns of another price in good time."""
    begins_on = date.fromisoformat(fact.body["applies_from"])
    if begins_on < local_day(fact.at, card.zone) + NOTICE_DAYS_MIN * DAY:
        findings.violation("price", fact, f"a price for {begins_on} is announced too late")
    card.announced.append((begins_on, fact.body["price"]["minor"]))


def switched_off(findings: Findings, card: Card, fact: Fact) -> None:
    """Nothing more is to be charged."""
    if card.agreed_price is None:
        findings.violation("notices", fact, "auto-renewal is switched off though it is off")
    card.agreed_price, card.is_told_days = None, True
    card.unwanted_position = fact.position
    card.mark_unwanted(fact.position)


def renewal_requested(_: Findings, card: Card, fact: Fact) -> None:
    """The holder is present and wants to pay."""
    del fact
    for method_id in card.needs_holder:
        card.unusable.pop(method_id, None)
    card.needs_holder = set()
    if card.renewal is not None:
        card.renewal.tried, card.renewal.is_asked_for = set(), True


def renewal_started(findings: Findings, card: Card, fact: Fact) -> None:
    """The next term is offered at a price that was agreed to or announced."""
    body = fact.body
    if card.agreed_price is None or body["term_number"] != card.term_number + 1:
        findings.violation("after_switch_off", fact, f"term {body['term_number']} is offered, but not wanted")
        return
    price = body["price"]["minor"]
    opens_on = card.ends_on - OPENINGS[body["policy_version"]][0] * DAY
    agreed = price_on(card, card.agreed_price, min(local_day(fact.at, card.zone), opens_on))
    if price != agreed:
        findings.violation("price", fact, f"the term is offered for {price}, but {agreed} was agreed")
    fee = (body.get("reactivation_fee") or {}).get("minor", 0)
    if card.renewal is None:
        card.renewal = Renewal(price, fee)
    else:
        card.renewal.price, card.renewal.fee, card.renewal.is_stale = price, fee, False


HANDLERS: dict[str, Handler] = {
    "auto_renew_enabled.v1": enabled,
    "period_changed.v1": period_changed,
    "price_change_announced.v1": price_change_announced,
    "auto_renew_switched_off.v1": switched_off,
    "renewal_requested.v1": renewal_requested,
    "renewal_started.v1": renewal_started,
}
