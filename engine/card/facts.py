"""All facts of a card, slice by slice: their closed union, and the names under which they are stored.

Names never change; a changed shape gets a new version, and the old one an upcast (upcasts.py).
"""

from engine.card.allowing import PaymentMethodAllowed
from engine.card.asked_ahead import RenewalRequestEnded
from engine.card.attempt import CaseOpened, ChargeAttempted, ChargeOutcomeUnknown, ChargePending, ChargeWithheld
from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut
from engine.card.charge import RenewalRequested
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff, PeriodChanged, PriceChangeAnnounced
from engine.card.custody import CardClosed, CardRegistered, HolderChanged, ZoneChanged
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.doubt import NumberConfirmed
from engine.card.gap import ChargeFound, GapClosed
from engine.card.hold import CardHeld, CardReleased
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended
from engine.card.methods import PaymentMethodBound, PaymentMethodRemoved, PaymentMethodsOrdered, PaymentMethodUpdated
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import (
    RefundFailed,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRecorded,
    RefundReturned,
    RefundStarted,
    RefundSucceeded,
)
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet, AutoTopUpStopped
from engine.card.term import CardRenewed, Reinstated, RenewalStarted
from engine.card.top_ups import TopUpFailed, TopUpStarted
from engine.card.undoing import TermUndone
from engine.card.waking import Deferred, Replanned

CardFact = (
    CardRegistered
    | ZoneChanged
    | HolderChanged
    | CardHeld
    | CardReleased
    | NumberConfirmed
    | CardClosed
    | PaymentMethodBound
    | PaymentMethodUpdated
    | PaymentMethodRemoved
    | PaymentMethodsOrdered
    | PaymentMethodAllowed
    | AutoRenewEnabled
    | PeriodChanged
    | PriceChangeAnnounced
    | AutoRenewSwitchedOff
    | RenewalRequested
    | RenewalRequestEnded
    | RenewalStarted
    | ChargeAttempted
    | ChargeWithheld
    | ChargeSucceeded
    | ChargeFailed
    | ChargeOutcomeUnknown
    | ChargePending
    | ChargeFound
    | GapClosed
    | CaseOpened
    | CardRenewed
    | TermUndone
    | GraceStarted
    | Suspended
    | Reinstated
    | NumberReclaimed
    | ChargingBlocked
    | DeadlinesMoved
    | AutoTopUpSet
    | AutoTopUpStopped
    | TopUpStarted
    | TopUpFailed
    | BalanceCredited
    | BalanceDebited
    | BalancePaidOut
    | RefundStarted
    | RefundSucceeded
    | RefundOutcomeUnknown
    | RefundPending
    | RefundFailed
    | RefundReturned
    | RefundRecorded
    | DisputeRecorded
    | DisputeWon
    | ReminderDue
    | Deferred
    | Replanned
)
"""Every fact of a card: a closed union, so that a type checker sees which one a match has left out."""

CardFacts = tuple[CardFact, ...]

STORED_NAMES: dict[str, type[CardFact]] = {
    "card_registered.v1": CardRegistered,
    "zone_changed.v1": ZoneChanged,
    "holder_changed.v1": HolderChanged,
    "card_held.v1": CardHeld,
    "card_released.v1": CardReleased,
    "number_confirmed.v1": NumberConfirmed,
    "card_closed.v1": CardClosed,
    "payment_method_bound.v1": PaymentMethodBound,
    "payment_method_updated.v1": PaymentMethodUpdated,
    "payment_method_removed.v1": PaymentMethodRemoved,
    "payment_methods_ordered.v1": PaymentMethodsOrdered,
    "payment_method_allowed.v1": PaymentMethodAllowed,
    "auto_renew_enabled.v1": AutoRenewEnabled,
    "period_changed.v1": PeriodChanged,
    "price_change_announced.v1": PriceChangeAnnounced,
    "auto_renew_switched_off.v1": AutoRenewSwitchedOff,
    "renewal_requested.v1": RenewalRequested,
    "renewal_request_ended.v1": RenewalRequestEnded,
    "renewal_started.v1": RenewalStarted,
    "charge_attempted.v1": ChargeAttempted,
    "charge_withheld.v1": ChargeWithheld,
    "charge_succeeded.v1": ChargeSucceeded,
    "charge_failed.v2": ChargeFailed,
    "charge_outcome_unknown.v1": ChargeOutcomeUnknown,
    "charge_pending.v1": ChargePending,
    "charge_found.v1": ChargeFound,
    "gap_closed.v1": GapClosed,
    "case_opened.v1": CaseOpened,
    "card_renewed.v1": CardRenewed,
    "term_undone.v1": TermUndone,
    "grace_started.v1": GraceStarted,
    "suspended.v1": Suspended,
    "reinstated.v1": Reinstated,
    "number_reclaimed.v1": NumberReclaimed,
    "charging_blocked.v1": ChargingBlocked,
    "deadlines_moved.v1": DeadlinesMoved,
    "auto_top_up_set.v1": AutoTopUpSet,
    "auto_top_up_stopped.v1": AutoTopUpStopped,
    "top_up_started.v1": TopUpStarted,
    "top_up_failed.v1": TopUpFailed,
    "balance_credited.v1": BalanceCredited,
    "balance_debited.v1": BalanceDebited,
    "balance_paid_out.v1": BalancePaidOut,
    "refund_started.v1": RefundStarted,
    "refund_succeeded.v1": RefundSucceeded,
    "refund_outcome_unknown.v1": RefundOutcomeUnknown,
    "refund_pending.v1": RefundPending,
    "refund_failed.v1": RefundFailed,
    "refund_returned.v1": RefundReturned,
    "refund_recorded.v1": RefundRecorded,
    "dispute_recorded.v1": DisputeRecorded,
    "dispute_won.v1": DisputeWon,
    "reminder_due.v1": ReminderDue,
    "deferred.v1": Deferred,
    "replanned.v1": Replanned,
}
