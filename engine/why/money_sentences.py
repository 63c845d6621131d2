"""The facts about charges, refunds and the balance as clauses. See sentences.py."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from engine.card import facts
from engine.card.event import Event
from engine.why.words import (
    ATTEMPT_REASONS,
    AUTHORITIES,
    CONSEQUENCES,
    LEARNED,
    REFUND_REASONS,
    clock,
    count,
    money,
    quoted,
    withheld_by,
)


def _attempted(fact: facts.ChargeAttempted, _: str) -> str:
    balance = f", with {_part(fact)} from the balance besides" if fact.from_balance else ""
    return (
        f"method {fact.method_id} was asked for {money(fact.amount)} for {purpose(fact)}{balance}: "
        f"attempt {fact.attempt_id}, number {fact.number} (rung {fact.rung}, {ATTEMPT_REASONS[fact.reason]})"
    )


def purpose(fact: facts.ChargeAttempted | facts.ChargeWithheld) -> str:
    """What a try is for."""
    return f"term {fact.term_number}" if fact.top_up is None else f"top-up {fact.top_up}"


def _part(fact: facts.ChargeAttempted | facts.ChargeSucceeded) -> str:
    return money(replace(fact.amount, minor=fact.from_balance))


def _withheld(fact: facts.ChargeWithheld, zone: str) -> str:
    until = f"until {clock(fact.until, zone)}" if fact.until else "for ever"
    why = withheld_by(fact.reason, fact.limits_edition)
    return f"a try of method {fact.method_id} for {purpose(fact)} was due in rung {fact.rung}, but {why} {until}"


def _succeeded(fact: facts.ChargeSucceeded, _: str) -> str:
    balance = f" (and {_part(fact)} came from the balance)" if fact.from_balance else ""
    return (
        f"{money(fact.amount)} was taken{balance} under the gateway's reference {quoted(fact.gateway_ref)}, "
        f"{LEARNED[fact.learned]}{_evidence(fact.evidence)}: attempt {fact.attempt_id} succeeded"
    )


def _failed(fact: facts.ChargeFailed, zone: str) -> str:
    others = [
        *([f"advice code {fact.advice_code}"] if fact.advice_code else []),
        *([f"network code {fact.network_code}"] if fact.network_code else []),
    ]
    alone = f" and is left alone until {clock(fact.not_before, zone)}" if fact.not_before else ""
    again = ", then tried again in the same rung" if fact.within_rung else ""
    return (
        f"method {fact.method_id} was not charged, {LEARNED[fact.learned]}{_evidence(fact.evidence)}: "
        f"attempt {fact.attempt_id} failed with {', '.join([f'code {fact.code}', *others])}; "
        f"{AUTHORITIES[fact.decided_by]} {CONSEQUENCES[fact.consequence]}{alone}{again}"
    )


def _unknown(fact: facts.ChargeOutcomeUnknown, zone: str) -> str:
    return (
        f"nobody could say whether attempt {fact.attempt_id} moved money ({fact.reason}, "
        f"asked {count(fact.asked, 'time')}); the gateway is asked again on {clock(fact.ask_again_at, zone)}"
    )


def _case(fact: facts.CaseOpened, _: str) -> str:
    what = "attempt" if fact.reason == "outcome_unknown" else "refund"
    return f"a case for a person was opened, to find out what became of {what} {fact.about}"


def _standing_order(fact: facts.AutoTopUpSet, _: str) -> str:
    if fact.threshold is None or fact.amount is None:
        return "the holder's standing order for top-ups ended"
    return f"the holder agreed to top up {money(fact.amount)} whenever the balance is below {money(fact.threshold)}"


def _topping_up(fact: facts.TopUpStarted, _: str) -> str:
    why = "fell due by the standing order" if fact.automatic else "was asked for"
    return f"top-up {fact.number} of {money(fact.amount)} {why}"


def _top_up_failed(fact: facts.TopUpFailed, _: str) -> str:
    code = f", the last code being {fact.last_code}" if fact.last_code else ""
    return f"top-up {fact.number} failed: no payment method could be charged{code}"


def _credited(fact: facts.BalanceCredited, _: str) -> str:
    unused = "because it was not used after all"
    why = {"top_up": "by a top-up", "refund": "as a refund", "released": unused}[fact.reason]
    about = f" of attempt {fact.about}" if fact.about else ""
    return f"{money(fact.amount)} came onto the balance {why}{about}{_evidence(fact.evidence)}"


def _refund_started(fact: facts.RefundStarted, _: str) -> str:
    return (
        f"refund {fact.refund_id} of {money(fact.amount)} of attempt {fact.attempt_id} was decided, "
        f"because {REFUND_REASONS[fact.reason]}"
    )


def _refunded(fact: facts.RefundSucceeded, _: str) -> str:
    return (
        f"{money(fact.amount)} of attempt {fact.attempt_id} went back to the holder by refund {fact.refund_id} "
        f"under the gateway's reference {quoted(fact.gateway_ref)}"
    )


def _refund_unknown(fact: facts.RefundOutcomeUnknown, zone: str) -> str:
    return (
        f"nobody could say whether refund {fact.refund_id} was made ({fact.reason}, "
        f"asked {count(fact.asked, 'time')}); the gateway is asked again on {clock(fact.ask_again_at, zone)}"
    )


def _refund_failed(fact: facts.RefundFailed, _: str) -> str:
    return (
        f"the gateway would not make refund {fact.refund_id} of attempt {fact.attempt_id} (code {fact.code}), "
        "so that a person has to"
    )


def _refund_recorded(fact: facts.RefundRecorded, _: str) -> str:
    return (
        f"the operator gave {money(fact.amount)} of attempt {fact.attempt_id} back outside of the engine"
        f"{_evidence(fact.evidence)}"
    )


def _disputed(fact: facts.DisputeRecorded, _: str) -> str:
    return (
        f"the holder's bank took {money(fact.amount)} of attempt {fact.attempt_id} back{_evidence(fact.evidence)}, "
        f"and method {fact.method_id} is not charged by itself any more"
    )


def _evidence(evidence: str | None) -> str:
    return f" (evidence: {quoted(evidence)})" if evidence else ""


MONEY_CLAUSES: Mapping[type[Event], Callable[[Any, str], str]] = {
    facts.ChargeAttempted: _attempted,
    facts.ChargeWithheld: _withheld,
    facts.ChargeSucceeded: _succeeded,
    facts.ChargeFailed: _failed,
    facts.ChargeOutcomeUnknown: _unknown,
    facts.CaseOpened: _case,
    facts.AutoTopUpSet: _standing_order,
    facts.TopUpStarted: _topping_up,
    facts.TopUpFailed: _top_up_failed,
    facts.BalanceCredited: _credited,
    facts.BalanceDebited: lambda fact, _: (
        f"{money(fact.amount)} left the balance again, since the charge that had brought it went back"
    ),
    facts.BalancePaidOut: lambda fact, _: f"{money(fact.amount)} of the balance was paid out{_evidence(fact.evidence)}",
    facts.RefundStarted: _refund_started,
    facts.RefundSucceeded: _refunded,
    facts.RefundOutcomeUnknown: _refund_unknown,
    facts.RefundFailed: _refund_failed,
    facts.RefundRecorded: _refund_recorded,
    facts.DisputeRecorded: _disputed,
}
