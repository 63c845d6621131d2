"""The facts about charges, refunds and the balance as clauses. See sentences.py."""

from typing import assert_never

from msgspec.structs import replace

from engine.card import facts
from engine.card.doubt import IN_DOUBT
from engine.card.gap import UNEXPLAINED
from engine.declines import NOT_PAID_ON_PAGE, OF_THE_AMOUNT
from engine.why.phrases import (
    ATTEMPT_REASONS,
    AUTHORITIES,
    CONSEQUENCES,
    OUTCOME_SOURCES,
    REFUND_REASONS,
    clock,
    count,
    money,
    quoted,
    withheld_by,
)

_NOT_TAKEN = "the gateway does not take its amount"
MoneyFact = (
    facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeSucceeded
    | facts.ChargeFailed
    | facts.ChargeOutcomeUnknown
    | facts.ChargePending
    | facts.ChargeFound
    | facts.GapClosed
    | facts.CaseOpened
    | facts.AutoTopUpSet
    | facts.TopUpStarted
    | facts.TopUpFailed
    | facts.AutoTopUpStopped
    | facts.BalanceCredited
    | facts.BalanceDebited
    | facts.BalancePaidOut
    | facts.RefundStarted
    | facts.RefundSucceeded
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
    | facts.RefundFailed
    | facts.RefundReturned
    | facts.RefundRecorded
    | facts.DisputeRecorded
    | facts.DisputeWon
)


def money_clause(fact: MoneyFact, zone: str) -> str:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """What happened to the money, as a clause of a sentence."""
    match fact:
        case facts.ChargeAttempted():
            return _attempted(fact, zone)
        case facts.ChargeSucceeded():
            return _succeeded(fact)
        case facts.ChargeFailed():
            return _failed(fact, zone)
        case facts.ChargeOutcomeUnknown():
            return _unknown(fact, zone)
        case facts.ChargePending():
            return _pending(fact, zone)
        case facts.ChargeWithheld():
            return _withheld(fact, zone)
        case facts.ChargeFound():
            return _found(fact, zone)
        case facts.GapClosed(until=until):
            return f"everything that the gateway charged before {clock(until, zone)} was in the log again, as it listed"
        case facts.CaseOpened():
            return _case(fact)
        case facts.AutoTopUpSet():
            return _standing_order(fact)
        case facts.TopUpStarted():
            return _topping_up(fact)
        case facts.TopUpFailed():
            return _top_up_failed(fact)
        case facts.AutoTopUpStopped():
            return _order_stopped(fact)
        case facts.BalanceCredited():
            return _credited(fact)
        case facts.BalanceDebited():
            return _debited(fact)
        case facts.BalancePaidOut():
            return f"{money(fact.amount)} of the balance was paid out{_evidence(fact.evidence)}"
        case facts.RefundStarted():
            return _refund_started(fact)
        case facts.RefundSucceeded():
            return _refunded(fact)
        case facts.RefundOutcomeUnknown():
            return _refund_unknown(fact, zone)
        case facts.RefundPending():
            return _refund_pending(fact, zone)
        case facts.RefundFailed():
            return _refund_failed(fact)
        case facts.RefundReturned():
            return _refund_returned(fact)
        case facts.RefundRecorded():
            return _refund_recorded(fact)
        case facts.DisputeRecorded():
            return _disputed(fact)
        case facts.DisputeWon():
            return _dispute_won(fact)
        case _:
            assert_never(fact)


def _attempted(fact: facts.ChargeAttempted, zone: str) -> str:
    if fact.page_until is not None:
        return (
            f"the holder was to pay {money(fact.amount)} for {purpose(fact)} by {fact.brand} on the provider's page, "
            f"open until {clock(fact.page_until, zone)}: attempt {fact.attempt_id}, number {fact.number}"
        )
    balance = f", with {_part(fact)} from the balance besides" if fact.from_balance else ""
    return (
        f"method {fact.method_id} was asked for {money(fact.amount)} for {purpose(fact)}{balance}: "
        f"attempt {fact.attempt_id}, number {fact.number} (rung {fact.rung}, {ATTEMPT_REASONS[fact.reason]})"
    )


def purpose(fact: facts.ChargeAttempted | facts.ChargeWithheld | facts.ChargeFound) -> str:
    """The purpose of a try."""
    return f"term {fact.term_number}" if fact.top_up is None else f"top-up {fact.top_up}"


def _part(fact: facts.ChargeAttempted | facts.ChargeSucceeded | facts.ChargeFound) -> str:
    return money(replace(fact.amount, minor=fact.from_balance))


def _found(fact: facts.ChargeFound, zone: str) -> str:
    balance = f", with {_part(fact)} from the balance besides" if fact.from_balance else ""
    kept = "it counts" if fact.pays else "it is not needed and goes back"
    return (
        f"a charge was found that the log had lost when the database was restored: method {fact.method_id} was charged "
        f"{money(fact.amount)} for {purpose(fact)}{balance} on {clock(fact.charged_at, zone)}, "
        f"attempt {fact.attempt_id}; {kept}"
    )


def _withheld(fact: facts.ChargeWithheld, zone: str) -> str:
    until = f"until {clock(fact.until, zone)}" if fact.until else "for ever"
    why = withheld_by(fact.reason, fact.limits_edition)
    return f"a try of method {fact.method_id} for {purpose(fact)} was due in rung {fact.rung}, but {why} {until}"


def _succeeded(fact: facts.ChargeSucceeded) -> str:
    balance = f" (and {_part(fact)} came from the balance)" if fact.from_balance else ""
    return (
        f"{money(fact.amount)} was taken{balance} under the gateway's reference {quoted(fact.gateway_ref)}, "
        f"{OUTCOME_SOURCES[fact.learned]}{_evidence(fact.evidence)}: attempt {fact.attempt_id} succeeded"
    )


def _failed(fact: facts.ChargeFailed, zone: str) -> str:
    if fact.code == NOT_PAID_ON_PAGE:
        return (
            f"attempt {fact.attempt_id} was not paid on the provider's page, {OUTCOME_SOURCES[fact.learned]}"
            f"{_evidence(fact.evidence)}, which uses nothing up"
        )
    others = [
        *([f"advice code {fact.advice_code}"] if fact.advice_code else []),
        *([f"network code {fact.network_code}"] if fact.network_code else []),
    ]
    alone = f" and is left alone until {clock(fact.not_before, zone)}" if fact.not_before else ""
    again = ", then tried again in the same rung" if fact.within_rung else ""
    return (
        f"method {fact.method_id} was not charged, {OUTCOME_SOURCES[fact.learned]}{_evidence(fact.evidence)}: "
        f"attempt {fact.attempt_id} failed with {', '.join([f'code {fact.code}', *others])}; "
        f"{AUTHORITIES[fact.decided_by]} {CONSEQUENCES[fact.consequence]}{alone}{again}"
    )


def _unknown(fact: facts.ChargeOutcomeUnknown, zone: str) -> str:
    return (
        f"nobody could say whether attempt {fact.attempt_id} moved money ({fact.reason}, "
        f"asked {count(fact.asked, 'time')}); the gateway is asked again on {clock(fact.ask_again_at, zone)}"
    )


def _pending(fact: facts.ChargePending, zone: str) -> str:
    return (
        f"the gateway had accepted attempt {fact.attempt_id} under the reference {quoted(fact.gateway_ref)}, and would "
        f"know its outcome later; it is looked up on {clock(fact.ask_again_at, zone)}"
    )


def _case(fact: facts.CaseOpened) -> str:
    if fact.reason == IN_DOUBT:
        why = "since we delayed the payment past the day on which the carrier may take the number"
        return f"a case for a person was opened, {why}: nothing is charged before its existence is confirmed"
    if fact.reason == UNEXPLAINED:
        why = "the gateway charged it before the database was restored, and the restored card has no reason for it"
        return f"a case for a person was opened about attempt {fact.about}: {why}"
    if fact.reason == "refund_disputed":
        taken = "of whose charge the holder's bank took back more than leaves room for it: it is not asked for any more"
        return f"a case for a person was opened, to find out whether the gateway has made refund {fact.about}, {taken}"
    if fact.reason == "refund_owed":
        return f"a case for a person was opened, since what refund {fact.about} was to give back is owed again"
    what = "attempt" if fact.reason in ("outcome_unknown", "charge_pending") else "refund"
    return f"a case for a person was opened, to find out what became of {what} {fact.about}"


def _standing_order(fact: facts.AutoTopUpSet) -> str:
    if fact.threshold is None or fact.amount is None:
        return "the holder's standing order for top-ups ended"
    return f"the holder agreed to top up {money(fact.amount)} whenever the balance is below {money(fact.threshold)}"


def _order_stopped(fact: facts.AutoTopUpStopped) -> str:
    code = fact.last_code
    if code in OF_THE_AMOUNT:
        return f"the standing order was switched off, since {_NOT_TAKEN}, the code being {code}"
    return f"the standing order was switched off after {count(fact.declined, 'declined top-up')}, last with {code}"


def _topping_up(fact: facts.TopUpStarted) -> str:
    why = "fell due by the standing order" if fact.automatic else "was asked for"
    return f"top-up {fact.number} of {money(fact.amount)} {why}"


def _top_up_failed(fact: facts.TopUpFailed) -> str:
    code = f", the last code being {fact.last_code}" if fact.last_code else ""
    if fact.withdrawn:
        return f"top-up {fact.number} ended, since auto-renewal was switched off meanwhile{code}"
    why = _NOT_TAKEN if fact.last_code in OF_THE_AMOUNT else "no payment method could be charged"
    return f"top-up {fact.number} failed: {why}{code}"


def _credited(fact: facts.BalanceCredited) -> str:
    unused, won = "because it was not used after all", "again, since the dispute was won,"
    why = {"top_up": "by a top-up", "refund": "as a refund", "released": unused, "dispute_won": won}[fact.reason]
    about = f" of attempt {fact.about}" if fact.about else ""
    return f"{money(fact.amount)} came onto the balance {why}{about}{_evidence(fact.evidence)}"


def _debited(fact: facts.BalanceDebited) -> str:
    since = "since the charge that had brought it went back"
    if fact.of_term is not None:
        return (
            f"{money(fact.amount)} of the balance, paid for term {fact.of_term}, would not come back with it, {since}"
        )
    return f"{money(fact.amount)} left the balance again, {since}"


def _refund_started(fact: facts.RefundStarted) -> str:
    return (
        f"refund {fact.refund_id} of {money(fact.amount)} of attempt {fact.attempt_id} was decided, "
        f"because {REFUND_REASONS[fact.reason]}"
    )


def _refunded(fact: facts.RefundSucceeded) -> str:
    return (
        f"{money(fact.amount)} of attempt {fact.attempt_id} went back to the holder by refund {fact.refund_id} "
        f"under the gateway's reference {quoted(fact.gateway_ref)}"
    )


def _refund_unknown(fact: facts.RefundOutcomeUnknown, zone: str) -> str:
    return (
        f"nobody could say whether refund {fact.refund_id} was made ({fact.reason}, "
        f"asked {count(fact.asked, 'time')}); the gateway is asked again on {clock(fact.ask_again_at, zone)}"
    )


def _refund_pending(fact: facts.RefundPending, zone: str) -> str:
    return (
        f"the gateway had accepted refund {fact.refund_id} under the reference {quoted(fact.gateway_ref)}, and would "
        f"know later whether it arrives; it is looked up on {clock(fact.ask_again_at, zone)}"
    )


def _refund_returned(fact: facts.RefundReturned) -> str:
    return (
        f"refund {fact.refund_id}, {money(fact.amount)} of attempt {fact.attempt_id}, came back to us after it had "
        f"succeeded (code {fact.code}), so that a person has to find another way"
    )


def _refund_failed(fact: facts.RefundFailed) -> str:
    return (
        f"the gateway would not make refund {fact.refund_id} of attempt {fact.attempt_id} (code {fact.code}), "
        "so that a person has to"
    )


def _refund_recorded(fact: facts.RefundRecorded) -> str:
    if not fact.amount.minor:
        of_refund = f"nothing went back of attempt {fact.attempt_id} by the refund of it, and nothing has to for now"
        return f"the operator found that {of_refund}{_evidence(fact.evidence)}"
    return (
        f"the operator gave {money(fact.amount)} of attempt {fact.attempt_id} back outside of the engine"
        f"{_evidence(fact.evidence)}"
    )


def _disputed(fact: facts.DisputeRecorded) -> str:
    return (
        f"the holder's bank took {money(fact.amount)} of attempt {fact.attempt_id} back{_evidence(fact.evidence)}, "
        f"and method {fact.method_id} is not charged by itself any more"
    )


def _dispute_won(fact: facts.DisputeWon) -> str:
    again = f", and what method {fact.method_id} stood for may be charged by itself again" if fact.over else ""
    back = f"the holder's bank gave {money(fact.amount)} of attempt {fact.attempt_id} back to us"
    part = money(replace(fact.amount, minor=fact.to_terms))
    terms = f", and {part} that the balance paid for terms would come back with them again" if fact.to_terms else ""
    return f"{back}{_evidence(fact.evidence)}{again}{terms}"


def _evidence(evidence: str | None) -> str:
    return f" (evidence: {quoted(evidence)})" if evidence else ""
