"""Consent: what the holder agreed to pay, and that nothing is offered without it."""

from datetime import date
from uuid import UUID

from tests.simulation.checker.card import Announced, Card, Fact, Renewal
from tests.simulation.checker.days import DAY, OPENINGS, local_day
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.reminders import price_on

MARKET_DAYS = 30
"""A dearer price or fee is announced so many days ahead, in every market (source: the facts on reminders)."""
NOTICE_DAYS = {"hk": 35, "gg": 40}
"""Plans of the simulated catalogue that ask for more."""


def enabled(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder agrees to be charged."""
    known = price_on(card, card.agreed_price, local_day(fact.at, card.next_zone)) if card.agreed_price else None
    if known == (fact.body["price"]["minor"], _fee(fact)):
        findings.violation("notices", fact, "auto-renewal is switched on though it is on")
    _agree(card, fact)
    card.enabled_at = fact.at
    if card.renewal is not None and card.status != "active":
        card.renewal.tried = set()
    if card.held_since is None and not card.is_over:
        card.unwanted_position = None


def _agree(card: Card, fact: Fact) -> None:
    """What was shown holds until what was announced for a later day."""
    day = local_day(fact.at, card.next_zone)
    price, months = fact.body["price"]["minor"], fact.body["months"]
    card.agreed_price, card.agreed_fee, card.agreed_months, card.agreed_by = price, _fee(fact), months, fact.cause
    card.announced = [one for one in card.announced if one.begins_on > day]
    card.consent_at, card.busy_until = fact.at, fact.at
    renewal = card.renewal
    if renewal is not None:
        renewal.is_stale = True
    if renewal is not None and (price < renewal.price or months < renewal.months):
        renewal.tried = set()


def _fee(fact: Fact) -> int:
    return (fact.body.get("reactivation_fee") or {}).get("minor", 0)


def accepted(findings: Findings, card_id: UUID, command_id: str, body: object, reply: object) -> None:
    """A command was accepted: whoever agreed to what was shown is not charged anything else."""
    shown, card = getattr(body, "shown", None), findings.cards.get(card_id)
    if shown is None or card is None or card.agreed_price is None or card.at is None:
        return
    if reply and card.agreed_by != command_id:  # somebody agreed to something else since
        return
    fee = shown.reactivation_fee.minor if shown.reactivation_fee else 0
    known = [price_on(card, card.agreed_price, local_day(card.at, card.next_zone))]
    if not reply:  # what was announced may apply since: of a command without facts the day is not known
        known += [(one.price, one.fee) for one in card.announced if one.months == card.agreed_months]
    if card.agreed_months == getattr(body, "months", None) and (shown.price.minor, fee) not in known:
        sentence = f"{shown.price.minor} with a fee of {fee} was shown and agreed to, but {known} is charged"
        findings.violation("price", card_id, sentence)


def period_changed(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder chose another period, and agrees to its price."""
    if card.agreed_price is None:
        findings.violation("custody", fact, "a period is chosen while auto-renewal is off")
    _agree(card, fact)


def price_change_announced(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder learns of another price in good time."""
    begins_on, price, fee = date.fromisoformat(fact.body["applies_from"]), fact.body["price"]["minor"], _fee(fact)
    known, known_fee = price_on(card, card.agreed_price or 0, begins_on)
    is_dearer = price > known or fee > known_fee
    days = NOTICE_DAYS.get(card.plan, MARKET_DAYS)
    if is_dearer and begins_on < local_day(fact.at, card.zone) + days * DAY:
        findings.violation("price", fact, f"a price for {begins_on} is announced less than {days} days ahead")
    card.announced = [one for one in card.announced if one.begins_on < begins_on]  # the last word counts
    card.announced.append(Announced(begins_on, price, fee, fact.body["months"]))


def switched_off(findings: Findings, card: Card, fact: Fact) -> None:
    """Nothing more is to be charged."""
    if card.agreed_price is None:
        findings.violation("notices", fact, "auto-renewal is switched off though it is off")
    card.agreed_price, card.is_told_days, card.off_since = None, True, fact.at
    if card.renewal is not None:  # the holder is told of that, and expects no charge any more
        card.renewal.is_untried = card.renewal.is_untold = False
    card.unwanted_position = fact.position
    card.mark_unwanted(fact.position)


def renewal_requested(_: Findings, card: Card, fact: Fact) -> None:
    """The holder is present and wants to pay."""
    del fact
    for method_id in card.needs_holder:
        card.unusable.pop(method_id, None)
    card.needs_holder = set()
    card.end_disputed()
    if card.renewal is not None:
        card.renewal.tried, card.renewal.is_asked_for, card.renewal.is_untried = set(), True, True
        card.renewal.is_untold = False


def request_ended(findings: Findings, card: Card, fact: Fact) -> None:
    """What was asked for ahead of time came to nothing."""
    if card.renewal is None or card.renewal.rung:
        findings.violation("ladder", fact, "a request ends that nobody made")
    if card.renewal is not None:
        nothing_tried = card.renewal.is_untold or (card.renewal.is_untried and bool(card.usable_methods()))
        if nothing_tried != bool(fact.body.get("withheld")):
            findings.violation("notices", fact, "nothing was tried, and the holder is not told so, or wrongly")
        card.renewal.is_asked_for = card.renewal.is_untried = card.renewal.is_untold = False
        card.renewal.limited_until = {}


def renewal_started(findings: Findings, card: Card, fact: Fact) -> None:
    """The next term is offered at a price that was agreed to or announced."""
    body = fact.body
    if card.agreed_price is None or body["term_number"] != card.term_number + 1:
        findings.violation("after_switch_off", fact, f"term {body['term_number']} is offered, but not wanted")
        return
    price = body["price"]["minor"]
    opens_on = card.ends_on - OPENINGS[body["policy_version"]][0] * DAY
    fee, agreed = _fee(fact), price_on(card, card.agreed_price, min(local_day(fact.at, card.zone), opens_on))
    if (price, fee) != agreed:
        findings.violation("price", fact, f"the term is offered for {price} with a fee of {fee}, not {agreed}")
    if card.renewal is None:
        card.renewal = Renewal(price, fee, body["months"])
    else:
        card.renewal.price, card.renewal.fee, card.renewal.months = price, fee, body["months"]
        card.renewal.is_stale = False


HANDLERS: dict[str, Handler] = {
    "auto_renew_enabled.v1": enabled,
    "period_changed.v1": period_changed,
    "price_change_announced.v1": price_change_announced,
    "auto_renew_switched_off.v1": switched_off,
    "renewal_requested.v1": renewal_requested,
    "renewal_request_ended.v1": request_ended,
    "renewal_started.v1": renewal_started,
}
