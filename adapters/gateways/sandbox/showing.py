"""Answers as JSON: objects as they are, or with the references expanded that were asked for."""

from typing import Any

from msgspec import Raw, json

from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import RefusedError, unreadable
from adapters.gateways.sandbox.world import Page, World

_DEPTH_MAX = 4
_EXPANDABLE = {
    "payment_intent": {"customer", "payment_method", "latest_charge"},
    "charge": {"customer", "payment_intent", "refunds"},
    "setup_intent": {"customer", "payment_method", "latest_attempt"},
    "payment_method": {"customer"},
    "checkout.session": {"customer", "payment_intent", "setup_intent", "line_items"},
    "refund": {"charge", "payment_intent"},
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
        elif name == "line_items":
            body[name] = entry.hidden.get("line_items")
        elif isinstance(reference := body.get(name), str) and (referred := world.record.get(reference)):
            body[name] = Raw(_shown(world, referred, inner))
    return _encode(body)


def _refunds(world: World, charge: Entry, tree: Tree) -> bytes:
    found = list(world.record.entries("object = 'refund' AND parent = ?", [charge.id], "seq DESC", 11))
    return show(world, Page(f"/v1/charges/{charge.id}/refunds", found[:10], len(found) > 10), tree)  # noqa: PLR2004 (ten)


def _not_expandable(name: str) -> RefusedError:
    return unreadable(f"This property cannot be expanded ({name}).", param="expand")


def show_error(error: RefusedError, request_id: str) -> bytes:
    """The answer to a request that was refused or declined."""
    return _encode(
        {"error": {**error.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}
    )
