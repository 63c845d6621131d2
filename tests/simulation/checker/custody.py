"""Custody: a card is registered once, held and released, and its zone changes from the next term on.

Once our delays have outlasted the carrier's own date a person has to confirm the number.
"""

from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.confirmed import is_confirmed
from tests.simulation.checker.days import CLOCK_SKEW
from tests.simulation.checker.findings import Findings, Handler


def registered(findings: Findings, card: Card, fact: Fact) -> None:
    """A card comes into our care."""
    body = fact.body
    if card.status != "unregistered":
        findings.violation("custody", fact, "it is registered twice")
    card.status, card.next_zone, card.anchor_day = "active", body["zone"], body["anchor_day"]
    card.grace_days, card.reclaim_days = body["keep"]["grace_days"], body["keep"]["reclaim_days"]
    card.plan, card.off_since = body["plan"], fact.at
    card.begin_term(body["term"])


def zone_changed(_: Findings, card: Card, fact: Fact) -> None:
    """Another zone counts from the next term on."""
    card.next_zone = fact.body["zone"]


def held(findings: Findings, card: Card, fact: Fact) -> None:
    """The card is taken out of all automatic work."""
    if card.held_since is not None:
        findings.violation("custody", fact, "it is held twice")
    if fact.body["by"] == "alarm" and card.is_top_up_not_taken and card.top_up is not None:
        findings.violation("top_up", fact, "it is held since the gateway does not take the amount of a top-up")
    card.held_since = fact.at
    card.unwanted_position = fact.position


def released(findings: Findings, card: Card, fact: Fact) -> None:
    """The card is back in automatic work."""
    if card.held_since is None:
        findings.violation("custody", fact, "it was not held")
        return
    card.not_holders_fault.append((card.held_since, fact.at))
    if card.doubted_since is not None:
        card.not_holders_fault.append((card.doubted_since, fact.at))
    if card.open_attempt is not None:
        card.not_holders_fault.append((card.open_attempt.at, fact.at))
    card.held_since, card.busy_until = None, fact.at
    if not is_confirmed(card, fact.at, CLOCK_SKEW):
        card.must_be_confirmed = True
    _wanted_again(card)


def number_confirmed(findings: Findings, card: Card, fact: Fact) -> None:
    """A person says that the number still exists."""
    if card.doubted_since is None:
        findings.violation("custody", fact, "the number is confirmed though nobody asked")
    else:
        card.not_holders_fault.append((card.doubted_since, fact.at))
    card.must_be_confirmed, card.doubted_since, card.confirmed_at = False, None, fact.at
    card.noted_before_confirmed = len(card.not_holders_fault)
    card.busy_until = fact.at
    _wanted_again(card)


def _wanted_again(card: Card) -> None:
    if card.agreed_price is not None and not card.is_over and card.held_since is None and card.doubted_since is None:
        card.unwanted_position = None


HANDLERS: dict[str, Handler] = {
    "card_registered.v1": registered,
    "zone_changed.v1": zone_changed,
    "card_held.v1": held,
    "card_released.v1": released,
    "number_confirmed.v1": number_confirmed,
}
