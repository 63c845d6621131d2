"""The checker's own model of an attempt, and of what went back of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(slots=True)
class Attempt:
    """One attempt to charge: what is stored of it, and what the gateway received."""

    attempt_id: str
    position: int
    at: datetime
    term_number: int
    top_up: int | None
    method_id: str
    token: str
    minor: int
    currency: str
    from_balance: int
    """What it has reserved of the balance and still holds."""
    rung: int
    fingerprint: str | None
    purpose: str
    card_id: UUID
    closed_at: datetime | None = None
    """It is paid on the provider's page, which is surely closed then; None: it is sent."""
    outcome: str | None = None
    """charged or the code of the decline; None while it is open."""
    declined_at: datetime | None = None
    is_last_rung: bool = False
    is_unknown: bool = False
    has_kept_waiting: bool = False
    """It is for a top-up, and was asked about when the next term was not offered, though its time had come."""
    parameters: str | None = None
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    unwanted_position: int | None = None
    """The position of the fact since which it is unwanted."""
    is_used: bool = False
    """A term or the balance was given for it."""
    is_undone: bool = False
    """The term that it paid for was undone: all of it went back, to the holder or to the bank."""
    reserve_taken: int = 0
    """What it had reserved of the balance, and left with a top-up or refund that went back."""
    given_back: int = 0
    credited: int = 0
    """The part of `given_back` that went onto the balance."""
    debited: int = 0
    """What left the balance with it."""
    disputed: int = 0
    disputed_position: int = 0
    """The position of the last dispute."""
    refunding: int = 0
    """The part of `given_back` that the gateway was asked to refund, and that nobody gave back by hand instead."""

    @property
    def instrument(self) -> str:
        """What it charges: the fingerprint of the payment card, or the token where there is none."""
        return self.fingerprint or self.token

    @property
    def excess(self) -> int:
        """What went back beyond what it took."""
        return max(0, self.given_back + self.disputed - self.minor)

    @property
    def back_twice(self) -> int:
        """What it brought onto the balance and what went back to the holder as well: never more than it brought."""
        if self.top_up is not None:
            return min(self.minor, self.given_back + self.disputed)
        return min(self.credited, self.excess)
