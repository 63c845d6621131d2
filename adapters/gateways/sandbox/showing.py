"""Answers as JSON: objects as they are, or with the references expanded that were asked for."""

from typing import Any

from msgspec import Raw, json

from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import RefusedError, unreadable
from adapters.gateways.sandbox.world import Page, World

_DEPTH_MAX = 4
_REFUNDS_MAX = 10
_EXPANDABLE = {
    "payment_intent": {"customer", "payment_method", "latest_charge"},
    "charge": {"customer", "payment_intent", "refunds", "balance_transaction"},
    "setup_intent": {"customer", "payment_method", "latest_attempt"},
    "payment_method": {"customer"},
    "checkout.session": {"customer", "payment_intent", "setup_intent", "line_items"},
    "refund": {"charge", "payment_intent", "balance_transaction"},
    "balance_transaction": {"source"},
    "price": {"product"},
    "dispute": {"charge", "payment_intent"},
    "customer": set[str](),
    "event": set[str](),
}
_encode = json.encode
Tree = dict[str, "Tree"]


def tree_of(paths: list[str]) -> Tree:
    """`["a.b", "a.c"]` as `{"a": {"b": {}, "c": {}}}`; raises RefusedError for what is too deep."""
    tree: Tree = {}
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEPTH_MAX + (parts[0] == "data"):
            raise unreadable(f"You cannot expand more than {_DEPTH_MAX} levels of a property.", param="expand")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
    return tree


def show(world: World, found: Entry | Page, tree: Tree) -> bytes:
    """The answer to a request that succeeded."""
    if isinstance(found, Page):
        inner = tree.get("data", {})
        for name in tree:
            if name != "data":
                raise _not_expandable(name)
        data = b",".join(_shown(world, entry, inner) for entry in found.entries)
        more = b"true" if found.has_more else b"false"
        return b'{"object":"list","data":[%s],"has_more":%s,"url":%s}' % (data, more, _encode(found.url))
    return _shown(world, found, tree)


def _shown(world: World, entry: Entry, tree: Tree) -> bytes:
    if not tree:
        return world.record.shown(entry)
    body: dict[str, Any] = dict(entry.body)
    for name, inner in tree.items():
        if name not in _EXPANDABLE.get(entry.object, ()):
            raise _not_expandable(name)
        if name == "refunds":
            body[name] = Raw(_refunds(world, entry, inner))
        elif name == "balance_transaction" and body[name]:
            body[name] = Raw(_shown(world, transaction_of(entry), inner))
        elif name == "line_items":
            body[name] = entry.hidden.get("line_items")
        elif isinstance(reference := body.get(name), str) and (referred := world.record.get(reference)):
            body[name] = Raw(_shown(world, referred, inner))
    return _encode(body)


def _refunds(world: World, charge: Entry, tree: Tree) -> bytes:
    condition = "object = 'refund' AND object <> 'event' AND parent = ?"
    found = list(world.record.entries(condition, [charge.id], "seq DESC", _REFUNDS_MAX + 1))
    return show(world, Page(f"/v1/charges/{charge.id}/refunds", found[:_REFUNDS_MAX], len(found) > _REFUNDS_MAX), tree)


def transaction_of(source: Entry) -> Entry:
    """What a charge or a refund did to the balance."""
    body, refund = source.body, source.object == "refund"
    amount = -body["amount"] if refund else body["amount_captured"]
    shown = {
        "id": body["balance_transaction"],
        "object": "balance_transaction",
        "amount": amount,
        "available_on": source.created,
        "balance_type": "payments",
        "created": source.created,
        "currency": body["currency"],
        "description": body.get("description"),
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": source.object,
        "source": source.id,
        "status": "available",
        "type": source.object if source.id.startswith(("ch_", "re_")) else "payment",
    }
    return Entry(source.seq, shown["id"], "balance_transaction", source.created, None, None, shown, {})


def _not_expandable(name: str) -> RefusedError:
    return unreadable(f"This property cannot be expanded ({name}).", param="expand")


def show_error(error: RefusedError, request_id: str) -> bytes:
    """The answer to a request that was refused or declined."""
    return _encode(
        {"error": {**error.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}
    )
