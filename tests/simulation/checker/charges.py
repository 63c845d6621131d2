"""Attempts: intent before effect, one at a time, only where it was agreed, for the right amount."""

from datetime import timedelta

from tests.simulation.checker import ladder, limits
from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.days import CLOCK_SKEW, instant
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.reminders import check_noticed

PAGE_CLOSED_AFTER = timedelta(minutes=5)
"""Clocks differ, and pages are not closed at once."""


def attempted(findings: Findings, card: Card, fact: Fact) -> None:
    """A charge was decided."""
    attempt = _attempt(card, fact)
    if attempt.attempt_id in findings.attempts:
        findings.violation("two_intents", fact, f"attempt {attempt.attempt_id} was made before")
    for other in card.open_attempts:
        if other.top_up is not None and attempt.top_up is None and (other.is_unknown or other.closed_at is not None):
            continue  # it keeps no renewal waiting
        state = "of unknown outcome" if other.is_unknown else "open"
        findings.violation("two_open", fact, f"it is charged while attempt {other.attempt_id} is {state}")
    _check_consent(findings, card, fact, attempt)
    _check_purpose(findings, card, fact, attempt)
    if attempt.closed_at is None:
        _check_method(findings, card, fact, attempt)
    if not fact.body.get("policy_version"):
        findings.violation("explained", fact, "it does not say by which policy")
    findings.attempts[attempt.attempt_id] = card.attempts[attempt.attempt_id] = attempt
    if attempt.closed_at is not None:
        _begun_on_page(findings, card, fact, attempt)
        return
    if attempt.top_up is not None:
        card.open_top_up = attempt
    else:
        card.open_attempt = attempt
        _check_noticed(findings, card, fact, attempt)
        ladder.enter_rung(findings, card, fact, attempt.rung, fact.body["reason"])
        if card.renewal is not None:
            card.renewal.is_untold = False
            card.renewal.tried.add(attempt.method_id)
            card.renewal.limited_until.pop(attempt.method_id, None)
            _check_amount(findings, card, fact, attempt, card.renewal)
            attempt.is_last_rung = card.is_in_last_rung
        card.balance -= attempt.from_balance
    _check_delay(findings, card, fact, attempt)
    for sentence in findings.limits.attempted(card, fact, attempt):
        findings.violation("limits", fact, sentence)
    card.withheld_for_open_tries = None
    card.last_attempt_at = fact.at


def _begun_on_page(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    """The holder pays on the provider's page: all that is due, by nobody's method, and no rung."""
    if not fact.is_by_command:
        findings.violation("not_to_be_charged", fact, "it is to be paid on a page, but nobody asked for that")
    if attempt.top_up is not None:
        card.open_top_up = attempt
        return
    card.open_attempt = attempt
    renewal = card.renewal
    due = 0 if renewal is None else renewal.price + (renewal.fee if card.status == "suspended" else 0)
    if attempt.minor != due or attempt.from_balance:
        findings.violation("amount", fact, f"{attempt.minor} are to be paid on the page, not {due}")
    if renewal is not None and attempt.rung != renewal.rung:
        findings.violation("ladder", fact, f"on a page rung {attempt.rung} begins after rung {renewal.rung}")


def _attempt(card: Card, fact: Fact) -> Attempt:
    body = fact.body
    top_up = body.get("top_up")
    return Attempt(
        attempt_id=body["attempt_id"],
        position=fact.position,
        at=fact.at,
        term_number=body["term_number"],
        top_up=top_up,
        method_id=body["method_id"],
        token=body["token"],
        minor=body["amount"]["minor"],
        currency=body["amount"]["currency"],
        from_balance=body.get("from_balance", 0),
        rung=body["rung"],
        closed_at=instant(body["page_until"]) + PAGE_CLOSED_AFTER if body.get("page_until") else None,
        fingerprint=body.get("fingerprint"),
        purpose=f"renewal:{body['term_number']}" if top_up is None else f"top_up:{top_up}",
        card_id=card.card_id,
    )


def _check_consent(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    is_automatic = attempt.top_up is None or (card.top_up is not None and card.top_up[1])
    if is_automatic and card.agreed_price is None:
        findings.violation("after_switch_off", fact, f"it is charged for {attempt.purpose} after it was switched off")
    if card.is_over or card.held_since is not None:
        state = card.status if card.is_over else "held"
        findings.violation("not_to_be_charged", fact, f"it is charged while it is {state}")
    ladder.check_confirmed(findings, card, fact)
    if findings.is_charging_stopped(fact.at):
        sentence = "it is charged while the operator has stopped all charging"
        findings.violation("not_to_be_charged", fact, sentence)
    if attempt.top_up is None and fact.at >= card.reclaims_at(card.deadlines_moved) + CLOCK_SKEW:
        findings.violation("not_to_be_charged", fact, "it is charged for a number that is lost")


def _check_noticed(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    if card.renewal is None:
        return
    if card.renewal.rung == 0 and attempt.rung > 0 and not card.renewal.is_untried:
        check_noticed(findings, card, fact, fact.body["policy_version"])
    card.renewal.is_untried = False


def _check_purpose(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    if attempt.top_up is not None:
        if card.top_up is None or card.top_up[0] != attempt.top_up:
            findings.violation("double_charge", fact, f"it is charged for {attempt.purpose}, which is not under way")
        if card.is_top_up_not_taken:
            findings.violation("top_up", fact, "it is charged again what the gateway does not take")
        return
    if card.renewal is None or attempt.term_number != card.term_number + 1:
        sentence = f"it is charged for term {attempt.term_number}, which is not offered"
        findings.violation("double_charge", fact, sentence)
    if attempt.rung == 0 and attempt.closed_at is None:
        ladder.check_asked_for(findings, card, fact)
    if attempt.term_number in card.paid_terms:
        findings.violation("double_charge", fact, f"it is charged for term {attempt.term_number}, which is paid")


def _check_method(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    method_id = attempt.method_id
    method = card.methods.get(method_id)
    if method is None or method["token"] != attempt.token or method["fingerprint"] != attempt.fingerprint:
        findings.violation("method", fact, f"method {method_id} is not bound, or not with these details")
    if method_id in card.unusable:
        findings.violation("method", fact, f"method {method_id} is charged after {card.unusable[method_id]}")
    renewal = card.renewal
    if attempt.top_up is None and renewal is not None and attempt.rung == renewal.rung and method_id in renewal.tried:
        findings.violation("ladder", fact, f"method {method_id} is tried twice in rung {attempt.rung}")


def _check_delay(findings: Findings, card: Card, fact: Fact, attempt: Attempt) -> None:
    """A method is left alone while it has to be; what a limit delays only before last rungs may be tried in one."""
    if attempt.is_last_rung and attempt.method_id in card.delayed_before_last_rungs:
        return
    not_before = card.not_before.get(attempt.method_id)
    if not_before is not None and fact.at < not_before - CLOCK_SKEW:
        findings.violation("method", fact, f"method {attempt.method_id} is charged before {not_before}")


def _check_amount(findings: Findings, card: Card, fact: Fact, attempt: Attempt, renewal: Renewal) -> None:
    due = renewal.price + (renewal.fee if card.status == "suspended" else 0)
    from_balance = min(card.balance, due) if card.balance_first else 0
    least = findings.minimum_charges.get(attempt.currency, 0)
    if 0 < due - from_balance < least:
        from_balance = max(0, due - least)
    if attempt.minor + attempt.from_balance != due or attempt.minor <= 0:
        sentence = f"{attempt.minor} and {attempt.from_balance} from the balance are not {due}"
        findings.violation("amount", fact, sentence)
    if attempt.from_balance != from_balance:
        sentence = f"{attempt.from_balance} are taken from a balance of {card.balance}"
        findings.violation("balance", fact, sentence)


def withheld(findings: Findings, card: Card, fact: Fact) -> None:
    """A due charge was not made, for a reason."""
    body = fact.body
    if not body["reason"]:
        findings.violation("explained", fact, "it does not say why nothing is charged")
    until, method_id = body.get("until"), body["method_id"]
    _check_reason(findings, card, fact)
    if body.get("top_up") is None:
        ladder.enter_rung(findings, card, fact, body["rung"], "withheld")
        if card.renewal is not None:
            card.renewal.is_withheld = card.renewal.is_untold = True
            if findings.limits.is_open_only(fact, card.methods[method_id]["fingerprint"], card):
                card.withheld_for_open_tries = method_id
            if until is not None and body["reason"] != "advice_delay":  # to be tried within this rung
                card.renewal.limited_until[method_id] = instant(until)
            else:
                card.renewal.tried.add(method_id)
    if until is None:
        card.unusable[method_id] = body["reason"]
    else:
        card.not_before[method_id] = max(instant(until), card.not_before.get(method_id, fact.at))
        card.delayed_before_last_rungs.discard(method_id)
        card.delayed_by.pop(method_id, None)
        if body["reason"] in limits.RULES:
            card.delayed_by[method_id] = body["reason"]
            if not card.is_in_last_rung:
                card.delayed_before_last_rungs.add(method_id)


def _check_reason(findings: Findings, card: Card, fact: Fact) -> None:
    """It is what delays the method: a limit that is full or was when it delayed it, or else an issuer's advice."""
    reason, method_id = fact.body["reason"], fact.body["method_id"]
    limit, not_before = card.delayed_by.get(method_id), card.not_before.get(method_id)
    if reason == "advice_delay":
        if limit is not None or not_before is None or not_before < fact.at:
            sentence = f"{reason} is said to delay method {method_id}, not {limit or not_before}"
            findings.violation("explained", fact, sentence)
    elif reason != limit and not findings.limits.forbids(fact, card.methods[method_id]["fingerprint"]):
        findings.violation("explained", fact, f"{reason} does not keep method {method_id} from being charged")


HANDLERS: dict[str, Handler] = {
    "charge_attempted.v1": attempted,
    "charge_withheld.v1": withheld,
}
