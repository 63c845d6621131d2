"""Products and prices: as much of them as Checkout Sessions need."""

from typing import Any

from adapters.gateways.sandbox.intent_parameters import currency
from adapters.gateways.sandbox.parameters import each, flag, ignored, integer, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_methods import EXPAND, merged
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.world import World


def create_product(world: World, raw: dict[str, Any]) -> Entry:
    """Something to be sold."""
    given = read(raw, _PRODUCT, needed=("name",))
    body = {
        "object": "product",
        "active": given.get("active", True),
        "default_price": None,
        "description": given.get("description"),
        "images": given.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": merged({}, given.get("metadata", {})),
        "name": given["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "tax_code": None,
        "unit_label": given.get("unit_label"),
        "updated": world.now,
        "url": given.get("url"),
    }
    product = world.record.new("prod", body, world.now)
    world.emit("product.created", product)
    return product


def create_price(world: World, raw: dict[str, Any]) -> Entry:
    """What a product costs once."""
    given = read(raw, _PRICE, needed=("currency", "unit_amount"))
    product = (
        world.find("product", given["product"], "product")
        if "product" in given
        else create_product(world, given.get("product_data", {}))
    )
    price = make_price(world, product.id, given["currency"], given["unit_amount"])
    price.body["metadata"] = merged({}, given.get("metadata", {}))
    price.body["nickname"] = given.get("nickname")
    world.emit("price.created", price)
    return price


def make_price(world: World, product_id: str, code: str, amount: int) -> Entry:
    """A price of a product."""
    body = {
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "currency": code,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product_id,
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return world.record.new("price", body, world.now, parent=product_id)


_PRODUCT = {
    **EXPAND,
    "name": text,
    "active": flag,
    "description": text,
    "images": each(text),
    "metadata": metadata,
    "statement_descriptor": text,
    "unit_label": text,
    "url": text,
    "type": one_of("good", "service"),
    **dict.fromkeys(("shippable", "tax_code"), ignored),
}
_PRICE = {
    **EXPAND,
    "currency": currency,
    "unit_amount": integer,
    "product": text,
    "product_data": ignored,
    "active": flag,
    "metadata": metadata,
    "nickname": text,
    "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
    "lookup_key": ignored,
}
