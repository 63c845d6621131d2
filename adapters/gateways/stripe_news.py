"""What a notification hinted at, fetched: who paid, what a method is now, what became of a dispute."""

from typing import Literal, NamedTuple
from uuid import UUID

from msgspec import Struct

from adapters.gateways.stripe_amounts import from_stripe
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_lists import INTENTS
from adapters.gateways.stripe_objects import Dispute, Intent, Method
from adapters.gateways.stripe_pages import BindingRefused, Bound, bound_as
from adapters.gateways.stripe_token import REUSABLE, Token, read_token
from adapters.gateways.stripe_transport import Unanswered
from engine.errors import GatewayMisuseError
from engine.money import Money

DisputeState = Literal["inquiry", "open", "won", "lost"]
"""An inquiry takes no money; an open dispute has taken it; one that is won brings it back."""

_STATES: dict[str, DisputeState] = {
    "warning_needs_response": "inquiry",
    "warning_under_review": "inquiry",
    "warning_closed": "inquiry",
    "prevented": "inquiry",
    "needs_response": "open",
    "under_review": "open",
    "won": "won",
    "lost": "lost",
}
"""Stripe's states of disputes (docs.stripe.com/api/disputes)."""


class Paid(NamedTuple):
    """What of ours a PaymentIntent belongs to."""

    attempt_id: UUID
    card_id: UUID


class DisputeNow(NamedTuple):
    """A dispute as it is now; the amount is the bank's, which may differ from the charge's."""

    dispute_id: str
    paid: Paid
    amount: Money
    state: DisputeState


class StripeNews:
    """Fetches what was hinted at; raises Unanswered, and SettingsError where Stripe refuses our key."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def paid(self, payment_intent: str) -> Paid | None:
        """What of ours it belongs to; None where it is another's on the same account."""
        intent = await self._api.fetch(f"{INTENTS}/{payment_intent}", Intent, {})
        self._check(intent, intent.id, payment_intent)
        try:
            return Paid(UUID(intent.metadata["attempt"]), UUID(intent.metadata["card"]))
        except (KeyError, ValueError):
            return None

    async def dispute(self, dispute_id: str) -> DisputeNow | None:
        """The dispute now; None where it is about another's charge. Raises AmountError."""
        dispute = await self._api.fetch(f"/v1/disputes/{dispute_id}", Dispute, {})
        self._check(dispute, dispute.id, dispute_id)
        if dispute.status not in _STATES:
            raise Unanswered("not_understood")
        paid = await self.paid(dispute.payment_intent) if dispute.payment_intent else None
        if paid is None:
            return None
        amount = from_stripe(dispute.amount, dispute.currency)
        return DisputeNow(dispute.id, paid, amount, _STATES[dispute.status])

    async def method(self, token: str) -> Bound | BindingRefused:
        """What the token's method is now: networks give new numbers and dates to old cards.

        Raises GatewayMisuseError for a token that names no saved method.
        """
        named = read_token(token)
        if named.method is None:
            raise GatewayMisuseError(f"{named.type} is not saved at Stripe")
        method = await self._api.fetch(f"/v1/payment_methods/{named.method}", Method, {})
        self._check(method, method.id, named.method)
        if method.customer != named.customer or method.type not in REUSABLE:
            return BindingRefused("not_usable")
        return bound_as(method, Token(named.customer, method.id, method.type))

    def _check(self, found: Struct, found_id: str, asked_for: str) -> None:
        """Raise Unanswered for an object of the other mode, or another one."""
        if getattr(found, "livemode", None) is not self._api.livemode:
            raise Unanswered("wrong_mode")
        if found_id != asked_for:
            raise Unanswered("answer_is_not_ours")
