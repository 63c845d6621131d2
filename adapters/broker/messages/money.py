"""Of money beside charges: the balance, refunds and disputes."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from adapters.broker.messages.parts import Amount, AttemptId, Message

# Balance


class AutoTopUpSet(Message):
    """The balance is topped up by `amount` when it is below `threshold`; null ends that."""

    threshold: Amount | None
    amount: Amount | None


class AutoTopUpStopped(Message):
    """Automatic top-up was switched off, since its payments were declined again and again."""

    declined: int


class TopUpStarted(Message):
    """A payment onto the balance was asked for, or fell due."""

    number: int
    amount: Amount
    automatic: bool


class TopUpFailed(Message):
    """No payment method could be charged for the top-up."""

    number: int


class BalanceCredited(Message):
    """Money came onto the balance."""

    amount: Amount
    reason: Literal["top_up", "refund", "released", "dispute_won"]


class BalanceDebited(Message):
    """Money left the balance, because the charge that had brought it went back.

    What the balance pays for a term is in `card_renewed`.
    """

    amount: Amount
    reason: str
    about: Annotated[UUID, Meta(description="The charge or refund.")]
    of_term: Annotated[
        int | None, Meta(description="It had paid for this term: nothing leaves the balance, nor comes back.")
    ]


class BalancePaidOut(Message):
    """What was left on the balance went back to the holder, outside of the payment provider."""

    amount: Amount


# Refunds and disputes


class RefundStarted(Message):
    """Money of a charge is to go back through the payment provider."""

    refund_id: UUID
    attempt_id: AttemptId
    amount: Amount
    reason: str


class ChargeRefunded(Message):
    """Money of a charge went back, through the payment provider or by the operator."""

    attempt_id: AttemptId
    amount: Amount
    refund_id: Annotated[UUID | None, Meta(description="Null where a person gave it back.")]


class RefundFailed(Message):
    """A refund definitely did not go back; a person finds another way."""

    refund_id: UUID
    attempt_id: AttemptId


class RefundReturned(Message):
    """A refund came back after it had succeeded; a person finds another way."""

    attempt_id: AttemptId
    amount: Amount
    refund_id: UUID | None


class ChargeDisputed(Message):
    """The holder's bank took money of a charge back, which may be more than the charge."""

    attempt_id: AttemptId
    amount: Amount


class DisputeWon(Message):
    """The holder's bank gave back what it had taken of a charge."""

    attempt_id: AttemptId
    amount: Amount
    over: Annotated[bool, Meta(description="Nothing of the charge is disputed any more.")]
