"""How the facts about money add up: the changes that each makes to its card. Assigns only."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.card import payments
from engine.card.events import Event
from engine.card.payments import ChargeAttempted, ChargeFailed
from engine.card.state import Attempt, AutoTopUp, Card, Changes, Failed, Payment, Refund, Renewal, TopUp
from engine.declines import METHOD_ENDS, USES_UP_NOTHING, Consequence
from engine.errors import CorruptHistoryError

FAILED_KEPT = 20
"""Attempts closed without the gateway's own no that a card remembers: late news of one is money to give back."""

Table = dict[type[Event], Callable[[Card, Any], Changes]]
"""Per kind of fact the changes that it makes."""


# Charges


def _attempted(card: Card, fact: ChargeAttempted) -> Changes:
    attempt = Attempt(
        attempt_id=fact.attempt_id,
        method_id=fact.method_id,
        token=fact.token,
        amount=fact.amount,
        attempted_at=fact.at,
        rung=fact.rung,
        top_up=fact.top_up,
        from_balance=fact.from_balance,
        fingerprint=fact.fingerprint,
    )
    if fact.top_up is not None:
        top_up = _top_up(card)
        tried = (*top_up.tried, fact.method_id)
        top_up = replace(top_up, attempts=fact.number, tried=tried)
        return {"open_attempt": attempt, "balance": replace(card.balance, top_up=top_up)}
    changes: Changes = {"open_attempt": attempt, "attempts": fact.number, "renewal": _tried(card, fact)}
    if fact.from_balance:
        changes["balance"] = replace(card.balance, minor=card.balance.minor - fact.from_balance)
    return changes


def _withheld(card: Card, fact: payments.ChargeWithheld) -> Changes:
    changes: Changes = {}
    if fact.top_up is None:
        changes["renewal"] = _tried(card, fact)
    if fact.until is None:
        changes["ended_methods"] = {**card.ended_methods, fact.method_id: fact.reason}
    else:
        changes["not_before"] = {**card.not_before, fact.method_id: fact.until}
    return changes


def _tried(card: Card, fact: ChargeAttempted | payments.ChargeWithheld) -> Renewal:
    renewal = _renewal(card)
    # what a limit keeps back is not tried yet: it is, in the same pass, when the limit allows it
    kept_back = isinstance(fact, payments.ChargeWithheld) and fact.until is not None and fact.limits_edition is not None
    tried = () if kept_back else (fact.method_id,)
    if fact.rung == renewal.rung:
        return replace(renewal, tried=(*renewal.tried, *tried))
    return replace(renewal, rung=fact.rung, rung_at=fact.at, tried=tried, soon=(), asked_for=None)


def _succeeded(card: Card, fact: payments.ChargeSucceeded) -> Changes:
    attempt = card.open_attempt
    ours = attempt is not None and attempt.attempt_id == fact.attempt_id
    method_id = attempt.method_id if attempt is not None and ours else _failed_method(card, fact.attempt_id)
    paid = Payment(
        attempt_id=fact.attempt_id,
        term_number=fact.term_number,
        top_up=fact.top_up,
        amount=fact.amount,
        method_id=method_id,
        gateway_ref=fact.gateway_ref,
    )
    changes: Changes = {"payments": _remembered(card, paid)}
    if ours:
        return changes | {"open_attempt": None}
    return changes | {"failed": tuple(one for one in card.failed if one.attempt_id != fact.attempt_id)}


def _remembered(card: Card, paid: Payment) -> tuple[Payment, ...]:
    """The new charge and those that may still have to go back; all others stand in the card's history."""
    going_back = [one.attempt_id for one in card.refunds]
    kept = [one for one in card.payments if one.attempt_id in going_back or _of_a_term_not_over(card, one)]
    return (*kept, paid)


def _of_a_term_not_over(card: Card, one: Payment) -> bool:
    return one.top_up is None and one.term_number >= card.term.number


def _failed_method(card: Card, attempt_id: UUID) -> str:
    for one in card.failed:
        if one.attempt_id == attempt_id:
            return one.method_id
    raise CorruptHistoryError(f"card {card.card_id}: an outcome without an attempt")


def _failed(card: Card, fact: ChargeFailed) -> Changes:
    attempt = _open(card)
    changes: Changes = {"open_attempt": None}
    if fact.code in USES_UP_NOTHING:
        failed = Failed(attempt.attempt_id, fact.term_number, attempt.amount, attempt.method_id, attempt.top_up)
        changes["failed"] = (*card.failed, failed)[-FAILED_KEPT:]
    if fact.consequence in METHOD_ENDS:
        changes["ended_methods"] = {**card.ended_methods, fact.method_id: fact.code}
        if fact.consequence is Consequence.HOLDER_PRESENT:
            changes["for_the_holder"] = (*card.for_the_holder, fact.method_id)
    if fact.not_before is not None:
        changes["not_before"] = {**card.not_before, fact.method_id: fact.not_before}
    if attempt.top_up is None:
        return changes | _renewal_failed(card, attempt, fact)
    top_up = _top_up(card)
    top_up = replace(top_up, last_code=fact.code, **_counted(top_up, fact))
    return changes | {"balance": replace(card.balance, top_up=top_up)}


def _renewal_failed(card: Card, attempt: Attempt, fact: ChargeFailed) -> Changes:
    renewal = _renewal(card)
    changes: Changes = {"last_code": fact.code, **_counted(renewal, fact)}
    if fact.within_rung:
        changes |= {"soon": (*renewal.soon, fact.method_id), "tried": _minus(renewal.tried, fact.method_id)}
    if fact.rung and not _used_up_nothing(fact):
        changes["first_failed_at"] = renewal.first_failed_at or fact.at
    done: Changes = {"renewal": replace(renewal, **changes)}
    if attempt.from_balance:
        done["balance"] = replace(card.balance, minor=card.balance.minor + attempt.from_balance)
    return done


def _counted(purpose: Renewal | TopUp, fact: ChargeFailed) -> Changes:
    if not _used_up_nothing(fact):
        return {"declines": purpose.declines + 1}
    if isinstance(purpose, TopUp) or fact.method_id in purpose.soon:  # one repeat: a silent method holds up no other
        return {}
    return {"tried": _minus(purpose.tried, fact.method_id), "soon": (*purpose.soon, fact.method_id)}


def _used_up_nothing(fact: ChargeFailed) -> bool:
    return fact.code in USES_UP_NOTHING or fact.consequence is Consequence.ALARM


def _unknown(card: Card, fact: payments.ChargeOutcomeUnknown) -> Changes:
    return {"open_attempt": replace(_open(card), asked=fact.asked, ask_again_at=fact.ask_again_at)}


def _case_opened(card: Card, fact: payments.CaseOpened) -> Changes:
    attempt = card.open_attempt
    if attempt is not None and attempt.attempt_id == fact.about:
        return {"open_attempt": replace(attempt, case_opened=True)}
    return _refund_changes(card, fact.about, case_opened=True)


# Balance and refunds


def _standing_order(card: Card, fact: payments.AutoTopUpSet) -> Changes:
    order = AutoTopUp(fact.threshold, fact.amount) if fact.threshold and fact.amount else None
    return {"balance": replace(card.balance, standing_order=order)}


def _topping_up(card: Card, fact: payments.TopUpStarted) -> Changes:
    changes: Changes = {"top_ups": fact.number, "top_up": TopUp(fact.number, fact.amount, fact.automatic)}
    if fact.automatic:
        changes["last_automatic_at"] = fact.at
    return {"balance": replace(card.balance, **changes)}


def _credited(card: Card, fact: payments.BalanceCredited) -> Changes:
    changes: Changes = {"minor": card.balance.minor + fact.amount.minor}
    if fact.reason == "top_up":
        changes["top_up"] = None
    done: Changes = {"balance": replace(card.balance, **changes)}
    if fact.reason == "refund" and fact.about is not None:
        return done | _given_back(card, fact.about, fact.amount.minor)
    return done


def _debited(card: Card, fact: payments.BalanceDebited | payments.BalancePaidOut) -> Changes:
    return {"balance": replace(card.balance, minor=card.balance.minor - fact.amount.minor)}


def _refund_started(card: Card, fact: payments.RefundStarted) -> Changes:
    refund = Refund(fact.refund_id, fact.attempt_id, fact.gateway_ref, fact.amount, fact.at)
    return {"refunds": (*card.refunds, refund), **_given_back(card, fact.attempt_id, fact.amount.minor)}


def _refunded(card: Card, fact: payments.RefundSucceeded) -> Changes:
    return {"refunds": tuple(one for one in card.refunds if one.refund_id != fact.refund_id)}


def _refund_unknown(card: Card, fact: payments.RefundOutcomeUnknown) -> Changes:
    return _refund_changes(card, fact.refund_id, asked=fact.asked, ask_again_at=fact.ask_again_at)


def _refund_refused(card: Card, fact: payments.RefundFailed) -> Changes:
    return _refund_changes(card, fact.refund_id, refused=True)


def _refund_recorded(card: Card, fact: payments.RefundRecorded) -> Changes:
    kept = tuple(one for one in card.refunds if one.attempt_id != fact.attempt_id)
    if len(kept) < len(card.refunds):  # it takes the place of one that the gateway could not make
        return {"refunds": kept}
    return _given_back(card, fact.attempt_id, fact.amount.minor)


def _disputed(card: Card, fact: payments.DisputeRecorded) -> Changes:
    return {
        "ended_methods": {**card.ended_methods, fact.method_id: "disputed"},
        **unwanted(card, fact.method_id),
        **_given_back(card, fact.attempt_id, disputed=fact.amount.minor),
    }


def _given_back(card: Card, attempt_id: UUID, refunded: int = 0, disputed: int = 0) -> Changes:
    return {
        "payments": tuple(
            replace(one, refunded=one.refunded + refunded, disputed=one.disputed + disputed)
            if one.attempt_id == attempt_id
            else one
            for one in card.payments
        )
    }


# Parts of a card


def unwanted(card: Card, method_id: str | None = None) -> Changes:
    """The open attempt, if it is of that method, is looked up from now on, and not sent again."""
    attempt = card.open_attempt
    if attempt is None or attempt.only_look or method_id not in (None, attempt.method_id):
        return {}
    return {"open_attempt": replace(attempt, only_look=True)}


def _refund_changes(card: Card, refund_id: UUID, **changes: object) -> Changes:
    return {"refunds": tuple(replace(one, **changes) if one.refund_id == refund_id else one for one in card.refunds)}


def _minus(tried: tuple[str, ...], method_id: str) -> tuple[str, ...]:
    return tuple(one for one in tried if one != method_id)


def _renewal(card: Card) -> Renewal:
    if card.renewal is None:
        raise CorruptHistoryError(f"card {card.card_id}: a charge without a renewal")
    return card.renewal


def _open(card: Card) -> Attempt:
    if card.open_attempt is None:
        raise CorruptHistoryError(f"card {card.card_id}: an outcome without an open attempt")
    return card.open_attempt


def _top_up(card: Card) -> TopUp:
    if card.balance.top_up is None:
        raise CorruptHistoryError(f"card {card.card_id}: a charge for no top-up")
    return card.balance.top_up


PAYMENT_CHANGES: Table = {
    payments.ChargeAttempted: _attempted,
    payments.ChargeWithheld: _withheld,
    payments.ChargeSucceeded: _succeeded,
    payments.ChargeFailed: _failed,
    payments.ChargeOutcomeUnknown: _unknown,
    payments.CaseOpened: _case_opened,
    payments.AutoTopUpSet: _standing_order,
    payments.TopUpStarted: _topping_up,
    payments.TopUpFailed: lambda card, _: {"balance": replace(card.balance, top_up=None)},
    payments.BalanceCredited: _credited,
    payments.BalanceDebited: _debited,
    payments.BalancePaidOut: _debited,
    payments.RefundStarted: _refund_started,
    payments.RefundSucceeded: _refunded,
    payments.RefundOutcomeUnknown: _refund_unknown,
    payments.RefundFailed: _refund_refused,
    payments.RefundRecorded: _refund_recorded,
    payments.DisputeRecorded: _disputed,
}
