"""PaymentMethods: made from a token, attached to a customer, detached."""

from hashlib import blake2b
from typing import Any

from adapters.gateways.sandbox.declines import attach_declined
from adapters.gateways.sandbox.parameters import a_hash, each, ignored, may_be_unset, metadata, one_of, read, text
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import invalid, missing, unreadable
from adapters.gateways.sandbox.tokens import TokenMethod, method_of
from adapters.gateways.sandbox.world import World

EXPAND = {"expand": each(text)}
_ADDRESS = a_hash({name: may_be_unset(text) for name in ("city", "country", "line1", "line2", "postal_code", "state")})
BILLING = a_hash(
    {
        "address": may_be_unset(_ADDRESS),
        **{name: may_be_unset(text) for name in ("email", "name", "phone", "tax_id")},
    }
)
KINDS = ("card", "paypal", "link", "alipay", "wechat_pay", "sepa_debit")
"""The kinds of payment methods that the sandbox knows."""
_FAILING_IBAN = "3202"
"""The end of Stripe's test account whose payments fail after they were processing."""
_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
NO_BILLING: dict[str, Any] = {"address": _NO_ADDRESS, **dict.fromkeys(("email", "name", "phone", "tax_id"))}
_YEARS_VALID = 5
_SECONDS_A_YEAR = 31_556_952


def make(world: World, token: TokenMethod, customer: str | None = None) -> Entry:
    """A new PaymentMethod of what a token stands for."""
    record = world.record
    object_id = record.new_id("pm")
    body = {
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": NO_BILLING,
        token.kind: _details(world, token, object_id),
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": token.kind,
    }
    hidden: dict[str, Any] = {"token": token.token}
    return record.new("pm", body, world.now, customer=customer, hidden=hidden, object_id=object_id)


def _details(world: World, token: TokenMethod, object_id: str) -> dict[str, Any]:
    match token.kind:
        case "card":
            fingerprint = blake2b((token.fingerprint_of or object_id).encode(), digest_size=8).hexdigest()
            return {
                "brand": token.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "display_brand": token.brand,
                "exp_month": 12,
                "exp_year": 1970 + world.now // _SECONDS_A_YEAR + _YEARS_VALID,
                "fingerprint": fingerprint,
                "funding": token.funding,
                "generated_from": None,
                "last4": token.last4,
                "networks": {"available": [token.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            }
        case "paypal":
            return {"country": "US", "payer_email": "payer@example.com", "payer_id": object_id[3:16].upper()}
        case "sepa_debit":
            return {
                **dict.fromkeys(("bank_code", "branch_code", "generated_from")),
                "country": "AT",
                "fingerprint": blake2b(object_id.encode(), digest_size=8).hexdigest(),
                "last4": "3202" if token.decline else "3204",
            }
        case "link":
            return {"email": "payer@example.com"}
        case _:
            return {}


def token_of(method: Entry) -> TokenMethod:
    """The token that a PaymentMethod was made of."""
    found = method_of(method.hidden["token"])
    if found is None:
        raise LookupError(f"the record names a token that there is not: {method.hidden['token']}")
    return found


def find_or_make(world: World, name: str, param: str = "payment_method") -> Entry:
    """The PaymentMethod with this id, or a new one of a token."""
    if token := method_of(name):
        return make(world, token)
    entry = world.record.get(name)
    if entry is None or entry.object != "payment_method":
        raise missing("PaymentMethod", name, param)
    return entry


def create(world: World, raw: dict[str, Any]) -> Entry:
    """Of a kind: PayPal, Link, Alipay, WeChat Pay; or of a token, by `card[token]`."""
    given = read(raw, _CREATE)
    card = given.get("card")
    if given.get("type", "card") == "card":
        token = method_of(str((card or {}).get("token", "")).replace("tok_", "pm_card_", 1))
        if token is None:
            raise unreadable(
                "No card number is taken here: send card[token] with one of the test tokens, such as tok_visa.",
                param="card",
            )
    elif given["type"] == "sepa_debit":
        fails = given.get("sepa_debit", {}).get("iban", "").endswith(_FAILING_IBAN)
        token = method_of(f"pm_sandbox_sepa_debit_processing{'_generic_decline' if fails else ''}")
    else:
        token = method_of(f"pm_sandbox_{given['type']}")
    method = make(world, token) if token else None
    if method is None:
        raise unreadable("This type of payment method is not in the sandbox.", param="type")
    return _update(method, given)


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Metadata, billing details and the expiry of an attached method."""
    given = read(raw, _UPDATE)
    method = world.find("payment_method", object_id)
    if method.customer is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    _update(method, given)
    for name, value in given.get("card", {}).items():
        if name in ("exp_month", "exp_year"):
            method.body["card"][name] = int(value)
    world.record.put(method)
    world.emit("payment_method.updated", method)
    return method


def _update(method: Entry, given: dict[str, Any]) -> Entry:
    if "billing_details" in given:
        method.body["billing_details"] = merged_billing(given["billing_details"])
    if "metadata" in given:
        method.body["metadata"] = merged(method.body["metadata"], given["metadata"])
    if "allow_redisplay" in given:
        method.body["allow_redisplay"] = given["allow_redisplay"]
    return method


def merged_billing(given: dict[str, Any]) -> dict[str, Any]:
    """Billing details with every name that the API shows."""
    address = {**_NO_ADDRESS, **(given.get("address") or {})}
    return {**NO_BILLING, **{name: value or None for name, value in given.items()}, "address": address}


def merged(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key, no keys at all remove everything."""
    return {name: value for name, value in {**old, **new}.items() if value} if new else {}


def attach(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """To a customer; of a token a new method is attached. Declines (402) where the issuer refuses already here."""
    given = read(raw, _ATTACH, needed=("customer",))
    customer = world.find("customer", given["customer"], "customer")
    method = find_or_make(world, object_id, "id")
    refuse_spent(method)
    if method.customer not in (None, customer.id):
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    token = token_of(method)
    if not token.attaches:
        raise attach_declined(token.decline)
    return attached(world, method, customer.id)


def refuse_spent(method: Entry) -> None:
    """Refuse one that was used without a customer, or detached: it may not be used again."""
    if method.hidden.get("spent"):
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be "
            "used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
        )


def attached(world: World, method: Entry, customer: str) -> Entry:
    """The method, now attached; nothing happens where it was already."""
    if method.customer is None:
        method.customer = method.body["customer"] = customer
        world.record.put(method)
        world.emit("payment_method.attached", method)
    return method


def detach(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """From its customer, for ever."""
    read(raw, EXPAND)
    method = world.find("payment_method", object_id)
    if method.customer is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    previous = {"customer": method.customer}
    method.customer = method.body["customer"] = None
    method.hidden["spent"] = True
    world.record.put(method)
    world.emit("payment_method.detached", method, previous)
    return method


_CREATE = {
    **EXPAND,
    "type": one_of(*KINDS),
    "card": a_hash({"token": text}),
    "billing_details": BILLING,
    "metadata": metadata,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "sepa_debit": a_hash({"iban": text}, needed=("iban",)),
    **dict.fromkeys(("paypal", "link", "alipay", "wechat_pay", "radar_options"), ignored),
}
_UPDATE = {
    **EXPAND,
    "billing_details": BILLING,
    "metadata": metadata,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "card": a_hash({"exp_month": text, "exp_year": text, "networks": ignored}),
}
_ATTACH = {**EXPAND, "customer": text, "customer_account": text}
