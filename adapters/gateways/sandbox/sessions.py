"""Checkout Sessions: a page of the provider's on which a holder pays once, or saves a payment method."""

from typing import Any

from adapters.gateways.sandbox import setup_intents
from adapters.gateways.sandbox.intent_parameters import currency
from adapters.gateways.sandbox.parameters import a_hash, each, ignored, integer, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_methods import EXPAND, KINDS, merged
from adapters.gateways.sandbox.products import make_price
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import invalid, unreadable
from adapters.gateways.sandbox.units import judge_amount
from adapters.gateways.sandbox.world import World

_HOUR_S = 3600
_NEVER_SET = (
    *("adaptive_pricing", "after_expiration", "allow_promotion_codes", "client_secret", "collected_information"),
    *("consent", "consent_collection", "currency_conversion", "customer_account", "invoice", "invoice_creation"),
    *("payment_link", "payment_method_configuration_details", "permissions", "recovered_from"),
    *("saved_payment_method_options", "shipping_address_collection", "shipping_cost", "subscription"),
    "wallet_options",
)
_LASTS_MIN_S, _LASTS_MAX_S = _HOUR_S // 2, 24 * _HOUR_S


def create(world: World, raw: dict[str, Any]) -> Entry:
    """A new session with the address of its page, open for a day unless `expires_at` says otherwise."""
    given = read(raw, _CREATE, needed=("mode",))
    _judge(world, given)
    setup = given["mode"] == "setup"
    customer = world.find("customer", given["customer"], "customer").id if "customer" in given else None
    items = [_item(world, one, number) for number, one in enumerate(given.get("line_items", ()))]
    total = sum(item["amount_total"] for item in items)
    code = items[0]["currency"] if items else given.get("currency")
    if not setup:
        judge_amount(total, code or "usd")
    session = _new(world, given, customer, None if setup else total, code)
    session.hidden |= {
        "line_items": {"object": "list", "data": items, "has_more": False, "url": f"/v1/{session.id}/line_items"},
        "intent": given.get("setup_intent_data" if setup else "payment_intent_data", {}),
    }
    session.body["url"] = f"{world.address}/pay/{session.id}"
    if setup:
        data = {**session.hidden["intent"], "payment_method_types": session.body["payment_method_types"]}
        intent = setup_intents.new(world, data, customer)
        intent.hidden["session"] = session.id
        session.body["setup_intent"] = intent.id
        world.emit("setup_intent.created", intent)
    world.due_at(session.body["expires_at"], "session", session.id)
    return session


def _judge(world: World, given: dict[str, Any]) -> None:
    mode, ends = given["mode"], given.get("expires_at")
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise unreadable("The sandbox has hosted pages only.", param="ui_mode")
    if "success_url" not in given:
        raise unreadable("Missing required param: success_url.", code="parameter_missing", param="success_url")
    if mode == "payment" and not given.get("line_items"):
        raise unreadable("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if mode == "setup" and "currency" not in given and "payment_method_types" not in given:
        raise unreadable(
            "In `setup` mode `currency` is required where `payment_method_types` is not set.", param="currency"
        )
    for name, wrong in (("line_items", "setup"), ("setup_intent_data", "payment"), ("payment_intent_data", "setup")):
        if mode == wrong and name in given:
            raise unreadable(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    unusable = set(given.get("payment_method_types", ())) - set(setup_intents.REUSABLE)
    if mode == "setup" and unusable:
        raise unreadable(
            f"The payment method type `{min(unusable)}` cannot be used in `setup` mode.", param="payment_method_types"
        )
    if ends is not None and not _LASTS_MIN_S - 1 <= ends - world.now <= _LASTS_MAX_S:
        raise unreadable(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _item(world: World, given: dict[str, Any], number: int) -> dict[str, Any]:
    quantity = given.get("quantity", 1)
    price, name = _price(world, given)
    amount = price.body["unit_amount"] * quantity
    return {
        "id": world.record.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price.body["currency"],
        "description": name or f"#{number + 1}",
        "price": price.body,
        "quantity": quantity,
    }


def _price(world: World, given: dict[str, Any]) -> tuple[Entry, str | None]:
    """The price of an item, which is named or given, and what is sold."""
    if "price" in given:
        price = world.find("price", given["price"], "line_items[0][price]")
        return price, world.find("product", price.body["product"]).body["name"]
    if "price_data" not in given:
        raise unreadable("Missing required param: line_items[0][price].", code="parameter_missing", param="line_items")
    data = given["price_data"]
    name = data.get("product_data", {}).get("name")
    if name is None:
        name = world.find("product", data.get("product", ""), "line_items[0][price_data][product]").body["name"]
    product_id = data.get("product") or world.record.new_id("prod")
    return make_price(world, product_id, data["currency"], data["unit_amount"]), name


def _new(world: World, given: dict[str, Any], customer: str | None, total: int | None, code: str | None) -> Entry:
    setup = given["mode"] == "setup"
    kinds = given.get("payment_method_types") or list(setup_intents.REUSABLE if setup else KINDS)
    email = given.get("customer_email")
    details = dict.fromkeys(("address", "business_name", "individual_name", "name", "phone", "tax_ids"))
    body = {
        "object": "checkout.session",
        **dict.fromkeys(_NEVER_SET),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": given.get("billing_address_collection"),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "currency": code,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer": customer,
        "customer_creation": None if setup or customer else given.get("customer_creation", "if_required"),
        "customer_details": {**details, "email": email, "tax_exempt": "none"} if email else None,
        "customer_email": email,
        "discounts": None if setup else [],
        "expires_at": given.get("expires_at", world.now + _LASTS_MAX_S),
        "livemode": False,
        "locale": given.get("locale"),
        "metadata": merged({}, given.get("metadata", {})),
        "mode": given["mode"],
        "origin_context": given.get("origin_context"),
        "payment_intent": None,
        "payment_method_collection": "always" if setup else "if_required",
        "payment_method_options": {},
        "payment_method_types": kinds,
        "payment_status": "no_payment_required" if setup else "unpaid",
        "phone_number_collection": {"enabled": False},
        "setup_intent": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given.get("submit_type"),
        "success_url": given["success_url"],
        "total_details": None if setup else {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
    }
    return world.record.new("cs_test", body, world.now, customer=customer)


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Its metadata."""
    given = read(raw, {**EXPAND, "metadata": metadata})
    session = world.find("checkout.session", object_id, "session")
    if "metadata" in given:
        session.body["metadata"] = merged(session.body["metadata"], given["metadata"])
    world.record.put(session)
    return session


def expire(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Close an open session, so that nobody can use its page."""
    read(raw, EXPAND)
    session = world.find("checkout.session", object_id, "session")
    if session.body["status"] != "open":
        raise invalid(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session.body['status']}."
        )
    run_out(world, session)
    return session


def run_out(world: World, session: Entry) -> None:
    """Nobody used the page in time, or it was closed."""
    if session.body["status"] != "open":
        return
    session.body |= {"status": "expired", "url": None}
    world.record.put(session)
    if session.body["setup_intent"]:
        intent = world.find("setup_intent", session.body["setup_intent"])
        if intent.body["status"] != "succeeded":
            setup_intents.give_up(world, intent, "abandoned")
    world.emit("checkout.session.expired", session)


_PRICE = a_hash(
    {
        "currency": currency,
        "product_data": a_hash(
            {"name": text, **dict.fromkeys(("description", "images", "metadata", "tax_code", "unit_label"), ignored)},
            needed=("name",),
        ),
        "product": text,
        "unit_amount": integer,
        "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
    },
    needed=("currency", "unit_amount"),
)
_ITEM = a_hash(
    {
        "price": text,
        "price_data": _PRICE,
        "quantity": integer,
        **dict.fromkeys(("adjustable_quantity", "dynamic_tax_rates", "metadata", "tax_rates"), ignored),
    }
)
_SETUP_DATA = {"description": text, "metadata": metadata, "on_behalf_of": text}
_PAYMENT_DATA = {
    **_SETUP_DATA,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "receipt_email": text,
    "setup_future_usage": one_of("off_session", "on_session"),
    "statement_descriptor": text,
    "statement_descriptor_suffix": text,
    "transfer_group": text,
    **dict.fromkeys(("application_fee_amount", "shipping", "transfer_data"), ignored),
}
_CREATE = {
    **EXPAND,
    "mode": one_of("payment", "setup"),
    "success_url": text,
    "cancel_url": text,
    "customer": text,
    "customer_account": text,
    "client_reference_id": text,
    "customer_email": text,
    "customer_creation": one_of("always", "if_required"),
    "currency": currency,
    "expires_at": integer,
    "line_items": each(_ITEM),
    "locale": text,
    "metadata": metadata,
    "payment_method_types": each(one_of(*KINDS)),
    "setup_intent_data": a_hash(_SETUP_DATA),
    "payment_intent_data": a_hash(_PAYMENT_DATA),
    "ui_mode": one_of("elements", "embedded_page", "hosted_page"),
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "billing_address_collection": one_of("auto", "required"),
    "origin_context": one_of("mobile_app", "web"),
    **dict.fromkeys(
        (
            *("payment_method_options", "payment_method_configuration", "payment_method_data", "permissions"),
            *("adaptive_pricing", "after_expiration", "allow_promotion_codes", "automatic_tax", "branding_settings"),
            *("consent_collection", "custom_fields", "custom_text", "customer_update", "discounts"),
            *("excluded_payment_method_types", "invoice_creation", "payment_method_collection"),
            *("phone_number_collection", "redirect_on_completion", "saved_payment_method_options"),
            *("shipping_address_collection", "shipping_options", "tax_id_collection", "wallet_options"),
            *("name_collection", "optional_items", "integration_identifier", "managed_payments"),
        ),
        ignored,
    ),
}
