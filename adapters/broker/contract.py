"""The public messages: what other systems may rely on, apart from how facts are stored.

Subjects are `baohao.events.<type>`; the body is JSON of `PublicEvent`. `position` grows with each message, and
`event_id` stays the same when a message is sent again, so that a reader can skip what it has seen.

After the log was restored from a backup its positions are given again, in a new `epoch`. It begins with a message
`epoch_started.v1`: what earlier epochs said of facts after its `position` is no longer in the log, unless it is said
again. `(epoch, position)` always grows.
No personal data, no card data, no decline codes that a holder must not learn.
"""

from typing import get_args

from adapters.broker import messages
from engine.card import facts
from engine.envelope import Fact, Recorded, names_of
from engine.operations import OperationsFact

EVENTS_STREAM, EVENTS_SUBJECT = "BAOHAO_EVENTS", "baohao.events"

InternalFact = (
    OperationsFact
    | facts.ZoneChanged
    | facts.HolderChanged
    | facts.PaymentMethodsOrdered
    | facts.PaymentMethodAllowed
    | facts.RenewalRequested
    | facts.RenewalRequestEnded
    | facts.RenewalStarted
    | facts.ChargingBlocked
    | facts.DeadlinesMoved
    | facts.ReminderDue
    | facts.Deferred
    | facts.Replanned
    | facts.PaymentMethodUpdated
    | facts.PaymentMethodRemoved
    | facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeOutcomeUnknown
    | facts.ChargePending
    | facts.ChargeFound
    | facts.GapClosed
    | facts.CaseOpened
    | facts.NumberConfirmed
    | facts.AutoTopUpSet
    | facts.TopUpStarted
    | facts.TopUpFailed
    | facts.AutoTopUpStopped
    | facts.BalanceDebited
    | facts.BalancePaidOut
    | facts.RefundStarted
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
    | facts.RefundFailed
    | facts.DisputeRecorded
    | facts.DisputeWon
)
"""The facts that are not published."""

INTERNAL_FACTS = tuple(name for kind in get_args(InternalFact) for name in names_of(kind))
"""Stored names of the facts that are not published: the publisher reads all others from the log."""


def public_event(recorded: Recorded, epoch: int = 1) -> messages.PublicEvent | None:
    """The public message of a fact in an epoch of the stream; None for internal facts."""
    message = _message(recorded.fact)
    if message is None:
        return None
    kind, data = message
    return messages.PublicEvent.model_construct(
        event_id=recorded.event_id,
        epoch=epoch,
        position=recorded.position,
        type=kind,
        card_id=recorded.card_id,
        card_version=recorded.version,
        at=recorded.fact.at,
        data=data,
    )


def _message(fact: Fact) -> tuple[messages.EventType, messages.Message] | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """The frequent ones first, and without validating again what the engine has built."""
    match fact:
        case facts.ChargeSucceeded(attempt_id=attempt_id, term_number=number, amount=amount, top_up=top_up):
            return "charge_succeeded.v1", messages.ChargeSucceeded.model_construct(
                attempt_id=attempt_id, term_number=number, amount=amount, top_up=top_up
            )
        case facts.CardRenewed(term=term, months=months, price=price):
            return "card_renewed.v1", messages.CardRenewed.model_construct(
                term_number=term.number, starts_on=term.starts_on, ends_on=term.ends_on, months=months, price=price
            )
        case facts.TermUndone(undone_number=number, term=term):
            return "term_undone.v1", messages.TermUndone(term_number=number, ends_on=term.ends_on)
        case facts.ChargeFailed(attempt_id=attempt_id, term_number=number, consequence=consequence, top_up=top_up):
            return "charge_failed.v1", messages.ChargeFailed(
                attempt_id=attempt_id, term_number=number, next=consequence.value, top_up=top_up
            )
        case facts.PaymentMethodBound(method=method):
            return "payment_method_bound.v1", messages.PaymentMethodBound(method_id=method.method_id, kind=method.kind)
        case facts.PriceChangeAnnounced(months=months, price=price, applies_from=day, reactivation_fee=fee):
            return "price_change_announced.v1", messages.PriceChangeAnnounced(
                months=months, price=price, applies_from=day, reactivation_fee=fee
            )
        case facts.BalanceCredited(amount=amount, reason=reason):
            return "balance_credited.v1", messages.BalanceCredited(amount=amount, reason=reason)
        case facts.AutoRenewEnabled(months=months, price=price, reactivation_fee=fee):
            return "auto_renew_enabled.v1", messages.AutoRenewEnabled(months=months, price=price, reactivation_fee=fee)
        case facts.PeriodChanged(months=months, price=price, reactivation_fee=fee):
            return "period_changed.v1", messages.PeriodChanged(months=months, price=price, reactivation_fee=fee)
        case facts.AutoRenewSwitchedOff(reason=reason):
            return "auto_renew_switched_off.v1", messages.AutoRenewSwitchedOff(reason=reason)
        case facts.CardRegistered(plan=plan, currency=currency, zone=zone, term=term):
            return "card_registered.v1", messages.CardRegistered(
                plan=plan, currency=currency, zone=zone, starts_on=term.starts_on, ends_on=term.ends_on
            )
        case facts.GraceStarted(suspends_on=day):
            return "card_grace_started.v1", messages.CardGraceStarted(suspends_on=day)
        case facts.Suspended(reclaimed_on=day):
            return "card_suspended.v1", messages.CardSuspended(reclaimed_on=day)
        case facts.Reinstated(term_number=number):
            return "card_reinstated.v1", messages.CardReinstated(term_number=number)
        case facts.NumberReclaimed(quarantined_until=day):
            return "card_reclaimed.v1", messages.CardReclaimed(quarantined_until=day)
        case facts.CardClosed():
            return "card_closed.v1", messages.CardClosed()
        case facts.CardHeld(by=by):
            return "card_held.v1", messages.CardHeld(by=by)
        case facts.CardReleased():
            return "card_released.v1", messages.CardReleased()
        case facts.RefundRecorded(amount=amount) if not amount.minor:
            return None
        case facts.RefundSucceeded() | facts.RefundRecorded():
            return "charge_refunded.v1", messages.ChargeRefunded(attempt_id=fact.attempt_id, amount=fact.amount)
        case facts.RefundReturned(attempt_id=attempt_id, amount=amount):
            return "refund_returned.v1", messages.RefundReturned(attempt_id=attempt_id, amount=amount)
        case _:
            return _not_public(fact)


def _not_public(_: InternalFact) -> None:
    """No message; a new kind of fact fails the type check here until somebody decides whether it is public."""
