"""What a notification of Stripe hints at, fetched: a dispute, or new details of a saved payment card."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from adapters.gateways.pages import Bound
from adapters.gateways.stripe_amounts import from_stripe
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_notifications import uuid_of
from adapters.gateways.stripe_objects import Customer, Dispute, Intent, Method
from adapters.gateways.stripe_pages import bound_of
from adapters.gateways.stripe_transport import Unanswered
from engine.money import Money

DISPUTES = "/v1/disputes"
DisputeState = Literal["asked", "taken", "won"]
"""The bank only asks, it has taken the money, or it has given it back."""


class FoundDispute(NamedTuple):
    """A dispute of a charge of ours, with the bank's own amount."""

    dispute_id: str
    attempt_id: UUID
    card_id: UUID
    amount: Money
    state: DisputeState


class FoundMethod(NamedTuple):
    """A payment method of a holder as it is now."""

    holder_id: str
    bound: Bound


class StripeNews:
    """Fetches what hints name; raises Unanswered where Stripe does not answer as it should."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def dispute(self, dispute_id: str) -> FoundDispute | None:
        """The dispute as it is now; None for one of a charge that is not ours."""
        dispute = await self._api.fetch(f"{DISPUTES}/{dispute_id}", Dispute, {})
        self._check(dispute.id, dispute_id, live=dispute.livemode)
        if dispute.payment_intent is None:
            return None
        intent = await self._api.fetch(f"/v1/payment_intents/{dispute.payment_intent}", Intent, {})
        self._check(intent.id, dispute.payment_intent, live=intent.livemode)
        attempt_id, card_id = uuid_of(intent.metadata.get("attempt")), uuid_of(intent.metadata.get("card"))
        if attempt_id is None or card_id is None:
            return None
        amount = from_stripe(dispute.amount, dispute.currency)
        return FoundDispute(dispute.id, attempt_id, card_id, amount, _state_of(dispute))

    async def disputes(self, since: datetime) -> list[FoundDispute]:
        """All disputes of charges of ours that were begun since then."""
        listed = await self._api.list_all(DISPUTES, Dispute, {"created": {"gte": int(since.timestamp())}})
        found = [await self.dispute(one.id) for one in listed]
        return [one for one in found if one is not None]

    async def method(self, method_id: str) -> FoundMethod | None:
        """A saved method and whose it is; None if it belongs to no holder of ours any more."""
        method = await self._api.fetch(f"/v1/payment_methods/{method_id}", Method, {})
        self._check(method.id, method_id, live=method.livemode)
        if method.customer is None:
            return None
        customer = await self._api.fetch(f"/v1/customers/{method.customer}", Customer, {})
        holder_id, bound = customer.metadata.get("holder"), bound_of(method, customer.id)
        return FoundMethod(holder_id, bound) if holder_id is not None and isinstance(bound, Bound) else None

    def _check(self, found: str, asked_for: str, *, live: bool) -> None:
        """Raise Unanswered for an object of the other mode, or for another one."""
        if live is not self._api.livemode:
            raise Unanswered("wrong_mode")
        if found != asked_for:
            raise Unanswered("answer_is_not_ours")


def _state_of(dispute: Dispute) -> DisputeState:
    """Stripe takes the money when a dispute begins, unless it is only a question (`warning_…`)."""
    if dispute.status.startswith("warning_") or dispute.status == "prevented":
        return "asked"
    if dispute.status not in ("needs_response", "under_review", "won", "lost"):
        raise Unanswered("not_understood")
    return "won" if dispute.status == "won" else "taken"
