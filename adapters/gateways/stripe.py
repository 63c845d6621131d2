"""Stripe: charges saved payment methods while the holder is away, by PaymentIntents.

One attempt is one PaymentIntent, made and confirmed by one request whose idempotency key is the attempt's id. What
needs the holder is canceled, so that it cannot be paid behind our back. Look-ups list what was made for the customer;
Stripe's search is not used, since it lags behind.
"""

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import ValidationError

from adapters.gateways.stripe_amounts import AmountError, to_stripe
from adapters.gateways.stripe_answers import (
    ABANDONED,
    HOLDER_NEEDED,
    METHOD_UNUSABLE,
    REQUEST_INVALID,
    Wanted,
    declined,
    find_refund,
    not_as_wanted,
    refused_refund,
    refused_request,
    state_of,
    state_of_refund,
    unclear,
    wanted,
    wants_outcome,
)
from adapters.gateways.stripe_api import CARD_ERROR, OK, REFUSED, StripeApi, failure_of, unexpected
from adapters.gateways.stripe_lists import INTENTS, TakenList
from adapters.gateways.stripe_objects import Charge, Failure, Intent, Method, Refund, read
from adapters.gateways.stripe_on_page import look_up_page
from adapters.gateways.stripe_token import Token, read_token
from adapters.gateways.stripe_transport import Reply, Unanswered
from engine.errors import GatewayMisuseError
from engine.ports import (
    Answer,
    ChargeRequest,
    ChargesFound,
    Declined,
    ListChargesRequest,
    NotFound,
    RefundAnswer,
    RefundDeclined,
    RefundRequest,
    Unclear,
)
from engine.provider import Provider

METHODS = "/v1/payment_methods"
REFUNDS = "/v1/refunds"
NOT_REPRESENTABLE = "invalid_amount"
_NOT_FOUND = 404
_SERVER_ERRORS = 500
_EXPANDED = ["latest_charge"]

T = TypeVar("T")


class StripeGateway:
    """Stripe behind the engine's port; `budget` bounds each call, however many requests it takes."""

    provider = Provider()

    def __init__(self, api: StripeApi, budget: timedelta) -> None:
        self._api = api
        self._taken = TakenList(api)
        self.budget = budget

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:  # noqa: ARG002 (Stripe has its own clock)
        """Take the money once.

        Raises SettingsError where our key is refused, GatewayMisuseError for a token that is not Stripe's or a method
        that cannot be charged without its holder.
        """
        token = read_token(request.token)
        if token.method is None:
            raise GatewayMisuseError(f"{token.type} is paid by the holder on Stripe's page, and never charged by us")
        try:
            about = wanted(request, livemode=self._api.livemode, on_page=False)
        except AmountError:
            return Declined(code=NOT_REPRESENTABLE)
        return await self._in_time(self._charge(request, token, about))

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:  # noqa: ARG002 (as above)
        """What became of the attempt; may cancel what needs the holder. Raises as `charge`."""
        token = read_token(request.token)
        try:
            about = wanted(request, livemode=self._api.livemode, on_page=token.method is None)
        except AmountError:
            return Declined(code=NOT_REPRESENTABLE)
        return await self._in_time(self._look_up(request, token, about))

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:  # noqa: ARG002 (as above)
        """Refund the money once: what was asked for already is found first, since keys are forgotten."""
        return await self._in_time(self._refund(request))

    async def look_up_refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:  # noqa: ARG002 (as above)
        """The state of the refund now."""
        return await self._in_time(self._look_up_refund(request))

    async def list_charges(self, request: ListChargesRequest, at: datetime) -> ChargesFound | Unclear:  # noqa: ARG002 (as above)
        """The money that was taken since an instant, newest first; a card's customer is not known, so all are read."""
        return await self._in_time(self._taken.since(request))

    async def close(self) -> None:
        """Close the connections."""
        await self._taken.close()
        await self._api.close()

    async def _in_time(self, work: Coroutine[object, object, T]) -> T | Unclear:
        try:
            async with asyncio.timeout(self.budget.total_seconds()):
                return await work
        except Unanswered as error:
            return unclear(error.reason)
        except (ValidationError, AmountError):  # a text that no column could hold, a foreign unit
            return unclear("not_understood")
        except TimeoutError:
            return unclear("timeout")

    # Charges

    async def _charge(self, request: ChargeRequest, token: Token, about: Wanted) -> Answer:
        reply = await self._api.post(INTENTS, str(request.attempt_id), _creation(request, token, about))
        if reply.status == OK:
            intent = read(reply.body, Intent)
            if reply.replayed and intent.status != "succeeded":
                return await self._fetched(intent, request, about)
            return await self._closed(intent, request, about)
        if reply.status == CARD_ERROR:
            return await self._declined(failure_of(reply), request, about)
        if reply.status in REFUSED:
            answer = refused_request(failure_of(reply))
            if isinstance(answer, Declined) and answer.code == REQUEST_INVALID:
                return await self._if_usable(answer, token)
            return answer
        if reply.status >= _SERVER_ERRORS and reply.replayed:  # the same for as long as the key is known
            found = await self._look_up(request, token, about)
            return unclear("server_error") if isinstance(found, NotFound) else found
        raise unexpected(reply)

    async def _if_usable(self, answer: Declined, token: Token) -> Declined:
        """The answer, unless the method is none of the customer's any more: Stripe then gives no code."""
        reply = await self._api.get(f"{METHODS}/{token.method}", {})
        if reply.status == _NOT_FOUND:
            return Declined(code=METHOD_UNUSABLE)
        if reply.status != OK:
            raise unexpected(reply)
        method = read(reply.body, Method)
        return answer if method.customer == token.customer else Declined(code=METHOD_UNUSABLE)

    async def _declined(self, failure: Failure, request: ChargeRequest, about: Wanted) -> Answer:
        intent = failure.payment_intent
        if intent is None or failure.type not in ("card_error", "invalid_request_error"):  # the latter for wallets
            return unclear("not_understood")
        if (wrong := not_as_wanted(intent, about)) is not None:
            return wrong
        if intent.status not in ("requires_payment_method", "canceled"):
            return await self._fetched(intent, request, about)
        answer = declined(failure, intent)
        charge_id = wants_outcome(answer, intent)
        return answer if charge_id is None else await self._judged(answer, charge_id, failure, intent)

    async def _judged(self, answer: Declined, charge_id: str, failure: Failure, intent: Intent) -> Declined:
        """The decline as Radar judged it; where that cannot be read, the decline is definite all the same."""
        try:
            charge = await self._api.fetch(f"/v1/charges/{charge_id}", Charge, {})
        except Unanswered:
            return answer
        if charge.livemode is not self._api.livemode or charge.payment_intent != intent.id:
            return answer
        intent.latest_charge = charge
        return declined(failure, intent)

    async def _closed(self, intent: Intent, request: ChargeRequest, about: Wanted) -> Answer:
        """The state of an attempt, which is canceled if it waits for the holder."""
        state = state_of(intent, request, about)
        if state != "requires_action":
            return state
        parameters = {"cancellation_reason": ABANDONED}
        reply = await self._api.post(f"{INTENTS}/{intent.id}/cancel", f"{request.attempt_id}:cancel", parameters)
        if reply.status == OK:
            canceled = read(reply.body, Intent)
            if canceled.id == intent.id and state_of(canceled, request, about) == Declined(code=HOLDER_NEEDED):
                return Declined(code=HOLDER_NEEDED)
        answer = state_of(await self._intent(intent.id), request, about)  # the holder, or a clerk, was quicker
        return unclear("requires_action") if answer == "requires_action" else answer

    async def _fetched(self, intent: Intent, request: ChargeRequest, about: Wanted) -> Answer:
        """What became of an attempt since an answer that is no more than a memory."""
        if (wrong := not_as_wanted(intent, about)) is not None:
            return wrong
        return await self._closed(await self._intent(intent.id), request, about)

    async def _intent(self, intent_id: str) -> Intent:
        intent = await self._api.fetch(f"{INTENTS}/{intent_id}", Intent, {"expand": _EXPANDED})
        if intent.id != intent_id:
            raise Unanswered("answer_is_not_ours")
        return intent

    async def _look_up(self, request: ChargeRequest, token: Token, about: Wanted) -> Answer:
        if about.on_page:
            return await look_up_page(self._api, request, token, about)
        if request.gateway_ref is not None:
            reply = await self._api.get(f"{INTENTS}/{request.gateway_ref}", {"expand": _EXPANDED})
            if reply.status == _NOT_FOUND:
                return NotFound()
            return await self._closed(_intent_in(reply, request.gateway_ref), request, about)
        # All of the customer: the attempt's time may be of a clock that was ahead, and Stripe's list has the real one.
        parameters = {"customer": token.customer, "expand": ["data.latest_charge"]}
        found = await self._api.list_all(INTENTS, Intent, parameters)
        ours = [one for one in found if one.metadata.get("attempt") == str(request.attempt_id)]
        if not ours:
            return NotFound()
        return await self._closed(min(ours, key=_certainty), request, about)

    # Refunds

    async def _refund(self, request: RefundRequest) -> RefundAnswer:
        found = await self._look_up_refund(request)
        if not isinstance(found, NotFound):
            return found
        parameters = {
            "payment_intent": request.gateway_ref,
            "amount": to_stripe(request.amount),
            "metadata": {
                "refund_id": str(request.refund_id),
                "attempt": str(request.attempt_id),
                "card": str(request.card_id),
            },
        }
        reply = await self._api.post(REFUNDS, str(request.refund_id), parameters)
        if reply.status == OK:
            return state_of_refund(read(reply.body, Refund), request)
        if reply.status in REFUSED:
            return refused_refund(failure_of(reply))
        raise unexpected(reply)

    async def _look_up_refund(self, request: RefundRequest) -> RefundAnswer:
        if not request.gateway_ref.startswith("pi_"):
            return RefundDeclined(code="no_such_charge")
        found = await self._api.list_all(REFUNDS, Refund, {"payment_intent": request.gateway_ref})
        ours = find_refund(found, request)
        return NotFound() if ours is None else state_of_refund(ours, request)


def _creation(request: ChargeRequest, token: Token, about: Wanted) -> dict[str, object]:
    """What makes and confirms a PaymentIntent: the same for an attempt for ever."""
    return {
        "amount": about.amount,
        "currency": about.currency,
        "customer": token.customer,
        "payment_method": token.method,
        "payment_method_types": [token.type],
        "confirm": True,
        "off_session": True,
        "error_on_requires_action": True,
        "metadata": {"card": str(request.card_id), "purpose": request.purpose, "attempt": str(request.attempt_id)},
        "expand": _EXPANDED,
    }


def _intent_in(reply: Reply, intent_id: str) -> Intent:
    if reply.status != OK:
        raise unexpected(reply)
    intent = read(reply.body, Intent)
    if intent.id != intent_id:
        raise Unanswered("answer_is_not_ours")
    return intent


def _certainty(intent: Intent) -> int:
    """Of several PaymentIntents of one attempt, which there should not be, money taken comes first."""
    order = ("succeeded", "processing", "requires_action")
    return order.index(intent.status) if intent.status in order else len(order)
