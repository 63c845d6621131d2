"""Outcomes of attempts: each has one, a decline is followed by what its codes allow, nothing is said too soon."""

from tests.simulation.checker import codes
from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import KEY_LIFETIME, Card, Fact
from tests.simulation.checker.days import CLOCK_SKEW, HOUR, instant
from tests.simulation.checker.findings import Findings, Handler

ASKED_EVERY, KEY_ASKED = HOUR, 23 * HOUR
"""While its key is surely known, an unknown outcome is asked about so often."""
NOT_PAID_ON_PAGE = "not_paid_on_page"
LATE_AFTER = 6 * HOUR
"""So late we may look at a page without anybody's harm."""
PENDING_ASKED_EVERY = 25 * HOUR


def succeeded(findings: Findings, card: Card, fact: Fact) -> None:
    """The money was taken."""
    body = fact.body
    attempt = card.attempts.get(body["attempt_id"])
    if attempt is None or attempt.outcome == "charged":
        findings.violation("outcome", fact, f"attempt {body['attempt_id']} was not made, or charged before")
        return
    if attempt.minor != body["amount"]["minor"]:
        findings.violation("amount", fact, f"{body['amount']['minor']} were taken instead of {attempt.minor}")
    if attempt.outcome is None:
        _close(card, attempt, fact)
    elif body["learned"] != "late":
        findings.violation("outcome", fact, f"attempt {attempt.attempt_id} was {attempt.outcome} before")
    attempt.outcome = "charged"


def failed(findings: Findings, card: Card, fact: Fact) -> None:
    """The money was definitely not taken."""
    body = fact.body
    attempt = card.attempts.get(body["attempt_id"])
    if attempt is None or attempt.outcome is not None:
        findings.violation("outcome", fact, f"attempt {body['attempt_id']} was not made, or has an outcome")
        return
    code = attempt.outcome = body["code"]
    if attempt.closed_at is not None:
        _not_paid_on_page(findings, card, fact, attempt)
        return
    attempt.declined_at = None if code in codes.NOT_COUNTED else fact.at
    if code == "never_happened" and fact.at < (attempt.last_sent_at or attempt.at) + KEY_LIFETIME - CLOCK_SKEW:
        findings.violation("outcome", fact, "it is said never to have happened too soon after it was sent")
    _close(card, attempt, fact)
    if attempt.top_up is None:
        card.balance += attempt.from_balance
        card.balance_changed_at = fact.at if attempt.from_balance else card.balance_changed_at
    given = (code, body.get("advice_code"), body.get("network_code"))
    consequence = "retry" if code in codes.NOT_COUNTED else codes.consequence(*given)
    if body["consequence"] != consequence or not body.get("policy_version"):
        sentence = f"after {given} it decided {body['consequence']}, not {consequence}"
        findings.violation("explained", fact, sentence)
    if body.get("not_before"):
        card.delayed_by.pop(attempt.method_id, None)
    _apply_consequence(findings, card, fact, attempt, consequence)
    for sentence in findings.limits.declined(fact, attempt, is_never=consequence == "never"):
        findings.violation("limits", fact, sentence)


def _not_paid_on_page(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    """It uses nothing up and ends no method."""
    used = [name for name in ("happened", "counts", "ends_method") if fact.body[name]]
    if attempt.outcome != NOT_PAID_ON_PAGE or fact.body["consequence"] != "retry" or used:
        findings.violation("explained", fact, f"not paid on the page, it is {attempt.outcome}, and counts: {used}")
    _close(card, attempt, fact)
    if attempt.top_up is not None:
        card.top_up = None


def _apply_consequence(findings: Findings, card: Card, fact: Fact, attempt: Attempt, consequence: str) -> None:
    method_id, code = attempt.method_id, str(attempt.outcome)
    if consequence in codes.MAKES_UNUSABLE:
        card.unusable[method_id] = "never" if consequence == "never" else code
        if consequence == "holder_present":
            card.needs_holder.add(method_id)
    delay = codes.delay(code, fact.body.get("advice_code"))
    if delay:
        findings.limits.advised(attempt, fact.at + delay)
        card.not_before[method_id] = fact.at + delay
        card.delayed_before_last_rungs.discard(method_id)
    counts = code not in codes.NOT_COUNTED and consequence != "alarm"
    if attempt.top_up is not None:
        card.is_top_up_not_taken = code in codes.OF_THE_AMOUNT
        card.top_up_declines += counts
        if counts and attempt.fingerprint is not None:
            card.top_up_declined.append((attempt.fingerprint, fact.at))
    elif (renewal := card.renewal) is not None:
        renewal.declines += counts
        renewal.declined_minor = renewal.declined_minor if code in codes.NOT_COUNTED else attempt.minor
        if attempt.rung and counts and renewal.first_failed_at is None:
            renewal.first_failed_at = fact.at
        if not counts:
            renewal.tried.discard(method_id)
        elif consequence == "retry_soon" and method_id not in renewal.retried_soon:
            renewal.tried.discard(method_id)
            renewal.retried_soon.add(method_id)


def _close(card: Card, attempt: Attempt, fact: Fact) -> None:
    if card.open_top_up is attempt:
        card.open_top_up, card.busy_until = None, fact.at
    if card.open_attempt is attempt:
        card.open_attempt, card.busy_until = None, fact.at
    if attempt.top_up is not None or fact.body["learned"] == "sent":
        return
    closed_at = attempt.closed_at
    if closed_at is None:
        card.not_holders_fault.append((attempt.at, fact.at))
    elif fact.at > closed_at and (
        attempt.is_unknown or fact.at - closed_at > LATE_AFTER
    ):  # until then it is the holder's
        card.not_holders_fault.append((closed_at, fact.at))


def became_unknown(findings: Findings, card: Card, fact: Fact) -> None:
    """The gateway gave no usable answer."""
    attempt = card.attempts.get(fact.body["attempt_id"])
    if attempt is None or attempt.outcome is not None:
        findings.violation("outcome", fact, "an outcome that is known cannot be unknown")
        return
    attempt.is_unknown = True
    keeps_waiting = attempt.top_up is not None and _should_be_offered(findings, card, fact)
    if keeps_waiting and attempt.has_kept_waiting:
        findings.violation("liveness", fact, "the renewal waits for a top-up of unknown outcome")
    attempt.has_kept_waiting = keeps_waiting
    again_after = instant(fact.body["ask_again_at"]) - fact.at
    if fact.at < attempt.at + KEY_ASKED - CLOCK_SKEW and again_after > ASKED_EVERY:
        findings.violation("liveness", fact, f"though its key is known, it is asked about again after {again_after}")


def became_pending(findings: Findings, card: Card, fact: Fact) -> None:
    """The provider accepted it, and will know its outcome later: it is looked up each day."""
    attempt = card.attempts.get(fact.body["attempt_id"])
    if attempt is None or attempt.outcome is not None:
        findings.violation("outcome", fact, "an outcome that is known cannot be pending")
        return
    attempt.is_unknown = True
    again_after = instant(fact.body["ask_again_at"]) - fact.at
    if again_after > PENDING_ASKED_EVERY:
        findings.violation("liveness", fact, f"it is asked about again only after {again_after}")


def _should_be_offered(findings: Findings, card: Card, fact: Fact) -> bool:
    """Whether nothing else keeps the next term from being offered: an offer is made in the append that finds it so."""
    if card.renewal is not None or card.agreed_price is None or card.is_over or card.held_since is not None:
        return False
    if card.blocked_since is not None or findings.is_charging_stopped(fact.at):
        return False
    return card.opens_at_latest < fact.at < card.reclaims_at(card.deadlines_moved) - CLOCK_SKEW


HANDLERS: dict[str, Handler] = {
    "charge_succeeded.v1": succeeded,
    "charge_failed.v2": failed,
    "charge_outcome_unknown.v1": became_unknown,
    "charge_pending.v1": became_pending,
}
