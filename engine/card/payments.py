"""The facts about money: charges, refunds and the balance. See events.py for what all facts have in common."""

from typing import Literal
from uuid import UUID

from engine.calendar import Instant
from engine.card.events import Event
from engine.declines import Authority, Consequence
from engine.money import Money

Learned = Literal["sent", "asked_again", "looked_up", "resolved", "late"]
"""How an outcome became known: by the first call, by the same key again, by a look-up, from a person, after the end."""
AttemptReason = Literal["renewal_opened", "next_method", "next_rung", "soon", "new_method", "holder_asked", "top_up"]
"""Why an attempt was made; only `renewal_opened` and `next_rung` begin a rung."""
RefundReason = Literal["late_success", "card_closed", "number_reclaimed"]


# Charges


class ChargeAttempted(Event, kw_only=True):
    """We decided to ask a payment method for money; committed before the gateway hears of it.

    `attempt_id` is the idempotency key. `number` counts attempts for the term, or for the top-up if that is what it
    is for; `rung` counts passes over the methods. `from_balance` is reserved besides. `limits_edition` names the
    network limits that allowed it; `follows_decline` tells that they count it.
    """

    attempt_id: UUID
    term_number: int
    number: int
    rung: int
    reason: AttemptReason
    method_id: str
    token: str
    amount: Money
    policy_version: str
    top_up: int | None = None
    from_balance: int = 0
    fingerprint: str | None = None
    brand: str | None = None
    follows_decline: bool = False
    limits_edition: str | None = None


class ChargeWithheld(Event, kw_only=True):
    """A try was due, but a rule forbade to make it: `reason` says which, `until` when it may be made (None: never)."""

    term_number: int
    top_up: int | None = None
    rung: int
    method_id: str
    reason: str
    until: Instant | None
    limits_edition: str | None = None
    policy_version: str


class ChargeSucceeded(Event, kw_only=True):
    """The gateway took the money."""

    attempt_id: UUID
    term_number: int
    amount: Money
    gateway_ref: str
    learned: Learned
    top_up: int | None = None
    from_balance: int = 0
    evidence: str | None = None


class ChargeFailed(Event, kw_only=True):
    """The gateway definitely did not take the money, and `code` says why; `consequence` is what may be done next.

    `decided_by` is the code that had the say. The method is left alone until `not_before`; `within_rung` tells
    that it is then tried again in the same rung.
    """

    attempt_id: UUID
    term_number: int
    method_id: str
    code: str
    advice_code: str | None = None
    network_code: str | None = None
    consequence: Consequence
    rung: int
    policy_version: str
    learned: Learned
    top_up: int | None = None
    decided_by: Authority = "code"
    not_before: Instant | None = None
    within_rung: bool = False
    fingerprint: str | None = None
    evidence: str | None = None


class ChargeOutcomeUnknown(Event, kw_only=True):
    """Nobody can say whether money moved; until it is known nothing else is attempted and no deadline passes."""

    attempt_id: UUID
    term_number: int
    reason: str
    asked: int
    ask_again_at: Instant


class CaseOpened(Event, kw_only=True):
    """Asking did not help for too long: a person has to find out what became of this attempt or refund.

    `attempt_id` names the charge that a refund is to give back.
    """

    about: UUID
    reason: str
    attempt_id: UUID | None = None


# Balance, refunds, disputes


class AutoTopUpSet(Event, kw_only=True):
    """The holder agreed to be charged `amount` when the balance is below `threshold`; None ends that."""

    threshold: Money | None
    amount: Money | None


class TopUpStarted(Event, kw_only=True):
    """A payment onto the balance was asked for, or fell due by the holder's standing order."""

    number: int
    amount: Money
    automatic: bool


class TopUpFailed(Event, kw_only=True):
    """No payment method could be charged for the top-up."""

    number: int
    last_code: str | None


class BalanceCredited(Event, kw_only=True):
    """Money came onto the balance."""

    amount: Money
    reason: Literal["top_up", "refund", "released"]
    about: UUID | None
    evidence: str | None = None


class BalanceDebited(Event, kw_only=True):
    """Money left the balance again, because the charge that had brought it went back."""

    amount: Money
    reason: Literal["refund", "dispute"]
    about: UUID


class BalancePaidOut(Event, kw_only=True):
    """What was left on the balance went back to the holder, outside of the gateway."""

    amount: Money
    evidence: str


class RefundStarted(Event, kw_only=True):
    """A charge took money that is not ours to keep; committed before the gateway hears of it.

    `refund_id` is the idempotency key.
    """

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    reason: RefundReason


class RefundSucceeded(Event, kw_only=True):
    """The gateway gave the money back."""

    refund_id: UUID
    attempt_id: UUID
    amount: Money
    gateway_ref: str


class RefundOutcomeUnknown(Event, kw_only=True):
    """Nobody can say whether the money went back; the same refund is asked for again."""

    refund_id: UUID
    reason: str
    asked: int
    ask_again_at: Instant


class RefundFailed(Event, kw_only=True):
    """The gateway definitely did not give the money back; a person has to find another way."""

    refund_id: UUID
    attempt_id: UUID
    code: str


class RefundRecorded(Event, kw_only=True):
    """The operator gave money back outside of the gateway's port, as `evidence` shows."""

    attempt_id: UUID
    amount: Money
    evidence: str


class DisputeRecorded(Event, kw_only=True):
    """The holder's bank took a charge back; its method is not charged by itself any more."""

    attempt_id: UUID
    method_id: str
    amount: Money
    evidence: str
