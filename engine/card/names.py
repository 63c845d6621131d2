"""Names under which facts are stored, for ever; a changed shape gets a new version and an upcast."""

from engine.card import events, payments

CardFact = (
    events.CardRegistered
    | events.ZoneChanged
    | events.CardHeld
    | events.CardReleased
    | events.CardClosed
    | events.PaymentMethodBound
    | events.PaymentMethodUpdated
    | events.PaymentMethodRemoved
    | events.PaymentMethodsOrdered
    | events.AutoRenewEnabled
    | events.PeriodChanged
    | events.PriceChangeAnnounced
    | events.AutoRenewSwitchedOff
    | events.RenewalRequested
    | events.RenewalStarted
    | payments.ChargeAttempted
    | payments.ChargeWithheld
    | payments.ChargeSucceeded
    | payments.ChargeFailed
    | payments.ChargeOutcomeUnknown
    | payments.CaseOpened
    | events.CardRenewed
    | events.GraceStarted
    | events.Suspended
    | events.Reinstated
    | events.NumberReclaimed
    | events.ChargingBlocked
    | events.DeadlinesMoved
    | payments.AutoTopUpSet
    | payments.TopUpStarted
    | payments.TopUpFailed
    | payments.BalanceCredited
    | payments.BalanceDebited
    | payments.BalancePaidOut
    | payments.RefundStarted
    | payments.RefundSucceeded
    | payments.RefundOutcomeUnknown
    | payments.RefundFailed
    | payments.RefundRecorded
    | payments.DisputeRecorded
    | events.ReminderDue
    | events.Deferred
    | events.Replanned
)
"""Every fact of a card: a closed union, so that a type checker sees which one a match has left out."""

STORED_NAMES: dict[str, type[CardFact]] = {
    "card_registered.v1": events.CardRegistered,
    "zone_changed.v1": events.ZoneChanged,
    "card_held.v1": events.CardHeld,
    "card_released.v1": events.CardReleased,
    "card_closed.v1": events.CardClosed,
    "payment_method_bound.v1": events.PaymentMethodBound,
    "payment_method_updated.v1": events.PaymentMethodUpdated,
    "payment_method_removed.v1": events.PaymentMethodRemoved,
    "payment_methods_ordered.v1": events.PaymentMethodsOrdered,
    "auto_renew_enabled.v1": events.AutoRenewEnabled,
    "period_changed.v1": events.PeriodChanged,
    "price_change_announced.v1": events.PriceChangeAnnounced,
    "auto_renew_switched_off.v1": events.AutoRenewSwitchedOff,
    "renewal_requested.v1": events.RenewalRequested,
    "renewal_started.v1": events.RenewalStarted,
    "charge_attempted.v1": payments.ChargeAttempted,
    "charge_withheld.v1": payments.ChargeWithheld,
    "charge_succeeded.v1": payments.ChargeSucceeded,
    "charge_failed.v1": payments.ChargeFailed,
    "charge_outcome_unknown.v1": payments.ChargeOutcomeUnknown,
    "case_opened.v1": payments.CaseOpened,
    "card_renewed.v1": events.CardRenewed,
    "grace_started.v1": events.GraceStarted,
    "suspended.v1": events.Suspended,
    "reinstated.v1": events.Reinstated,
    "number_reclaimed.v1": events.NumberReclaimed,
    "charging_blocked.v1": events.ChargingBlocked,
    "deadlines_moved.v1": events.DeadlinesMoved,
    "auto_top_up_set.v1": payments.AutoTopUpSet,
    "top_up_started.v1": payments.TopUpStarted,
    "top_up_failed.v1": payments.TopUpFailed,
    "balance_credited.v1": payments.BalanceCredited,
    "balance_debited.v1": payments.BalanceDebited,
    "balance_paid_out.v1": payments.BalancePaidOut,
    "refund_started.v1": payments.RefundStarted,
    "refund_succeeded.v1": payments.RefundSucceeded,
    "refund_outcome_unknown.v1": payments.RefundOutcomeUnknown,
    "refund_failed.v1": payments.RefundFailed,
    "refund_recorded.v1": payments.RefundRecorded,
    "dispute_recorded.v1": payments.DisputeRecorded,
    "reminder_due.v1": events.ReminderDue,
    "deferred.v1": events.Deferred,
    "replanned.v1": events.Replanned,
}
