"""Of the renewal: what the holder agreed to, what is offered, what was paid."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from adapters.broker.messages.parts import Amount, Day, Message, MethodId, ShownCode, TermNumber

# Consent and price


class AutoRenewEnabled(Message):
    """The holder agreed to be charged for further terms."""

    months: int
    price: Amount
    reactivation_fee: Annotated[Amount | None, Meta(description="On top if service is off by then.")]


class AutoRenewSwitchedOff(Message):
    """Further terms will not be bought; the paid one runs on."""

    reason: str
    ends_on: Annotated[date | None, Meta(description="When the paid term ends.")]
    lost_on: Annotated[date | None, Meta(description="When the number is lost if nothing else happens.")]


class PeriodChanged(Message):
    """Terms of another length will be bought from the next one on."""

    months: int
    price: Amount
    reactivation_fee: Amount | None


class PriceChangeAnnounced(Message):
    """Terms that open on or after `applies_from` cost another price."""

    months: int
    price: Amount
    applies_from: Day
    reactivation_fee: Amount | None


# Payment methods


class PaymentMethodBound(Message):
    """The holder added a payment method."""

    method_id: MethodId
    kind: str


class PaymentMethodUpdated(Message):
    """A payment method has new details, from the holder or its issuer."""

    method_id: MethodId
    kind: str


class PaymentMethodRemoved(Message):
    """A payment method is not charged any more."""

    method_id: MethodId
    reason: Literal["holder", "mandate_withdrawn"]


# Renewal


class RenewalStarted(Message):
    """The next term is offered at this price, which stays so until it is paid or given up."""

    term_number: TermNumber
    months: int
    price: Amount
    reactivation_fee: Amount | None


class CardRenewed(Message):
    """The next term is paid; what was charged for it, a reactivation fee included, is in `charge_succeeded`."""

    term_number: TermNumber
    starts_on: Day
    ends_on: Day
    months: int
    price: Amount
    attempt_id: Annotated[UUID | None, Meta(description="The charge; null if the balance paid it all.")]
    method_id: Annotated[str | None, Meta(description="What was charged; null if the balance paid it all.")]
    from_balance: Annotated[Amount | None, Meta(description="What the balance paid of it; null: nothing.")]
    reactivation_fee: Annotated[Amount | None, Meta(description="Paid on top of the price; null: none.")]


class TermUndone(Message):
    """A paid term that had not begun ended, since its charge went back; the card is paid until `ends_on`."""

    term_number: TermNumber
    ends_on: Day


class ReminderDue(Message):
    """The holder is to be told of what will happen, or has failed; whether it was sent is not said here."""

    kind: Annotated[str, Meta(description="Which reminder; new kinds may be added.")]
    term_number: TermNumber
    code: ShownCode
    amount: Amount | None
    months: int | None
    method_id: Annotated[str | None, Meta(description="What will be charged; null if nothing can be.")]
    charge_on: date | None
    next_try_at: datetime | None
    suspends_on: date | None
    lost_on: date | None
