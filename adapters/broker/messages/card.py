"""Of the card itself: in our care, held, in grace, suspended, lost."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from adapters.broker.messages.parts import Amount, Currency, Day, Message, TermNumber

# The card


class CardRegistered(Message):
    """A card with its running term was taken into our care."""

    holder_id: Annotated[str, Meta(description="The account that owns the card.")]
    plan: str
    currency: Currency
    zone: Annotated[str, Meta(description="IANA name of the zone whose days count for the card.")]
    starts_on: Day
    ends_on: Annotated[date, Meta(description="The first day after the term.")]


class HolderChanged(Message):
    """The card came to another holder, free of all that the one before had agreed to and bound."""

    holder_id: str
    before: Annotated[str, Meta(description="The account that owned the card until now.")]


class ZoneChanged(Message):
    """Days of another zone count for the card from the next term on."""

    zone: str


class CardHeld(Message):
    """Nothing is charged, suspended or given up until the card is released."""

    by: Literal["operator", "alarm"]


class CardReleased(Message):
    """The hold was lifted."""


class CardClosed(Message):
    """The holder gave the card up; the balance is owed to the holder."""

    balance: Amount


# Grace, suspension, loss


class CardGraceStarted(Message):
    """The term ended unpaid; service goes on until `suspends_on`."""

    term_number: TermNumber
    suspends_on: Day


class CardSuspended(Message):
    """Service is to be switched off; the number is kept until `reclaimed_on`."""

    term_number: TermNumber
    reclaimed_on: Day


class CardReinstated(Message):
    """Service is to be switched on again."""

    term_number: TermNumber


class CardReclaimed(Message):
    """The carrier took the number back; nobody else gets it before `quarantined_until`."""

    term_number: TermNumber
    by: Literal["deadline", "carrier"]
    quarantined_until: Day
    balance: Annotated[Amount, Meta(description="Owed to the holder.")]


class DeadlinesMoved(Message):
    """Suspension and loss of the unpaid card come later, since we delayed its payment."""

    reason: str
    by_s: Annotated[float, Meta(ge=0, description="Seconds.")]
    suspends_on: Annotated[date | None, Meta(description="The new day, where another one was told before.")]
    lost_on: Annotated[date | None, Meta(description="The new day, where another one was told before.")]


class NumberConfirmed(Message):
    """A person found out that the number still exists."""
