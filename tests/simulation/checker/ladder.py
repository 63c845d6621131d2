"""The retry ladder: one rung after the other, at least 20 h apart, on the ladder's days or on the last day."""

from datetime import timedelta

from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.confirmed import is_confirmed
from tests.simulation.checker.days import CLOCK_SKEW, DAY, local_day
from tests.simulation.checker.findings import Findings

RUNG_GAP = timedelta(hours=20)
LADDER_DAYS, THEN_EVERY_DAYS = (1, 3, 5, 7), 7
LEAD_DAYS_MAX = 5
_TRIED_WITHIN = timedelta(hours=6)


def enter_rung(findings: Findings, card: Card, fact: Fact, rung: int, reason: str) -> None:
    """An attempt, or one withheld, belongs to the current rung or begins the next one."""
    renewal = card.renewal
    if renewal is None:
        return
    if rung > renewal.rung:
        _check_next_rung(findings, card, fact, renewal, rung)
        check_limited_methods(findings, card, fact)
        renewal.rung, renewal.rung_at = rung, fact.at
        renewal.tried, renewal.retried_soon, renewal.limited_until = set(), set(), {}
    elif rung < renewal.rung:
        findings.violation("ladder", fact, f"rung {rung} comes after rung {renewal.rung}")
    if reason == "renewal_opened" and local_day(fact.at, card.zone) < card.ends_on - LEAD_DAYS_MAX * DAY:
        early = card.ends_on - local_day(fact.at, card.zone)
        findings.violation("ladder", fact, f"the renewal opens {early} before the term ends")


def _check_next_rung(findings: Findings, card: Card, fact: Fact, renewal: Renewal, rung: int) -> None:
    day, last = local_day(fact.at, card.zone), card.last_day
    if rung != renewal.rung + 1:
        findings.violation("ladder", fact, f"rung {rung} comes after rung {renewal.rung}")
    # A rung that we ourselves delayed may be made up for until the number is lost.
    if day > last and fact.at >= card.reclaims_at(card.deadlines_moved):
        findings.violation("ladder", fact, f"rung {rung} comes after the last day, {last}")
    if renewal.rung_at is None:
        return
    if fact.at < renewal.rung_at + RUNG_GAP - CLOCK_SKEW:
        findings.violation("ladder", fact, f"rung {rung} comes {fact.at - renewal.rung_at} after the last one")
    done = renewal.rung
    days = LADDER_DAYS[min(done, len(LADDER_DAYS)) - 1] + THEN_EVERY_DAYS * max(0, done - len(LADDER_DAYS))
    due_on = local_day(renewal.first_failed_at or renewal.rung_at, card.zone) + days * DAY
    if day < min(due_on, last):
        findings.violation("ladder", fact, f"rung {rung} is due on {due_on}, or on the last day, {last}")


def check_limited_methods(findings: Findings, card: Card, fact: Fact) -> None:
    """A method that a limit kept from being tried for a while is tried within the same rung.

    A pass ahead of the opening is no rung: it ends where nothing can be tried at once.
    """
    if card.renewal is None or not card.renewal.rung or card.agreed_price is None:
        return
    for method_id in card.usable_methods():
        until = card.renewal.limited_until.get(method_id)
        if until is not None and max(until, card.not_before.get(method_id, until)) < fact.at - _TRIED_WITHIN:
            sentence = f"method {method_id} was limited until {until}, and is not tried in its rung"
            findings.violation("ladder", fact, sentence)


def check_confirmed(findings: Findings, card: Card, fact: Fact) -> None:
    """Once our delays have outlasted the carrier's own date nothing is charged before a person confirmed the number."""
    if card.must_be_confirmed or card.doubted_since is not None or not is_confirmed(card, fact.at, CLOCK_SKEW):
        findings.violation("not_to_be_charged", fact, "it is charged, and nobody has said that the number still exists")


def check_asked_for(findings: Findings, card: Card, fact: Fact) -> None:
    """Ahead of its opening the renewal is paid only in a pass that the holder asked for."""
    renewal = card.renewal
    if renewal is None or renewal.rung or renewal.is_asked_for:
        return
    if fact.at < card.opens_at_earliest - CLOCK_SKEW:
        findings.violation("not_to_be_charged", fact, "it is charged before the renewal opens, and nobody asked for it")
