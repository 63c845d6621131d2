"""The parameters of PaymentIntents, and what SetupIntents and Checkout Sessions share of them."""

from adapters.gateways.sandbox.parameters import (
    BOOLEAN_OR_WORD,
    Table,
    a_hash,
    each,
    flag,
    ignored,
    integer,
    may_be_unset,
    metadata,
    one_of,
    text,
)
from adapters.gateways.sandbox.payment_methods import EXPAND, KINDS
from adapters.gateways.sandbox.refusals import unreadable

_ADDRESS = a_hash({name: may_be_unset(text) for name in ("city", "country", "line1", "line2", "postal_code", "state")})
_SHIPPING = a_hash({"address": _ADDRESS, "carrier": text, "name": text, "phone": text, "tracking_number": text})
PAYMENT_DATA = a_hash(
    {
        "type": one_of(*KINDS),
        "card": a_hash({"token": text}),
        "billing_details": ignored,
        **dict.fromkeys(
            ("allow_redisplay", "paypal", "link", "alipay", "wechat_pay", "metadata", "radar_options"), ignored
        ),
    },
    needed=("type",),
)


def currency(value: object, name: str) -> str:
    """Three letters, in lower case."""
    code = text(value, name).lower()
    if len(code) == 3 and code.isalpha() and code.isascii():  # noqa: PLR2004 (ISO 4217)
        return code
    raise unreadable(f"Invalid currency: {code[:20]}", param=name)


_BOTH = {
    **EXPAND,
    "payment_method": text,
    "payment_method_data": PAYMENT_DATA,
    "payment_method_types": each(one_of(*KINDS)),
    "receipt_email": may_be_unset(text),
    "setup_future_usage": one_of("", "off_session", "on_session"),
    "shipping": may_be_unset(_SHIPPING),
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    **dict.fromkeys(
        ("payment_method_options", "amount_details", "hooks", "payment_details", "excluded_payment_method_types"),
        ignored,
    ),
}
_PAYING = {
    "off_session": BOOLEAN_OR_WORD,
    "error_on_requires_action": flag,
    "mandate": text,
    "return_url": text,
    "use_stripe_sdk": flag,
    **dict.fromkeys(("mandate_data", "radar_options", "confirmation_token"), ignored),
}
UPDATE: Table = {
    **_BOTH,
    "amount": integer,
    "currency": currency,
    "customer": text,
    "customer_account": text,
    "description": may_be_unset(text),
    "metadata": metadata,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
    **dict.fromkeys(("application_fee_amount", "transfer_data", "payment_method_configuration"), ignored),
}
CREATE: Table = {
    **UPDATE,
    **_PAYING,
    "confirm": flag,
    "automatic_payment_methods": a_hash(
        {"enabled": flag, "allow_redirects": one_of("always", "never")}, needed=("enabled",)
    ),
    "confirmation_method": one_of("automatic", "manual"),
    "on_behalf_of": text,
}
CONFIRM: Table = {**_BOTH, **_PAYING, "client_secret": text, "amount_to_confirm": integer}
CAPTURE: Table = {
    **EXPAND,
    "amount_to_capture": integer,
    "final_capture": flag,
    "metadata": metadata,
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    **dict.fromkeys(("amount_details", "application_fee_amount", "hooks", "payment_details", "transfer_data"), ignored),
}
CANCEL: Table = {
    **EXPAND,
    "cancellation_reason": one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer"),
}
