"""Of charges: attempts and their outcomes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from adapters.broker.messages.parts import Amount, AttemptId, Message, MethodId, ShownCode, TermNumber, TopUp


class ChargeAttempted(Message):
    """A payment method is asked for money, or the holder pays on the provider's page; the outcome is not known yet."""

    attempt_id: AttemptId
    term_number: TermNumber
    top_up: TopUp
    number: Annotated[int, Meta(description="Counts the attempts for the term or top-up.")]
    rung: Annotated[int, Meta(description="Counts the passes over the methods.")]
    reason: str
    method_id: MethodId
    amount: Amount
    from_balance: Annotated[Amount | None, Meta(description="Reserved of the balance beside it; null: nothing.")]
    page_until: Annotated[
        datetime | None,
        Meta(description="The holder pays on the provider's page, which is open until then; null: we ask the method."),
    ]


class ChargeWithheld(Message):
    """A try was due, but a rule forbade to make it."""

    term_number: TermNumber
    top_up: TopUp
    method_id: MethodId
    reason: Annotated[str, Meta(description="The rule; new ones may be added.")]
    until: Annotated[datetime | None, Meta(description="When it may be made; null: never.")]


class ChargeSucceeded(Message):
    """Money was taken for a term, or for the balance."""

    attempt_id: AttemptId
    term_number: TermNumber
    amount: Amount
    top_up: TopUp


class ChargeFailed(Message):
    """Money was definitely not taken."""

    attempt_id: AttemptId
    term_number: TermNumber
    method_id: MethodId
    next: Annotated[str, Meta(description="What may be done after it; new values may be added.")]
    code: ShownCode
    top_up: TopUp


class ChargeOutcomeUnknown(Message):
    """Nobody can say whether money moved; nothing else is charged for the purpose until it is known."""

    attempt_id: AttemptId
    term_number: TermNumber


class ChargePending(Message):
    """The payment provider accepted the charge and will know its outcome later."""

    attempt_id: AttemptId
    term_number: TermNumber


class CaseOpened(Message):
    """A person has to find out what became of money or a number."""

    about: Annotated[UUID, Meta(description="The attempt, the refund, or what else the case is about.")]
    reason: str
    attempt_id: UUID | None
