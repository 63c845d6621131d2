"""Which function answers which method and path: parts of the path are names, `*` stands for an object's id."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

from adapters.gateways.sandbox import (
    charges,
    checkout,
    customers,
    disputes,
    lists,
    payment_intents,
    payment_methods,
    products,
    refunds,
    sessions,
    setup_intents,
    transactions,
)
from adapters.gateways.sandbox.parameters import read, text
from adapters.gateways.sandbox.payment_methods import EXPAND
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.world import Page, World

Endpoint = Callable[..., Entry | Page]


def _retrieve(what: str, param: str = "id") -> Endpoint:
    table = EXPAND | ({"client_secret": text} if what.endswith("intent") else {})

    def retrieve(world: World, raw: dict[str, Any], object_id: str) -> Entry:
        read(raw, table)
        return world.find(what, object_id, param)

    return retrieve


def _list(listed: lists.Listed) -> Endpoint:
    return partial(lists.page, listed=listed)


def _methods_of_customer(world: World, raw: dict[str, Any], customer: str) -> Page:
    world.find("customer", customer)
    found = lists.page(world, raw, lists.METHODS, customer=customer)
    return found._replace(url=f"/v1/customers/{customer}/payment_methods")


def _transaction(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    read(raw, EXPAND)
    return transactions.retrieve(world, object_id)


ENDPOINTS: dict[tuple[str, ...], Endpoint] = {
    ("POST", "payment_intents"): payment_intents.create,
    ("GET", "payment_intents"): _list(lists.INTENTS),
    ("GET", "payment_intents", "*"): _retrieve("payment_intent", "intent"),
    ("POST", "payment_intents", "*"): payment_intents.update,
    ("POST", "payment_intents", "*", "confirm"): payment_intents.confirm,
    ("POST", "payment_intents", "*", "cancel"): payment_intents.cancel,
    ("POST", "payment_intents", "*", "capture"): payment_intents.capture,
    ("GET", "charges"): _list(lists.CHARGES),
    ("GET", "charges", "*"): _retrieve("charge", "charge"),
    ("POST", "charges", "*"): charges.update,
    ("POST", "customers"): customers.create,
    ("GET", "customers"): _list(lists.CUSTOMERS),
    ("GET", "customers", "*"): _retrieve("customer"),
    ("POST", "customers", "*"): customers.update,
    ("DELETE", "customers", "*"): customers.delete,
    ("GET", "customers", "*", "payment_methods"): _methods_of_customer,
    ("POST", "payment_methods"): payment_methods.create,
    ("GET", "payment_methods"): _list(lists.METHODS),
    ("GET", "payment_methods", "*"): _retrieve("payment_method"),
    ("POST", "payment_methods", "*"): payment_methods.update,
    ("POST", "payment_methods", "*", "attach"): payment_methods.attach,
    ("POST", "payment_methods", "*", "detach"): payment_methods.detach,
    ("POST", "refunds"): refunds.create,
    ("GET", "refunds"): _list(lists.REFUNDS),
    ("GET", "refunds", "*"): _retrieve("refund"),
    ("POST", "refunds", "*"): refunds.update,
    ("POST", "refunds", "*", "cancel"): refunds.cancel,
    ("POST", "setup_intents"): setup_intents.create,
    ("GET", "setup_intents"): _list(lists.SETUP_INTENTS),
    ("GET", "setup_intents", "*"): _retrieve("setup_intent", "intent"),
    ("POST", "setup_intents", "*"): setup_intents.update,
    ("POST", "setup_intents", "*", "confirm"): setup_intents.confirm,
    ("POST", "setup_intents", "*", "cancel"): setup_intents.cancel,
    ("POST", "checkout", "sessions"): sessions.create,
    ("GET", "checkout", "sessions"): _list(lists.SESSIONS),
    ("GET", "checkout", "sessions", "*"): _retrieve("checkout.session", "session"),
    ("POST", "checkout", "sessions", "*"): sessions.update,
    ("POST", "checkout", "sessions", "*", "expire"): sessions.expire,
    ("GET", "disputes"): _list(lists.DISPUTES),
    ("GET", "disputes", "*"): _retrieve("dispute"),
    ("POST", "disputes", "*"): disputes.update,
    ("POST", "disputes", "*", "close"): disputes.close,
    ("POST", "products"): products.create_product,
    ("GET", "products"): _list(lists.PRODUCTS),
    ("GET", "products", "*"): _retrieve("product"),
    ("POST", "prices"): products.create_price,
    ("GET", "prices"): _list(lists.PRICES),
    ("GET", "prices", "*"): _retrieve("price"),
    ("GET", "payment_pages", "*"): _retrieve("checkout.session", "session"),
    ("POST", "payment_pages", "*", "confirm"): checkout.confirm_page,
    ("GET", "balance_transactions"): transactions.list_all,
    ("GET", "balance_transactions", "*"): _transaction,
    ("GET", "events"): _list(lists.EVENTS),
    ("GET", "events", "*"): _retrieve("event"),
}
_COLLECTIONS = {before for parts in ENDPOINTS for before, part in pairwise(parts) if part == "*"}


def endpoint_of(method: str, path: str) -> tuple[Endpoint, list[str]] | None:
    """The function for a path below `/v1/`, and the ids that the path names."""
    names, ids = [method], list[str]()
    for part in path.removesuffix("/").split("/"):
        if names[-1] in _COLLECTIONS:
            ids.append(part)
            names.append("*")
        else:
            names.append(part)
    found = ENDPOINTS.get(tuple(names))
    return (found, ids) if found else None
