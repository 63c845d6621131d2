"""SetupIntents: a payment method made ready for later payments, without a payment."""

from typing import Any

from adapters.gateways.sandbox.declines import error_of
from adapters.gateways.sandbox.intent_parameters import PAYMENT_DATA
from adapters.gateways.sandbox.parameters import a_hash, each, flag, ignored, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_intents import of_data
from adapters.gateways.sandbox.payment_methods import (
    EXPAND,
    KINDS,
    attached,
    find_or_make,
    merged,
    refuse_spent,
    token_of,
)
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import DECLINED, RefusedError, invalid
from adapters.gateways.sandbox.tokens import Decline
from adapters.gateways.sandbox.world import World

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
REUSABLE = ("card", "paypal", "link")
"""The kinds that can be charged again later."""


def create(world: World, raw: dict[str, Any]) -> Entry:
    """A new intent; with `confirm` the method is set up at once."""
    given = read(raw, _CREATE)
    customer = world.find("customer", given["customer"], "customer").id if "customer" in given else None
    intent = new(world, given, customer)
    _choose(world, intent, given)
    world.emit("setup_intent.created", intent)
    return _confirmed(world, intent) if given.get("confirm") else intent


def new(world: World, given: dict[str, Any], customer: str | None) -> Entry:
    """An intent without payment method."""
    kinds = given.get("payment_method_types")
    object_id = world.record.new_id("seti")
    body = {
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None if kinds else {"allow_redirects": "always", "enabled": True},
        "cancellation_reason": None,
        "client_secret": f"{object_id}_secret_{object_id[-16:]}",
        "customer": customer,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": merged({}, given.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": kinds or list(REUSABLE),
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
    }
    hidden = {"return_url": given.get("return_url")}
    return world.record.new("seti", body, world.now, customer=customer, hidden=hidden, object_id=object_id)


def _choose(world: World, intent: Entry, given: dict[str, Any]) -> None:
    if name := given.get("payment_method"):
        method = find_or_make(world, name)
    elif data := given.get("payment_method_data"):
        method = of_data(world, data)
    else:
        return
    choose(world, intent, method)


def choose(world: World, intent: Entry, method: Entry) -> None:
    """Let the intent set up a method, which must be its customer's or nobody's."""
    if method.customer not in (None, intent.customer):
        raise invalid(
            "The payment method supplied belongs to a different Customer than that of this SetupIntent.",
            code="payment_method_unexpected_state",
            param="payment_method",
        )
    refuse_spent(method)
    if token_of(method).kind not in intent.body["payment_method_types"]:
        raise invalid(
            f"The payment method type {token_of(method).kind} is not one of this SetupIntent's: "
            f"{', '.join(intent.body['payment_method_types'])}.",
            param="payment_method",
        )
    intent.body |= {"payment_method": method.id, "status": "requires_confirmation", "next_action": None}
    world.record.put(intent)


def confirm(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Set the method up, another one if one is named."""
    given = read(raw, _CONFIRM)
    intent = world.find("setup_intent", object_id, "intent")
    _must_be_open(intent, "confirm")
    if "return_url" in given:
        intent.hidden["return_url"] = given["return_url"]
    _choose(world, intent, given)
    return _confirmed(world, intent)


def _confirmed(world: World, intent: Entry) -> Entry:
    if intent.body["payment_method"] is None:
        raise invalid(
            "You cannot confirm this SetupIntent because it's missing a payment method.",
            code="setup_intent_unexpected_state",
        )
    set_up(world, intent, world.find("payment_method", intent.body["payment_method"]))
    if error := intent.body["last_setup_error"]:
        raise RefusedError(DECLINED, {**error, "setup_intent": intent.body}, happened=True)
    return intent


def set_up(world: World, intent: Entry, method: Entry) -> None:
    """The issuer agrees, refuses, or wants to see the holder first."""
    token = token_of(method)
    intent.body["last_setup_error"] = None
    if not token.attaches:
        refuse(world, intent, method, token.decline or Decline("generic_decline"))
    elif token.authentication != "never" or token.kind == "paypal":
        url = f"{world.address}/authenticate/{intent.id}"
        redirect = {"return_url": intent.hidden.get("return_url"), "url": url}
        intent.body |= {
            "status": "requires_action",
            "next_action": {"redirect_to_url": redirect, "type": "redirect_to_url"},
        }
        world.record.put(intent)
        world.emit("setup_intent.requires_action", intent)
    else:
        succeed(world, intent, method)


def succeed(world: World, intent: Entry, method: Entry) -> None:
    """The method may be charged from now on."""
    method.hidden["set_up"] = True
    world.record.put(method)
    if intent.customer:
        attached(world, method, intent.customer)
    intent.body |= {"status": "succeeded", "payment_method": method.id, "next_action": None, "last_setup_error": None}
    world.record.put(intent)
    world.emit("setup_intent.succeeded", intent)


def refuse(world: World, intent: Entry, method: Entry, declined: Decline) -> None:
    """Another method may be tried."""
    intent.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": error_of(declined, charge=None, method=method.body),
    }
    world.record.put(intent)
    world.emit("setup_intent.setup_failed", intent)


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Metadata, description, customer and method of an intent that is open."""
    given = read(raw, _UPDATE)
    intent = world.find("setup_intent", object_id, "intent")
    if "customer" in given:
        intent.customer = intent.body["customer"] = world.find("customer", given["customer"], "customer").id
    if "description" in given:
        intent.body["description"] = given["description"]
    if "metadata" in given:
        intent.body["metadata"] = merged(intent.body["metadata"], given["metadata"])
    _choose(world, intent, given)
    world.record.put(intent)
    return intent


def cancel(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Give the intent up."""
    given = read(raw, _CANCEL)
    intent = world.find("setup_intent", object_id, "intent")
    _must_be_open(intent, "cancel")
    return give_up(world, intent, given.get("cancellation_reason"))


def give_up(world: World, intent: Entry, reason: str | None) -> Entry:
    """The intent, canceled."""
    intent.body |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    world.record.put(intent)
    world.emit("setup_intent.canceled", intent)
    return intent


def _must_be_open(intent: Entry, verb: str) -> None:
    if intent.body["status"] not in _OPEN:
        error = invalid(
            f"You cannot {verb} this SetupIntent because it has a status of {intent.body['status']}.",
            code="setup_intent_unexpected_state",
        )
        error.error = {**error.error, "setup_intent": intent.body}
        raise error


_UPDATE = {
    **EXPAND,
    "customer": text,
    "customer_account": text,
    "description": text,
    "metadata": metadata,
    "payment_method": text,
    "payment_method_data": PAYMENT_DATA,
    "payment_method_types": each(one_of(*KINDS)),
    "attach_to_self": flag,
    **dict.fromkeys(
        (
            *("payment_method_options", "payment_method_configuration", "flow_directions"),
            "excluded_payment_method_types",
        ),
        ignored,
    ),
}
_CONFIRMING = {
    "return_url": text,
    "use_stripe_sdk": flag,
    "mandate_data": ignored,
    "confirmation_token": ignored,
}
_CREATE = {
    **_UPDATE,
    **_CONFIRMING,
    "confirm": flag,
    "usage": one_of("off_session", "on_session"),
    "automatic_payment_methods": a_hash(
        {"enabled": flag, "allow_redirects": one_of("always", "never")}, needed=("enabled",)
    ),
    "on_behalf_of": text,
    "single_use": ignored,
}
_CONFIRM = {
    **EXPAND,
    **_CONFIRMING,
    "client_secret": text,
    "payment_method": text,
    "payment_method_data": PAYMENT_DATA,
    "payment_method_options": ignored,
}
_CANCEL = {**EXPAND, "cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")}
