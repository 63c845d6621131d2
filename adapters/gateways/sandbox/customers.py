"""Customers: whose PaymentMethods and payments they are."""

from typing import Any

from adapters.gateways.sandbox.declines import attach_declined
from adapters.gateways.sandbox.parameters import each, ignored, integer, may_be_unset, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_methods import EXPAND, attached, find_or_make, merged, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import invalid
from adapters.gateways.sandbox.world import World

_SIMPLE = ("description", "email", "name", "phone")


def create(world: World, raw: dict[str, Any]) -> Entry:
    """A new customer, with a payment method attached if one is named."""
    given = read(raw, _CREATE)
    body: dict[str, Any] = {
        "object": "customer",
        "address": given.get("address") or None,
        "balance": given.get("balance", 0),
        "currency": None,
        "default_source": None,
        "delinquent": False,
        **{name: given.get(name) or None for name in _SIMPLE},
        "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": merged({}, given.get("metadata", {})),
        "next_invoice_sequence": 1,
        "preferred_locales": given.get("preferred_locales", []),
        "shipping": given.get("shipping") or None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    customer = world.record.new("cus", body, world.now)
    customer.body["invoice_prefix"] = customer.id[-8:].upper()
    if name := given.get("payment_method"):
        method = find_or_make(world, name)
        if not token_of(method).attaches:
            raise attach_declined(token_of(method).decline)
        attached(world, method, customer.id)
    world.emit("customer.created", customer)
    return customer


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """What is given; the default payment method must be attached."""
    given = read(raw, _UPDATE)
    customer = world.find("customer", object_id)
    for name in (*_SIMPLE, "address", "shipping"):
        if name in given:
            customer.body[name] = given[name] or None
    if "metadata" in given:
        customer.body["metadata"] = merged(customer.body["metadata"], given["metadata"])
    default = (given.get("invoice_settings") or {}).get("default_payment_method")
    if default:
        if world.find("payment_method", default, "invoice_settings[default_payment_method]").customer != customer.id:
            raise invalid("The customer does not have a payment method with this ID.", code="resource_missing")
        customer.body["invoice_settings"]["default_payment_method"] = default
    world.record.put(customer)
    world.emit("customer.updated", customer)
    return customer


def delete(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """For ever; its payments stay."""
    read(raw, {})
    customer = world.find("customer", object_id)
    world.emit("customer.deleted", customer)
    customer.body = {"id": customer.id, "object": "customer", "deleted": True}
    world.record.put(customer)
    return customer


_UPDATE = {
    **EXPAND,
    **{name: may_be_unset(text) for name in _SIMPLE},
    "address": ignored,
    "shipping": ignored,
    "balance": integer,
    "metadata": metadata,
    "preferred_locales": each(text),
    "invoice_settings": ignored,
    "invoice_prefix": text,
    "next_invoice_sequence": integer,
    "tax_exempt": one_of("", "exempt", "none", "reverse"),
    **dict.fromkeys(("cash_balance", "tax", "business_name", "individual_name"), ignored),
}
_CREATE = {
    **_UPDATE,
    "payment_method": text,
    **dict.fromkeys(("tax_id_data", "test_clock"), ignored),
}
