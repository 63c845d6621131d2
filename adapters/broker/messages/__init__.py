"""The shapes of the public messages: what other systems may rely on; contract.py says which fact becomes which.

A field is never removed, renamed or narrowed within a version: a message that has to change so gets a new version
beside the old one. New fields come with a default, and readers pass over those that they do not know.
No personal data, no card data, no decline codes that a holder must not learn, no free text.
"""

from adapters.broker.messages import card, charging, money, renewal
from adapters.broker.messages.parts import Message

EVENTS: dict[str, type[Message]] = {
    "card_registered.v1": card.CardRegistered,
    "holder_changed.v1": card.HolderChanged,
    "zone_changed.v1": card.ZoneChanged,
    "card_held.v1": card.CardHeld,
    "card_released.v1": card.CardReleased,
    "card_closed.v1": card.CardClosed,
    "auto_renew_enabled.v1": renewal.AutoRenewEnabled,
    "auto_renew_switched_off.v1": renewal.AutoRenewSwitchedOff,
    "period_changed.v1": renewal.PeriodChanged,
    "price_change_announced.v1": renewal.PriceChangeAnnounced,
    "payment_method_bound.v1": renewal.PaymentMethodBound,
    "payment_method_updated.v1": renewal.PaymentMethodUpdated,
    "payment_method_removed.v1": renewal.PaymentMethodRemoved,
    "renewal_started.v1": renewal.RenewalStarted,
    "card_renewed.v1": renewal.CardRenewed,
    "term_undone.v1": renewal.TermUndone,
    "reminder_due.v1": renewal.ReminderDue,
    "charge_attempted.v1": charging.ChargeAttempted,
    "charge_withheld.v1": charging.ChargeWithheld,
    "charge_succeeded.v1": charging.ChargeSucceeded,
    "charge_failed.v1": charging.ChargeFailed,
    "charge_outcome_unknown.v1": charging.ChargeOutcomeUnknown,
    "charge_pending.v1": charging.ChargePending,
    "case_opened.v1": charging.CaseOpened,
    "card_grace_started.v1": card.CardGraceStarted,
    "card_suspended.v1": card.CardSuspended,
    "card_reinstated.v1": card.CardReinstated,
    "card_reclaimed.v1": card.CardReclaimed,
    "deadlines_moved.v1": card.DeadlinesMoved,
    "number_confirmed.v1": card.NumberConfirmed,
    "auto_top_up_set.v1": money.AutoTopUpSet,
    "auto_top_up_stopped.v1": money.AutoTopUpStopped,
    "top_up_started.v1": money.TopUpStarted,
    "top_up_failed.v1": money.TopUpFailed,
    "balance_credited.v1": money.BalanceCredited,
    "balance_debited.v1": money.BalanceDebited,
    "balance_paid_out.v1": money.BalancePaidOut,
    "refund_started.v1": money.RefundStarted,
    "charge_refunded.v1": money.ChargeRefunded,
    "refund_failed.v1": money.RefundFailed,
    "refund_returned.v1": money.RefundReturned,
    "charge_disputed.v1": money.ChargeDisputed,
    "dispute_won.v1": money.DisputeWon,
}
"""Every message about a card by its name and version."""
