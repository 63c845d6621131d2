"""Terms: each is paid once, follows the last one without gap, and keeps the anchor day."""

from datetime import date, datetime, timedelta

from tests.simulation.checker.card import Before, Card, Fact
from tests.simulation.checker.days import HOUR, day_begins, instant, local_day, months_later, openings
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.ladder import check_asked_for, check_confirmed
from tests.simulation.checker.reminders import check_noticed

LATE_RESTART = timedelta(days=7)
"""A term paid late, and less than this before the next one opens, starts on the day of payment."""


def renewed(findings: Findings, card: Card, fact: Fact) -> None:
    """The next term is paid."""
    term = fact.body["term"]
    if term["number"] != card.term_number + 1 or term["number"] in card.paid_terms:
        findings.violation("double_charge", fact, f"term {term['number']} comes after term {card.term_number}")
    if not fact.body.get("attempt_id") and card.agreed_price is None:
        findings.violation("after_switch_off", fact, "it is renewed from the balance after it was switched off")
    if not fact.body.get("attempt_id"):
        check_asked_for(findings, card, fact)
        check_confirmed(findings, card, fact)
        if not card.balance_first and local_day(fact.at, card.zone) < card.last_day:
            findings.violation("balance", fact, f"it is spent, though not first and the last day is {card.last_day}")
    if not fact.body.get("attempt_id") and card.renewal and not card.renewal.rung and not card.renewal.is_untried:
        check_noticed(findings, card, fact, None)
    _check_payment(findings, card, fact)
    _check_dates(findings, card, fact)
    card.before = Before(
        fact.body.get("attempt_id"),
        instant(term["starts_at"]),
        card.term,
        card.anchor_day,
        card.deadlines_moved,
        card.not_holders_fault,
        card.reminders,
    )
    card.paid_terms.add(term["number"])
    card.spent.renewed(term["number"], fact.body.get("from_balance", 0))
    card.begin_term(term)
    card.anchor_day = fact.body["anchor_day"]
    card.status, card.renewal, card.is_reinstated = "active", None, False
    card.deadlines_moved, card.blocked_since, card.not_holders_fault = timedelta(0), None, []
    card.confirmed_at, card.noted_before_confirmed, card.late_notices = None, 0, []
    card.reminders, card.told_ahead_at, card.is_told_days, card.busy_until = set(), None, False, fact.at


def undone(findings: Findings, card: Card, fact: Fact) -> None:
    """The last term ends before it begins: its charge went back, and the term before it runs on."""
    before, attempt = card.before, card.attempts.get(fact.body["attempt_id"])
    if before is None or attempt is None or before.attempt_id != attempt.attempt_id or not fact.is_by_command:
        findings.violation("term", fact, "a term is undone that was not paid last by that attempt")
        return
    body = fact.body
    if fact.at >= before.begins_at or (body["term"], body["undone_number"]) != (before.term, card.term_number):
        findings.violation("term", fact, f"a term is undone that began at {before.begins_at}")
    if attempt.given_back + attempt.disputed < attempt.minor:
        findings.violation("refund", fact, f"a term is undone, but of {attempt.minor} {attempt.given_back} went back")
    attempt.is_undone = True
    card.must_be_off, card.before, card.renewal = True, None, None
    card.to_release = card.spent.return_terms({card.term_number})
    card.paid_terms.discard(card.term_number)
    card.begin_term(before.term)
    card.anchor_day, card.deadlines_moved, card.blocked_since = before.anchor_day, before.deadlines_moved, None
    card.not_holders_fault, card.noted_before_confirmed = before.not_holders_fault, 0
    card.reminders = {one for one in before.reminders if one[0] != "payment_failed"}  # it is offered anew


def _check_payment(findings: Findings, card: Card, fact: Fact) -> None:
    body, renewal = fact.body, card.renewal
    from_balance = body.get("from_balance", 0)
    charged = _use_attempt(findings, card, fact, from_balance)
    fee = (body.get("reactivation_fee") or {}).get("minor", 0)
    price = body["price"]["minor"]
    if renewal is None:
        findings.violation("unpaid_term", fact, "no renewal was offered")
    elif charged + from_balance != price + fee or price != renewal.price:
        sentence = f"{charged} charged and {from_balance} from the balance for {price} and a fee of {fee}"
        findings.violation("amount", fact, sentence)
    if bool(fee) != (card.is_reinstated and bool(renewal and renewal.fee)):
        findings.violation("amount", fact, f"a fee of {fee} for a card that was {card.is_reinstated=}")


def _use_attempt(findings: Findings, card: Card, fact: Fact, from_balance: int) -> int:
    """The minor units that the attempt charged; 0 where the balance alone paid."""
    attempt_id = fact.body.get("attempt_id")
    if not attempt_id:
        card.balance -= from_balance
        return 0
    attempt = card.attempts.get(attempt_id)
    pays = attempt is not None and attempt.outcome == "charged" and not attempt.is_used
    if attempt is None or not pays or attempt.term_number != fact.body["term"]["number"]:
        findings.violation("unpaid_term", fact, f"attempt {attempt_id} did not pay for it")
        return 0
    attempt.is_used = True
    if fact.body.get("method_id") != attempt.method_id:
        findings.violation(
            "reminder", fact, f"{fact.body.get('method_id')} is said to have paid, not {attempt.method_id}"
        )
    if attempt.from_balance != from_balance:
        findings.violation("balance", fact, f"{attempt.from_balance} were reserved, not {from_balance}")
    return attempt.minor


def _check_dates(findings: Findings, card: Card, fact: Fact) -> None:
    body, term = fact.body, fact.body["term"]
    stored = (
        date.fromisoformat(term["starts_on"]),
        date.fromisoformat(term["ends_on"]),
        instant(term["starts_at"]),
        instant(term["ends_at"]),
        body["anchor_day"],
    )
    allowed = [_dates(card, fact, restarts=restarts) for restarts in _may_restart(card, fact)]
    if stored not in allowed or term["zone"] != card.next_zone:
        findings.violation("term", fact, f"the term is {stored} in {term['zone']}, not {allowed}")


def _may_restart(card: Card, fact: Fact) -> tuple[bool, ...]:
    """Whether the term starts on the day of payment: it does where the next one would open within days.

    By which policy that is, the fact does not say: near the edge both are right.
    """
    if card.is_reinstated:
        return (True,)
    if fact.at < card.ends_at:
        return (False,)
    ends_on = _dates(card, fact, restarts=False)[1]
    opens = openings(ends_on, card.next_zone)
    if fact.at > max(opens) + HOUR - LATE_RESTART:
        return (True,)
    return (False,) if fact.at <= min(opens) - LATE_RESTART else (False, True)


def _dates(card: Card, fact: Fact, *, restarts: bool) -> tuple[date, date, datetime, datetime, int]:
    """Start and end of the term as days and as instants, and its anchor day."""
    zone, anchor_day, starts_on, starts_at = card.next_zone, card.anchor_day, card.ends_on, card.ends_at
    if restarts:
        starts_on = max(local_day(fact.at, zone), card.ends_on)
        anchor_day, starts_at = starts_on.day, max(day_begins(starts_on, zone), card.ends_at)
    ends_on = months_later(starts_on, fact.body["months"], anchor_day)
    return starts_on, ends_on, starts_at, day_begins(ends_on, zone), anchor_day


def reinstated(findings: Findings, card: Card, fact: Fact) -> None:
    """The term is paid after suspension."""
    if card.status != "suspended":
        findings.violation("term", fact, f"it is reinstated while {card.status}")
    card.is_reinstated = True


HANDLERS: dict[str, Handler] = {
    "card_renewed.v1": renewed,
    "term_undone.v1": undone,
    "reinstated.v1": reinstated,
}
