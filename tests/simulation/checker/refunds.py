"""Refunds and disputes: never more than was charged goes back, and what was decided is done."""

from datetime import datetime, timedelta
from uuid import UUID

from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.confirmed import is_confirmed
from tests.simulation.checker.findings import Findings, Handler, no_check

DISPUTED_MOST = 2
"""A bank may take back more than was charged, by its rate of exchange, but not more than so many times."""
REFUNDED_WITHIN = timedelta(days=5)
_SLACK = timedelta(hours=1)


def asked(findings: Findings, card: Card, refund_id: str, decided_at: int) -> None:
    """The gateway is asked for no refund of what the holder's bank had taken back before that was decided."""
    attempt = card.attempts.get(card.attempt_of_refund[refund_id])
    if attempt is None or not 0 < attempt.disputed_position <= decided_at:
        return
    if attempt.excess > attempt.debited + card.spent.of(attempt.attempt_id):
        sentence = f"refund {refund_id} is asked for, but of {attempt.minor} the bank took {attempt.disputed} back"
        findings.violation("refund", card.card_id, sentence)


def refund_started(findings: Findings, card: Card, fact: Fact) -> None:
    """A refund was decided."""
    refund_id, attempt_id, minor = fact.body["refund_id"], fact.body["attempt_id"], fact.body["amount"]["minor"]
    if refund_id in card.open_refunds:
        findings.violation("refund", fact, f"refund {refund_id} begins twice")
    card.open_refunds[refund_id], card.attempt_of_refund[refund_id] = fact.at, attempt_id
    card.refund_minor[refund_id] = minor
    if fact.body["reason"] == "term_not_covered":
        _check_not_covered(findings, card, fact)
    findings.refunds_started[refund_id] = card
    if attempt_id in card.attempts:
        card.attempts[attempt_id].refunding += minor
    give_back(findings, card, fact, attempt_id, minor)


def _check_not_covered(findings: Findings, card: Card, fact: Fact) -> None:
    """A charge goes back of which the reserve had gone; the renewal stays on offer, and its method may be tried."""
    attempt = card.attempts.get(fact.body["attempt_id"])
    if attempt is None or not attempt.reserve_taken or card.renewal is None:
        findings.violation("refund", fact, "a charge goes back as not enough, but nothing of its reserve had gone")
        return
    card.renewal.tried.discard(attempt.method_id)


def give_back(findings: Findings, card: Card, fact: Fact, attempt_id: str | None, minor: int) -> None:
    """Count what goes back of an attempt; no more may than it took."""
    attempt = card.attempts.get(attempt_id) if attempt_id else None
    if attempt is None or attempt.outcome != "charged":
        findings.violation("refund", fact, f"attempt {attempt_id} took no money that could go back")
        return
    attempt.given_back += minor
    if attempt.given_back > attempt.minor:
        findings.violation("refund", fact, f"{attempt.given_back} of {attempt.minor} went back")


def refund_succeeded(findings: Findings, card: Card, fact: Fact) -> None:
    """The money went back."""
    findings.refunds_succeeded.add(fact.body["refund_id"])
    if card.open_refunds.pop(fact.body["refund_id"], None) is None:
        findings.violation("refund", fact, "a refund ends that never began, or ends for the second time")


def refund_failed(_: Findings, card: Card, fact: Fact) -> None:
    """The money did not go back, which a person has to look into."""
    card.open_refunds.pop(fact.body["refund_id"], None)
    card.refused_refunds[fact.body["attempt_id"]] = fact.body["refund_id"]


def refund_recorded(findings: Findings, card: Card, fact: Fact) -> None:
    """The operator gave money back."""
    attempt_id, minor = fact.body["attempt_id"], fact.body["amount"]["minor"]
    card.spent.is_moved = True
    attempt = card.attempts.get(attempt_id)
    with_case = [one for one in card.open_refunds if one in card.cases and card.attempt_of_refund[one] == attempt_id]
    refund_id = card.refused_refunds.pop(attempt_id, None) or next(iter(with_case), None)
    if refund_id is not None and attempt is not None:
        _made_by_hand(findings, card, fact, attempt, refund_id)
        return
    before = attempt.back_twice if attempt is not None else 0
    give_back(findings, card, fact, attempt_id, minor)
    if attempt is not None:
        card.mark_for_debit(attempt, before)


def _made_by_hand(findings: Findings, card: Card, fact: Fact, attempt: Attempt, refund_id: str) -> None:
    """In the place of a refund: what is owed of it, or all if the gateway may have made it; the rest is owed later."""
    minor, whole = fact.body["amount"]["minor"], card.refund_minor[refund_id]
    due = max(0, whole - (attempt.excess - attempt.debited - card.spent.of(attempt.attempt_id)))
    if minor not in (due, whole if refund_id in card.open_refunds else due):
        findings.violation("refund", fact, f"{minor} are given back by hand, {due} were owed")
    card.open_refunds.pop(refund_id, None)
    attempt.refunding -= minor
    card.refund_minor[refund_id] = whole - minor
    if minor < whole:
        card.refused_refunds[attempt.attempt_id] = refund_id


def dispute_recorded(findings: Findings, card: Card, fact: Fact) -> None:
    """The bank took the money back."""
    body = fact.body
    attempt_id, minor = body["attempt_id"], body["amount"]["minor"]
    attempt = card.attempts.get(attempt_id)
    if attempt is None or attempt.outcome != "charged" or minor > DISPUTED_MOST * attempt.minor:
        findings.violation("refund", fact, f"more of attempt {attempt_id} is disputed than it took")
        return
    if attempt.disputed and attempt.disputed + minor > attempt.minor:
        findings.violation("refund", fact, f"attempt {attempt_id} is disputed twice")
    card.disputed[attempt_id] = attempt.instrument
    card.end_disputed()
    for open_attempt in card.open_attempts:
        if open_attempt.instrument == attempt.instrument:
            open_attempt.unwanted_position = open_attempt.unwanted_position or fact.position
    before = attempt.back_twice
    attempt.disputed += minor
    attempt.disputed_position, card.spent.is_moved = fact.position, True
    card.mark_for_debit(attempt, before)


def refused(findings: Findings, card_id: UUID, body: object, code: str) -> None:
    """A dispute may exceed its charge: the bank takes back at its own rate of exchange."""
    if code != "more_than_charged" or getattr(body, "command", None) != "RecordDispute":
        return
    attempt = findings.attempts.get(str(getattr(body, "attempt_id", None)))
    minor = getattr(getattr(body, "amount", None), "minor", 0)
    if attempt is None or attempt.outcome != "charged" or attempt.disputed_position or attempt.card_id != card_id:
        return
    if minor <= DISPUTED_MOST * attempt.minor:
        sentence = (
            f"that {minor} of attempt {attempt.attempt_id} are disputed is refused, though it took {attempt.minor}"
        )
        findings.violation("refund", card_id, sentence)


def dispute_won(findings: Findings, card: Card, fact: Fact) -> None:
    """The bank gave back what it had taken."""
    attempt_id, minor = fact.body["attempt_id"], fact.body["amount"]["minor"]
    attempt = card.attempts.get(attempt_id)
    if attempt is None or minor > attempt.disputed:
        findings.violation("refund", fact, f"more of attempt {attempt_id} is won than was disputed")
        return
    attempt.disputed -= minor
    back = max(0, attempt.debited + card.spent.of(attempt_id) - attempt.back_twice)
    card.to_credit, card.spent.is_moved = min(back, attempt.debited), True
    if fact.body.get("to_terms", 0) != back - card.to_credit:
        findings.violation("balance", fact, f"{back - card.to_credit} have to come back with terms again")
    card.spent.free(attempt_id, back - card.to_credit)
    if attempt.disputed:
        return
    del card.disputed[attempt_id]
    card.unusable = {one: why for one, why in card.unusable.items() if why != "disputed"}
    card.end_disputed()


def case_opened(findings: Findings, card: Card, fact: Fact) -> None:
    """A person has to find out."""
    card.cases.add(fact.body["about"])
    if fact.body["reason"] != "number_may_be_lost":
        return
    if card.doubted_since is not None or is_confirmed(card, fact.at, -_SLACK):
        findings.violation("explained", fact, "a person is asked for a number that is known to exist, or asked twice")
    card.doubted_since, card.unwanted_position = fact.at, fact.position
    if card.open_attempt is not None:
        card.open_attempt.unwanted_position = card.open_attempt.unwanted_position or fact.position


def finish(findings: Findings, card: Card, at: datetime) -> None:
    """At the end what was charged too much is on its way back or a case for a person."""
    for refund_id, began_at in card.open_refunds.items():
        if began_at < at - REFUNDED_WITHIN and refund_id not in card.cases:
            findings.violation("refund", card.card_id, f"refund {refund_id} of {began_at} is still open")
    paid: set[int] = set()
    for attempt in card.attempts.values():
        if attempt.outcome != "charged" or attempt.given_back or attempt.is_undone:
            continue
        if not attempt.is_used:
            sentence = f"attempt {attempt.attempt_id} was charged for nothing and kept"
            findings.violation("double_charge", card.card_id, sentence)
        if attempt.top_up is None:
            if attempt.term_number in paid:
                findings.violation("double_charge", card.card_id, f"term {attempt.term_number} is paid twice")
            paid.add(attempt.term_number)


HANDLERS: dict[str, Handler] = {
    "refund_started.v1": refund_started,
    "refund_succeeded.v1": refund_succeeded,
    "refund_outcome_unknown.v1": no_check,
    "refund_failed.v1": refund_failed,
    "refund_recorded.v1": refund_recorded,
    "dispute_recorded.v1": dispute_recorded,
    "dispute_won.v1": dispute_won,
    "case_opened.v1": case_opened,
}
