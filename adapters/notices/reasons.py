"""Why a payment failed, as holders may know it: codes that mean the same to them, and what letters say of each group.

Letters and pages share the groups, so that nobody is told two reasons for one failure.
"""

from collections.abc import Mapping
from typing import Literal

Group = Literal[
    "funds",
    "limit",
    "expired",
    "details",
    "confirm",
    "not_approved",
    "unfit",
    "currency",
    "pin",
    "withdrawn",
    "not_valid",
]
_CODES: Mapping[Group, tuple[str, ...]] = {
    "funds": ("insufficient_funds",),
    "limit": ("withdrawal_count_limit_exceeded", "card_velocity_exceeded", "charge_exceeds_source_limit"),
    "expired": ("expired_card", "invalid_expiry_month", "invalid_expiry_year"),
    "details": (
        "incorrect_number",
        "invalid_number",
        "invalid_account",
        "new_account_information_available",
        "incorrect_cvc",
        "invalid_cvc",
        "incorrect_zip",
        "incorrect_address",
    ),
    "confirm": (
        "authentication_required",
        "authentication_not_handled",
        "mobile_device_authentication_required",
        "payment_intent_authentication_failure",
    ),
    "not_approved": ("payment_method_customer_decline",),
    "unfit": (
        "card_not_supported",
        "payment_method_unsupported_type",
        "payment_intent_incompatible_payment_method",
    ),
    "currency": ("currency_not_supported", "payment_method_currency_mismatch"),
    "pin": (
        "pin_try_exceeded",
        "incorrect_pin",
        "invalid_pin",
        "offline_pin_required",
        "online_or_offline_pin_required",
    ),
    "withdrawn": (
        "stop_payment_order",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "debit_not_authorized",
        "refer_to_customer",
    ),
    "not_valid": (
        "payment_method_unexpected_state",
        "payment_intent_mandate_invalid",
        "billing_invalid_mandate",
        "resource_missing",
    ),
}
GROUPS: Mapping[str, Group] = {code: group for group, codes in _CODES.items() for code in codes}
"""Decline code → group; of a code that is not here nothing is said but that the payment failed."""

REASONS: Mapping[Group, str] = {
    "funds": "The bank says that there was not enough money.",
    "limit": "The bank says that its limit for payments is reached.",
    "expired": "The payment card has expired, or its expiry date is wrong.",
    "details": "The details of the payment card are not right any more.",
    "confirm": "The bank wants you to confirm the payment yourself.",
    "not_approved": "The payment was not approved in the app.",
    "unfit": "This payment method cannot be used for this payment.",
    "currency": "This payment method cannot pay in this currency.",
    "pin": "The bank wants a PIN, which cannot be asked for here.",
    "withdrawn": "The bank says that you have withdrawn your permission.",
    "not_valid": "The permission to charge this payment method is not valid any more.",
}
