"""The public messages of facts: what other systems hear, apart from how facts are stored.

Each is a CloudEvent (events.py) on the subject `baohao.v1.card.<card id>.<event>`. Messages about one card come in the
order of its facts; `position` grows with each message, and the id stays the same when a message is sent again, so that
a reader can pass over what it has seen.
"""

from typing import TypedDict, assert_never, get_args
from uuid import UUID

from adapters.broker.messages import card, charging, money, renewal
from adapters.broker.messages.parts import Amount, Message
from engine.card import facts
from engine.envelope import Fact, names_of
from engine.money import Money
from engine.notices import SHOWN_CODES
from engine.operations import OperationsFact

_AboutCard = (
    facts.CardRegistered
    | facts.HolderChanged
    | facts.ZoneChanged
    | facts.CardHeld
    | facts.CardReleased
    | facts.CardClosed
    | facts.GraceStarted
    | facts.Suspended
    | facts.Reinstated
    | facts.NumberReclaimed
    | facts.DeadlinesMoved
    | facts.NumberConfirmed
)
_AboutRenewal = (
    facts.AutoRenewEnabled
    | facts.AutoRenewSwitchedOff
    | facts.PeriodChanged
    | facts.PriceChangeAnnounced
    | facts.PaymentMethodBound
    | facts.PaymentMethodUpdated
    | facts.PaymentMethodRemoved
    | facts.RenewalStarted
    | facts.CardRenewed
    | facts.TermUndone
    | facts.ReminderDue
)
_AboutCharge = (
    facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeSucceeded
    | facts.ChargeFailed
    | facts.ChargeOutcomeUnknown
    | facts.ChargePending
    | facts.CaseOpened
)
_AboutMoney = (
    facts.AutoTopUpSet
    | facts.AutoTopUpStopped
    | facts.TopUpStarted
    | facts.TopUpFailed
    | facts.BalanceCredited
    | facts.BalanceDebited
    | facts.BalancePaidOut
    | facts.RefundStarted
    | facts.RefundSucceeded
    | facts.RefundRecorded
    | facts.RefundFailed
    | facts.RefundReturned
    | facts.DisputeRecorded
    | facts.DisputeWon
)
InternalFact = (
    OperationsFact
    | facts.PaymentMethodsOrdered
    | facts.PaymentMethodAllowed
    | facts.RenewalRequested
    | facts.RenewalRequestEnded
    | facts.ChargingBlocked
    | facts.Deferred
    | facts.Replanned
    | facts.ChargeFound
    | facts.GapClosed
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
)
"""The facts that are not published: how we work, not what became of the card."""

INTERNAL_FACTS = tuple(name for kind in get_args(InternalFact) for name in names_of(kind))
"""Stored names of the facts that are not published: the publisher reads all others from the log."""


def message_of(fact: Fact) -> Message | None:
    """What other systems are told of a fact; None for an internal one. The frequent ones come first."""
    if isinstance(fact, _AboutCharge):
        return _about_charge(fact)
    if isinstance(fact, _AboutRenewal):
        return _about_renewal(fact)
    if isinstance(fact, _AboutCard):
        return _about_card(fact)
    if isinstance(fact, _AboutMoney):
        return _about_money(fact)
    return _not_public(fact)


def _not_public(_: InternalFact) -> None:
    """No message; a new kind of fact fails the type check here until somebody decides whether it is public."""


def _amount(money_of_ours: Money) -> Amount:
    return Amount(money_of_ours.minor, money_of_ours.currency)


def _maybe(money_of_ours: Money | None) -> Amount | None:
    return None if money_of_ours is None else _amount(money_of_ours)


def _part(minor: int, of: Money) -> Amount | None:
    """What the balance gave, in the currency of the rest; None where it gave nothing."""
    return Amount(minor, of.currency) if minor else None


def _shown(code: str | None) -> str | None:
    return code if code in SHOWN_CODES else None


def _about_charge(fact: _AboutCharge) -> Message:
    match fact:
        case facts.ChargeAttempted(attempt_id=attempt_id, term_number=number):
            return charging.ChargeAttempted(
                attempt_id=attempt_id,
                term_number=number,
                top_up=fact.top_up,
                number=fact.number,
                rung=fact.rung,
                reason=fact.reason,
                method_id=fact.method_id,
                amount=_amount(fact.amount),
                from_balance=_part(fact.from_balance, fact.amount),
                page_until=fact.page_until,
            )
        case facts.ChargeSucceeded(attempt_id=attempt_id, term_number=number, amount=amount):
            return charging.ChargeSucceeded(
                attempt_id=attempt_id, term_number=number, amount=_amount(amount), top_up=fact.top_up
            )
        case facts.ChargeFailed(attempt_id=attempt_id, term_number=number):
            return charging.ChargeFailed(
                attempt_id=attempt_id,
                term_number=number,
                method_id=fact.method_id,
                next=fact.consequence.value,
                code=_shown(fact.code),
                top_up=fact.top_up,
            )
        case facts.ChargeWithheld(term_number=number, top_up=top_up, method_id=method_id):
            return charging.ChargeWithheld(
                term_number=number, top_up=top_up, method_id=method_id, reason=fact.reason, until=fact.until
            )
        case facts.ChargeOutcomeUnknown(attempt_id=attempt_id, term_number=number):
            return charging.ChargeOutcomeUnknown(attempt_id=attempt_id, term_number=number)
        case facts.ChargePending(attempt_id=attempt_id, term_number=number):
            return charging.ChargePending(attempt_id=attempt_id, term_number=number)
        case facts.CaseOpened(about=about, reason=reason, attempt_id=attempt_id):
            return charging.CaseOpened(about=about, reason=reason, attempt_id=attempt_id)
        case _:
            assert_never(fact)


def _about_renewal(fact: _AboutRenewal) -> Message:  # noqa: C901, PLR0911 (one case per fact)
    match fact:
        case facts.CardRenewed(term=term, attempt_id=attempt_id):
            return renewal.CardRenewed(
                term_number=term.number,
                starts_on=term.starts_on,
                ends_on=term.ends_on,
                months=fact.months,
                price=_amount(fact.price),
                attempt_id=attempt_id,
                method_id=fact.method_id,
                from_balance=_part(fact.from_balance, fact.price),
                reactivation_fee=_maybe(fact.reactivation_fee),
            )
        case facts.RenewalStarted(term_number=number):
            return renewal.RenewalStarted(term_number=number, **_priced(fact))
        case facts.ReminderDue():
            return _reminder(fact)
        case facts.AutoRenewEnabled():
            return renewal.AutoRenewEnabled(**_priced(fact))
        case facts.PeriodChanged():
            return renewal.PeriodChanged(**_priced(fact))
        case facts.PriceChangeAnnounced(applies_from=day):
            return renewal.PriceChangeAnnounced(applies_from=day, **_priced(fact))
        case facts.AutoRenewSwitchedOff(reason=reason, ends_on=ends_on, lost_on=lost_on):
            return renewal.AutoRenewSwitchedOff(reason=reason, ends_on=ends_on, lost_on=lost_on)
        case facts.PaymentMethodBound(method=method):
            return renewal.PaymentMethodBound(method_id=method.method_id, kind=method.kind)
        case facts.PaymentMethodUpdated(method=method):
            return renewal.PaymentMethodUpdated(method_id=method.method_id, kind=method.kind)
        case facts.PaymentMethodRemoved(method_id=method_id, reason=reason):
            return renewal.PaymentMethodRemoved(method_id=method_id, reason=reason)
        case facts.TermUndone(undone_number=number, term=term):
            return renewal.TermUndone(term_number=number, ends_on=term.ends_on)
        case _:
            assert_never(fact)


class _Priced(TypedDict):
    """What every offer says."""

    months: int
    price: Amount
    reactivation_fee: Amount | None


def _priced(
    fact: facts.RenewalStarted | facts.AutoRenewEnabled | facts.PeriodChanged | facts.PriceChangeAnnounced,
) -> _Priced:
    return _Priced(months=fact.months, price=_amount(fact.price), reactivation_fee=_maybe(fact.reactivation_fee))


def _reminder(fact: facts.ReminderDue) -> Message:
    return renewal.ReminderDue(
        kind=fact.kind,
        term_number=fact.term_number,
        code=_shown(fact.code),
        amount=_maybe(fact.amount),
        months=fact.months,
        method_id=fact.method_id,
        charge_on=fact.charge_on,
        next_try_at=fact.next_try_at,
        suspends_on=fact.suspends_on,
        lost_on=fact.lost_on,
    )


def _about_card(fact: _AboutCard) -> Message:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    match fact:
        case facts.CardRegistered(term=term):
            return card.CardRegistered(
                holder_id=fact.holder_id,
                plan=fact.plan,
                currency=fact.currency,
                zone=fact.zone,
                starts_on=term.starts_on,
                ends_on=term.ends_on,
            )
        case facts.HolderChanged(holder_id=holder_id, before=before):
            return card.HolderChanged(holder_id=holder_id, before=before)
        case facts.ZoneChanged(zone=zone):
            return card.ZoneChanged(zone=zone)
        case facts.CardHeld(by=by):
            return card.CardHeld(by=by)
        case facts.CardReleased():
            return card.CardReleased()
        case facts.CardClosed(balance=balance):
            return card.CardClosed(balance=_amount(balance))
        case facts.GraceStarted(term_number=number, suspends_on=day):
            return card.CardGraceStarted(term_number=number, suspends_on=day)
        case facts.Suspended(term_number=number, reclaimed_on=day):
            return card.CardSuspended(term_number=number, reclaimed_on=day)
        case facts.Reinstated(term_number=number):
            return card.CardReinstated(term_number=number)
        case facts.NumberReclaimed(term_number=number, by=by, quarantined_until=day, balance=balance):
            return card.CardReclaimed(term_number=number, by=by, quarantined_until=day, balance=_amount(balance))
        case facts.DeadlinesMoved(reason=reason, by=delay, suspends_on=suspends_on, lost_on=lost_on):
            return card.DeadlinesMoved(
                reason=reason, by_s=delay.total_seconds(), suspends_on=suspends_on, lost_on=lost_on
            )
        case facts.NumberConfirmed():
            return card.NumberConfirmed()
        case _:
            assert_never(fact)


def _about_money(fact: _AboutMoney) -> Message | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    match fact:
        case facts.BalanceCredited(amount=amount, reason=reason):
            return money.BalanceCredited(amount=_amount(amount), reason=reason)
        case facts.BalanceDebited(amount=amount, reason=reason, about=about, of_term=of_term):
            return money.BalanceDebited(amount=_amount(amount), reason=reason, about=about, of_term=of_term)
        case facts.BalancePaidOut(amount=amount):
            return money.BalancePaidOut(amount=_amount(amount))
        case facts.AutoTopUpSet(threshold=threshold, amount=amount):
            return money.AutoTopUpSet(threshold=_maybe(threshold), amount=_maybe(amount))
        case facts.AutoTopUpStopped(declined=declined):
            return money.AutoTopUpStopped(declined=declined)
        case facts.TopUpStarted(number=number, amount=amount, automatic=automatic):
            return money.TopUpStarted(number=number, amount=_amount(amount), automatic=automatic)
        case facts.TopUpFailed(number=number):
            return money.TopUpFailed(number=number)
        case facts.RefundStarted(refund_id=refund_id, attempt_id=attempt_id, amount=amount, reason=reason):
            return money.RefundStarted(
                refund_id=refund_id, attempt_id=attempt_id, amount=_amount(amount), reason=reason
            )
        case facts.RefundSucceeded() | facts.RefundRecorded():
            return _refunded(fact.attempt_id, fact.amount, fact.refund_id)
        case facts.RefundFailed(refund_id=refund_id, attempt_id=attempt_id):
            return money.RefundFailed(refund_id=refund_id, attempt_id=attempt_id)
        case facts.RefundReturned(attempt_id=attempt_id, amount=amount, refund_id=refund_id):
            return money.RefundReturned(attempt_id=attempt_id, amount=_amount(amount), refund_id=refund_id)
        case facts.DisputeRecorded(attempt_id=attempt_id, amount=amount):
            return money.ChargeDisputed(attempt_id=attempt_id, amount=_amount(amount))
        case facts.DisputeWon(attempt_id=attempt_id, amount=amount, over=over):
            return money.DisputeWon(attempt_id=attempt_id, amount=_amount(amount), over=over)
        case _:
            assert_never(fact)


def _refunded(attempt_id: UUID, amount: Money, refund_id: UUID | None) -> Message | None:
    """No message where a person found that nothing went back."""
    if not amount.minor:
        return None
    return money.ChargeRefunded(attempt_id=attempt_id, amount=_amount(amount), refund_id=refund_id)
