"""The provider's hosted pages, on which a holder binds a way to pay, or pays once: where the holder is sent."""

from datetime import date, datetime
from typing import NamedTuple, Protocol

from engine.card.methods import MethodKind
from engine.ports import ChargeRequest


class ReturnAddresses(NamedTuple):
    """Where the holder comes back to; to `done` the session's id is added."""

    done: str
    canceled: str


class HostedPage(NamedTuple):
    """Where the holder is sent to."""

    address: str
    session_id: str


class Bound(NamedTuple):
    """The holder has bound a way to pay."""

    token: str
    kind: MethodKind
    brand: str | None = None
    last4: str | None = None
    expires_on: date | None = None
    fingerprint: str | None = None


class Waiting(NamedTuple):
    """The holder has not finished."""


class BindingRefused(NamedTuple):
    """Nothing was bound; `reason` is for programs."""

    reason: str


Binding = Bound | Waiting | BindingRefused


class HostedPages(Protocol):
    """Begins visits, and says what came of them; what a provider does not answer it raises."""

    async def begin_binding(self, holder_id: str, currency: str, back: ReturnAddresses, key: str) -> HostedPage:
        """A page on which the holder binds a way to pay; the same `key` gives the same page for a day."""
        ...

    async def binding(self, session_id: str, holder_id: str) -> Binding:
        """What came of a visit, if it was this holder's."""
        ...

    async def pay_now_token(self, holder_id: str, wallet: str) -> str:
        """A token by which a holder pays now, the same for a day."""
        ...

    async def begin_payment(
        self, request: ChargeRequest, what: str, until: datetime, back: ReturnAddresses
    ) -> HostedPage:
        """A page on which the holder pays one attempt, named `what`, until an instant; always the same."""
        ...

    async def end_payment(self, request: ChargeRequest) -> None:
        """Close that page if it is open; nobody can pay on it any more."""
        ...
