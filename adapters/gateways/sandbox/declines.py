"""Declines as Stripe words them: the error object, and what the charge and the PaymentIntent say of it."""

from typing import Any

from adapters.gateways.sandbox.refusals import DECLINED, RefusedError, doc_url
from adapters.gateways.sandbox.tokens import Decline, TokenMethod

_MESSAGES = {
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "invalid_cvc": "Your card's security code is invalid.",
    "incorrect_number": "Your card number is incorrect.",
    "invalid_number": "Your card number is invalid.",
    "insufficient_funds": "Your card has insufficient funds.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently or exceeding its "
    "amount limit.",
    "payment_method_customer_decline": "The customer declined the payment.",
    "payment_method_provider_decline": "The payment method provider declined the payment.",
    "payment_method_provider_timeout": "The payment method provider did not respond in time.",
}
_TRY_AGAIN = {"issuer_not_available", "processing_error", "reenter_transaction", "try_again_later", "approve_with_id"}
_DATA_IS_WRONG = {"expired_card", "incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number"}
_NEVER = {"lost_card", "stolen_card", "pickup_card", "fraudulent"}


def error_of(decline: Decline, *, charge: str | None, method: dict[str, Any] | None) -> dict[str, Any]:
    """The `last_payment_error` of a declined PaymentIntent, and the heart of the answer."""
    error: dict[str, Any] = {}
    if advice := advice_of(decline):
        error["advice_code"] = advice
    if charge:
        error["charge"] = charge
    error["code"] = decline.error_code
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    error |= {"doc_url": doc_url(decline.error_code), "message": message_of(decline)}
    if decline.network_advice:
        error["network_advice_code"] = decline.network_advice
    if decline.network:
        error["network_decline_code"] = decline.network
    if method:
        error["payment_method"] = method
    return error | {"type": "invalid_request_error" if decline.is_of_wallet else "card_error"}


def advice_of(decline: Decline) -> str | None:
    """Stripe's advice: the token's own, or what the code says."""
    if decline.advice or decline.is_of_wallet:
        return decline.advice
    if decline.code in _DATA_IS_WRONG:
        return "confirm_card_data"
    if decline.code in _NEVER:
        return "do_not_try_again"
    return "try_again_later" if decline.code in _TRY_AGAIN else None


def message_of(decline: Decline) -> str:
    """The sentence for the holder of the payment method."""
    return _MESSAGES.get(decline.code, "Your card was declined.")


def attach_declined(decline: Decline | None) -> RefusedError:
    """The issuer refuses already when the method is attached (402); nothing was charged."""
    return RefusedError(DECLINED, error_of(decline or Decline("generic_decline"), charge=None, method=None))


def outcome_of(decline: Decline | None, token: TokenMethod) -> dict[str, Any]:
    """What the charge says of the network's and Radar's part in it."""
    if decline is None:
        score = 75 if token.risk == "elevated" else 20
        seller = "Payment complete."
        return _outcome("authorized", "approved_by_network", None, seller) | {
            "risk_level": token.risk,
            "risk_score": score,
        }
    if token.blocked or decline.code == "previously_declined_do_not_retry":
        reason = "highest_risk_level" if token.blocked else decline.code
        seller = "Stripe blocked this payment as too risky."
        blocked = _outcome("blocked", "not_sent_to_network", reason, seller)
        return blocked | {"risk_level": "highest", "risk_score": 95}
    seller = f"The bank returned the decline code `{decline.code}`."
    return _outcome("issuer_declined", "declined_by_network", decline.code, seller) | {
        "advice_code": advice_of(decline),
        "network_advice_code": decline.network_advice,
        "network_decline_code": decline.network,
        "risk_level": token.risk,
        "risk_score": 20,
    }


def _outcome(kind: str, network_status: str, reason: str | None, seller_message: str) -> dict[str, Any]:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "seller_message": seller_message,
        "type": kind,
    }
