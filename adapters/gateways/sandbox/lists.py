"""Lists, newest first: by time of creation, by what the objects belong to, page by page."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from adapters.gateways.sandbox.parameters import Kind, a_hash, each, either, flag, integer, one_of, read, text
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import missing, unreadable
from adapters.gateways.sandbox.world import Page, World

_LIMIT, _LIMIT_MAX = 10, 100
_CREATED = either(integer, a_hash(dict.fromkeys(("gt", "gte", "lt", "lte"), integer)))
_COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Listed(NamedTuple):
    """What a list may be narrowed down by: a parameter to the condition that it means, and its kind."""

    object: str
    url: str
    by: Mapping[str, tuple[str, Kind]]
    has_created: bool = True
    where: str | None = None
    """The condition for those that are no objects of one kind."""


_BY_CUSTOMER = {"customer": ("customer = ?", text), "customer_account": ("? IS NULL", text)}
_BY_INTENT = ("json_extract(body, '$.payment_intent') = ?", text)
INTENTS = Listed("payment_intent", "/v1/payment_intents", _BY_CUSTOMER)
CHARGES = Listed(
    "charge",
    "/v1/charges",
    {"customer": ("customer = ?", text), "payment_intent": ("parent = ?", text), "transfer_group": ("? IS NULL", text)},
)
SETUP_INTENTS = Listed(
    "setup_intent",
    "/v1/setup_intents",
    {**_BY_CUSTOMER, "payment_method": ("json_extract(body, '$.payment_method') = ?", text)},
)
METHODS = Listed(
    "payment_method",
    "/v1/payment_methods",
    {**_BY_CUSTOMER, "type": ("json_extract(body, '$.type') = ?", text)},
    has_created=False,
)
CUSTOMERS = Listed("customer", "/v1/customers", {"email": ("json_extract(body, '$.email') = ?", text)})
SESSIONS = Listed(
    "checkout.session",
    "/v1/checkout/sessions",
    {
        **_BY_CUSTOMER,
        "payment_intent": ("parent = ?", text),
        "status": ("json_extract(body, '$.status') = ?", one_of("complete", "expired", "open")),
    },
)
REFUNDS = Listed("refund", "/v1/refunds", {"charge": ("parent = ?", text), "payment_intent": _BY_INTENT})
PRODUCTS = Listed("product", "/v1/products", {})
PRICES = Listed("price", "/v1/prices", {"product": ("parent = ?", text)})
DISPUTES = Listed("dispute", "/v1/disputes", {"charge": ("parent = ?", text), "payment_intent": _BY_INTENT})
EVENTS = Listed(
    "event",
    "/v1/events",
    {
        "type": ("json_extract(hidden, '$.type') GLOB ?", text),
        "types": ("json_extract(hidden, '$.type') IN (SELECT value FROM json_each(?))", each(text)),
        "delivery_success": ("? IS NOT NULL", flag),
    },
)


def page(world: World, raw: dict[str, Any], listed: Listed, **fixed: str) -> Page:
    """One page of objects of a kind; `fixed` are further parameters, from the address."""

    def named(object_id: str) -> Entry | None:
        entry = world.record.get(object_id)
        return entry if entry and entry.object == listed.object else None

    return page_of(world, raw, listed, named, **fixed)


def page_of(
    world: World, raw: dict[str, Any], listed: Listed, named: Callable[[str], Entry | None], **fixed: str
) -> Page:
    """One page; `named` finds the object of a cursor."""
    table: dict[str, Kind] = {name: kind for name, (_, kind) in listed.by.items()}
    table |= {"limit": integer, "starting_after": text, "ending_before": text, "expand": each(text)}
    if listed.has_created:
        table["created"] = _CREATED
    given = {**read(raw, table), **fixed}
    limit = given.get("limit", _LIMIT)
    if not 1 <= limit <= _LIMIT_MAX:
        raise unreadable(f"Limit must be between 1 and {_LIMIT_MAX}.", code="parameter_invalid_integer", param="limit")
    conditions, values = _conditions(given, listed)
    backwards = "ending_before" in given
    if backwards and "starting_after" in given:
        raise unreadable("Received both starting_after and ending_before parameters. Please pass in only one.")
    for name, comparison in (("starting_after", "<"), ("ending_before", ">")):
        if cursor := given.get(name):
            conditions.append(f"seq {comparison} ?")
            values.append(_cursor(listed, cursor, named(cursor), name).seq)
    order = "seq ASC" if backwards else "seq DESC"
    found = list(world.record.entries(" AND ".join(conditions), values, order, limit + 1))
    shown = found[:limit][::-1] if backwards else found[:limit]
    return Page(listed.url, shown, len(found) > limit)


def _conditions(given: dict[str, Any], listed: Listed) -> tuple[list[str], list[Any]]:
    conditions: list[str] = [listed.where or "object = ?"]
    values: list[Any] = [] if listed.where else [listed.object]
    if listed.object != "event":
        conditions.append("object <> 'event'")
    if listed.object == "customer":
        conditions.append("json_extract(body, '$.deleted') IS NULL")
    for name, (condition, _) in listed.by.items():
        if name in given:
            conditions.append(condition)
            values.append(_bound(given[name]))
    created = given.get("created", {})
    if isinstance(created, int):
        created = {"gte": created, "lte": created}
    for name, value in created.items():
        conditions.append(f"created {_COMPARISONS[name]} ?")
        values.append(value)
    return conditions, values


def _bound(value: object) -> object:
    if isinstance(value, list):
        return "[" + ",".join(f'"{one}"' for one in value if '"' not in one and "\\" not in one) + "]"
    return value


def _cursor(listed: Listed, object_id: str, entry: Entry | None, param: str) -> Entry:
    if entry is None:
        raise missing(listed.object.replace("_", " "), object_id, param)
    return entry
