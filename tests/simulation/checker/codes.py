"""What decline codes allow, written down independently from the tables of the networks and the provider."""

from datetime import timedelta
from functools import cache

_CODES = {
    "retry": "payment_method_provider_decline payment_intent_payment_attempt_failed"
    " payment_intent_payment_attempt_expired payment_intent_canceled",
    "never": "lost_card stolen_card pickup_card fraudulent merchant_blacklist blocklist highest_risk_level"
    " previously_declined_do_not_retry do_not_try_again",
    "fix_details": "expired_card incorrect_number invalid_number new_account_information_available incorrect_cvc"
    " invalid_cvc incorrect_zip incorrect_address invalid_expiry_month invalid_expiry_year",
    "new_method": "invalid_account service_not_allowed security_violation transaction_not_allowed not_permitted"
    " restricted_card card_not_supported currency_not_supported pin_try_exceeded incorrect_pin invalid_pin"
    " offline_pin_required online_or_offline_pin_required payment_method_unexpected_state billing_invalid_mandate"
    " payment_intent_mandate_invalid payment_method_currency_mismatch payment_method_unsupported_type"
    " payment_intent_incompatible_payment_method resource_missing",
    "holder_present": "authentication_required authentication_not_handled mobile_device_authentication_required"
    " payment_method_customer_decline payment_intent_authentication_failure",
    "retry_soon": "processing_error approve_with_id issuer_not_available reenter_transaction"
    " payment_method_provider_timeout payment_method_not_available",
    "retry_after_24h": "card_velocity_exceeded card_decline_rate_limit_exceeded charge_exceeds_source_limit",
    "mandate_withdrawn_method": "revocation_of_authorization stop_payment_order debit_not_authorized refer_to_customer",
    "mandate_withdrawn_card": "revocation_of_all_authorizations",
    "alarm": "invalid_amount testmode_decline live_mode_test_card payment_method_unactivated amount_too_small"
    " amount_too_large invalid_charge_amount request_invalid livemode_mismatch testmode_charges_only"
    " charge_already_refunded charge_disputed charge_not_refundable refund_disputed_payment balance_insufficient",
    "reconcile": "duplicate_transaction lock_timeout rate_limit idempotency_key_in_use",
}
_NETWORK = {
    "never": "04 07 12 14 15 41 43 46 57",
    "fix_details": "54 55 70 82 1A 6P N7",
    "mandate_withdrawn_method": "R0",
    "mandate_withdrawn_card": "R1 R3",
}
_ADVICE = {
    "never": "03 do_not_try_again",
    "fix_details": "01 04 confirm_card_data",
    "mandate_withdrawn_card": "21",
    "retry": "02 24 25 26 27 28 29 30 try_again_later",
}
_ADVICE_HOURS = {"02": 72, "24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}


def _by_code(table: dict[str, str]) -> dict[str, str]:
    return {code: consequence for consequence, codes in table.items() for code in codes.split()}


_BY_CODE, _BY_NETWORK, _BY_ADVICE = _by_code(_CODES), _by_code(_NETWORK), _by_code(_ADVICE)

MAKES_UNUSABLE = frozenset(
    {"never", "fix_details", "new_method", "holder_present", "mandate_withdrawn_method", "mandate_withdrawn_card"}
)
"""Consequences after which a method is not charged until its holder does something."""
NOT_COUNTED = frozenset({"never_happened", "not_charged"})
"""Our own codes for an attempt that never reached the bank."""

OF_THE_AMOUNT = frozenset({"amount_too_small", "amount_too_large"})
"""What the gateway says of an amount that it does not take: such a top-up ends, its order too, and nobody is held."""


@cache
def consequence(code: str, advice: str | None, network: str | None) -> str:
    """What may be done next, by the first of advice, network and decline code that is known; any "never" wins."""
    found = [_BY_ADVICE.get(advice or ""), _BY_NETWORK.get(network or ""), _BY_CODE.get(code)]
    if "never" in found:
        return "never"
    return next((one for one in found if one is not None), "retry")


@cache
def delay(code: str, advice: str | None) -> timedelta:
    """How long the method may not be charged, at least."""
    hours = 24 if _BY_CODE.get(code) == "retry_after_24h" else 0
    return timedelta(hours=max(hours, _ADVICE_HOURS.get(advice or "", 0)))
