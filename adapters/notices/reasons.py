"""Why a payment failed, in words for the holder; only of the codes that a holder may see."""

from collections.abc import Mapping

_FUNDS = "The bank says that there was not enough money."
_LIMIT = "The bank says that its limit for payments is reached."
_EXPIRED = "The payment card has expired, or its date is wrong."
_DETAILS = "The details of the payment card are not right any more."
_CONFIRM = "The bank wants you to confirm the payment yourself."
_UNFIT = "This payment method cannot be used for this payment."
_PIN = "The bank wants a PIN, which cannot be asked for here."
_WITHDRAWN = "The bank says that you have withdrawn your permission."
_ANEW = "The permission to charge this payment method is not valid any more."

REASONS: Mapping[str, str] = {
    "insufficient_funds": _FUNDS,
    "withdrawal_count_limit_exceeded": _LIMIT,
    "card_velocity_exceeded": _LIMIT,
    "charge_exceeds_source_limit": _LIMIT,
    "expired_card": _EXPIRED,
    "invalid_expiry_month": _EXPIRED,
    "invalid_expiry_year": _EXPIRED,
    "incorrect_number": _DETAILS,
    "invalid_number": _DETAILS,
    "invalid_account": _DETAILS,
    "new_account_information_available": _DETAILS,
    "incorrect_cvc": _DETAILS,
    "invalid_cvc": _DETAILS,
    "incorrect_zip": _DETAILS,
    "incorrect_address": _DETAILS,
    "authentication_required": _CONFIRM,
    "authentication_not_handled": _CONFIRM,
    "mobile_device_authentication_required": _CONFIRM,
    "payment_method_customer_decline": _CONFIRM,
    "payment_intent_authentication_failure": _CONFIRM,
    "card_not_supported": _UNFIT,
    "currency_not_supported": _UNFIT,
    "payment_method_currency_mismatch": _UNFIT,
    "payment_method_unsupported_type": _UNFIT,
    "payment_intent_incompatible_payment_method": _UNFIT,
    "pin_try_exceeded": _PIN,
    "incorrect_pin": _PIN,
    "invalid_pin": _PIN,
    "offline_pin_required": _PIN,
    "online_or_offline_pin_required": _PIN,
    "revocation_of_authorization": _WITHDRAWN,
    "revocation_of_all_authorizations": _WITHDRAWN,
    "stop_payment_order": _WITHDRAWN,
    "debit_not_authorized": _WITHDRAWN,
    "refer_to_customer": _WITHDRAWN,
    "payment_method_unexpected_state": _ANEW,
    "payment_intent_mandate_invalid": _ANEW,
    "billing_invalid_mandate": _ANEW,
    "resource_missing": _ANEW,
}
"""Decline code → sentence; of a code that is not here nothing is said but that the payment failed."""
