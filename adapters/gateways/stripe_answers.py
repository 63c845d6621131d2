"""What Stripe's answers about a charge or a refund mean to the engine; whatever is not understood is unclear.

Sources: docs.stripe.com (declines, error codes, PaymentIntent life cycle, Radar's outcome), read in November 2026.
"""

from typing import Literal, NamedTuple
from uuid import UUID

from adapters.gateways.stripe_amounts import from_stripe, to_stripe
from adapters.gateways.stripe_objects import Charge, Failure, Intent, Refund
from adapters.gateways.stripe_transport import UnclearReason
from engine.declines import CONSEQUENCES, Consequence, verdict_on
from engine.ports import (
    Answer,
    Charged,
    ChargeRequest,
    Declined,
    Pending,
    RefundAccepted,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)

GENERIC = "generic_decline"
HOLDER_NEEDED = "authentication_required"
CANCELED = "payment_intent_canceled"
REQUEST_INVALID = "request_invalid"
"""Our own code for a request that Stripe calls wrong without a code that we know: our mistake."""
METHOD_UNUSABLE = "payment_method_unexpected_state"
"""For a method that Stripe does not accept, with no code that we know: detached, or of another customer."""
ABANDONED = "abandoned"
"""The reason that we give when we cancel what needs the holder."""

NOTHING_EXECUTED: dict[str, UnclearReason] = {
    "idempotency_key_in_use": "key_in_use",
    "lock_timeout": "lock_timeout",
    "rate_limit": "rate_limited",
}
"""Codes of requests that Stripe did not execute, and will when asked again."""
_VAGUE = ("card_declined", "payment_method_provider_decline", "payment_intent_payment_attempt_failed")
"""Codes beside which the decline code, if there is one, says why."""
_ABOUT_METHOD = ("payment_method", "customer")

Open = Literal["requires_action"]
"""The attempt is over as soon as it is canceled."""


class Wanted(NamedTuple):
    """What an answer must be about."""

    attempt_id: UUID
    amount: int
    currency: str
    livemode: bool
    on_page: bool
    """The holder pays on the hosted page, and may take time."""


def wanted(request: ChargeRequest, *, livemode: bool, on_page: bool) -> Wanted:
    """The answer that is waited for; raises AmountError."""
    amount = request.amount
    return Wanted(request.attempt_id, to_stripe(amount), amount.currency.lower(), livemode, on_page)


def unclear(reason: UnclearReason) -> Unclear:
    """It is unknown what became of the request."""
    return Unclear(reason=reason)


def not_as_wanted(intent: Intent, about: Wanted) -> Unclear | None:
    """Whether an answer is of another mode or about something else; the mode is compared before anything else."""
    if intent.livemode is not about.livemode:
        return unclear("wrong_mode")
    ours = (str(about.attempt_id), about.amount, about.currency)
    if (intent.metadata.get("attempt"), intent.amount, intent.currency) != ours or not intent.id.startswith("pi_"):
        return unclear("answer_is_not_ours")
    return None


def state_of(intent: Intent, request: ChargeRequest, about: Wanted) -> Answer | Open:
    """What the state of a PaymentIntent means."""
    if (wrong := not_as_wanted(intent, about)) is not None:
        return wrong
    match intent.status:
        case "succeeded" if intent.amount_received == about.amount:
            return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=intent.id)
        case "succeeded":
            return unclear("answer_is_not_ours")
        case "processing":
            return Pending(attempt_id=request.attempt_id, gateway_ref=intent.id)
        case "requires_action" | "requires_payment_method" if about.on_page:
            return Pending(attempt_id=request.attempt_id, gateway_ref=intent.id)
        case "requires_action":
            return "requires_action"
        case "canceled":
            return _canceled(intent)
        case "requires_payment_method" if intent.last_payment_error is not None:
            return declined(intent.last_payment_error, intent)
        case _:
            return unclear("not_understood")


def _canceled(intent: Intent) -> Declined:
    if intent.cancellation_reason == ABANDONED:
        return Declined(code=HOLDER_NEEDED)
    if intent.last_payment_error is not None:
        return declined(intent.last_payment_error, intent)
    return Declined(code=CANCELED)


def declined(failure: Failure, intent: Intent | None) -> Declined:
    """A definite no of the issuer, the network or Radar: the more exact one of code and decline code."""
    code = failure.decline_code or failure.code if failure.code in _VAGUE else failure.code
    judged = intent.latest_charge if intent is not None else None
    return Declined(
        code=_radars(judged) or (GENERIC if code in (None, "card_declined") else code),
        advice_code=_advice(failure),
        network_code=failure.network_decline_code,
    )


def _radars(charge: Charge | str | None) -> str | None:
    """Radar's own reason for blocking a charge, which no code tells, if it is one that has its consequence."""
    if not isinstance(charge, Charge) or charge.outcome is None or charge.outcome.type != "blocked":
        return None
    reason = charge.outcome.reason
    return reason if reason in CONSEQUENCES else None


def wants_outcome(answer: Answer, intent: Intent | None) -> str | None:
    """The id of the charge that has to be fetched to see whether Radar blocked it."""
    if not isinstance(answer, Declined) or answer.code != GENERIC or intent is None:
        return None
    return intent.latest_charge if isinstance(intent.latest_charge, str) else None


def _advice(failure: Failure) -> str | None:
    """The network's advice, which knows days, unless Stripe's says never."""
    stripes, networks = failure.advice_code, failure.network_advice_code
    for advice in (stripes, networks):
        if advice and verdict_on("", advice).consequence is Consequence.NEVER:
            return advice
    return networks if networks and verdict_on("", networks).decided_by == "advice_code" else stripes or networks


def refused_request(failure: Failure) -> Declined | Unclear:
    """What 400, 404, 409 and 429 mean for a charge: it was not made, unless the key is known with other parameters."""
    if failure.type == "idempotency_error":
        return unclear("idempotency_error")
    if failure.code in NOTHING_EXECUTED:
        return unclear(NOTHING_EXECUTED[failure.code])
    if failure.type not in ("invalid_request_error", "card_error"):
        return unclear("not_understood")
    if failure.code == "resource_missing" and failure.param not in _ABOUT_METHOD:
        return Declined(code=REQUEST_INVALID)
    if failure.code in CONSEQUENCES:
        return Declined(code=failure.code)
    return Declined(code=METHOD_UNUSABLE if failure.param in _ABOUT_METHOD else REQUEST_INVALID)


def state_of_refund(refund: Refund, request: RefundRequest) -> RefundAnswer:
    """What the state of a refund means."""
    ours = (to_stripe(request.amount), request.amount.currency.lower(), request.gateway_ref)
    if (refund.amount, refund.currency, refund.payment_intent) != ours or not _is(refund, request):
        return unclear("answer_is_not_ours")
    match refund.status:
        case "succeeded":
            return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref=refund.id)
        case "pending" | "requires_action":
            return RefundAccepted(refund_id=request.refund_id, gateway_ref=refund.id)
        case "failed" | "canceled":
            return RefundDeclined(code=refund.failure_reason or f"refund_{refund.status}")
        case _:
            return unclear("not_understood")


def _is(refund: Refund, request: RefundRequest) -> bool:
    return (refund.metadata or {}).get("refund_id") == str(request.refund_id)


def find_refund(refunds: list[Refund], request: RefundRequest) -> Refund | None:
    """Our refund among those of a charge."""
    return next((one for one in refunds if _is(one, request)), None)


def refused_refund(failure: Failure) -> RefundDeclined | Unclear:
    """What 400, 404, 409 and 429 mean for a refund."""
    if failure.type == "idempotency_error":
        return unclear("idempotency_error")
    if failure.code in NOTHING_EXECUTED:
        return unclear(NOTHING_EXECUTED[failure.code])
    if failure.type != "invalid_request_error":
        return unclear("not_understood")
    return RefundDeclined(code=failure.code or REQUEST_INVALID)


def refunded_minor(charge: Charge) -> int:
    """What of a charge went back, in minor units; raises AmountError."""
    return from_stripe(charge.amount_refunded, charge.currency).minor
