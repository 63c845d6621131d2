"""PaymentIntents: one amount to be paid once, however many tries that takes."""

from typing import Any

from adapters.gateways.sandbox.intent_parameters import CANCEL, CAPTURE, CONFIRM, CREATE, UPDATE
from adapters.gateways.sandbox.parameters import read
from adapters.gateways.sandbox.paying import captured, declined_answer, pay
from adapters.gateways.sandbox.payment_methods import KINDS, find_or_make, merged, merged_billing
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import RefusedError, invalid, unreadable
from adapters.gateways.sandbox.tokens import method_of
from adapters.gateways.sandbox.units import judge_amount
from adapters.gateways.sandbox.world import World, without

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = (*_CONFIRMABLE, "requires_capture", "processing")


def create(world: World, raw: dict[str, Any]) -> Entry:
    """A new intent; with `confirm` it is paid at once."""
    given = read(raw, CREATE, needed=("amount", "currency"))
    confirm = given.get("confirm", False)
    _judge(given, confirm=confirm)
    customer = _customer(world, given)
    intent = new(world, given, customer)
    if name := given.get("payment_method"):
        _use(world, intent, find_or_make(world, name))
    elif data := given.get("payment_method_data"):
        _use(world, intent, of_data(world, data))
    world.emit("payment_intent.created", intent)
    return _confirmed(world, intent, given) if confirm else intent


def new(world: World, given: dict[str, Any], customer: str | None) -> Entry:
    """An intent without payment method."""
    automatic = _automatic(given)
    kinds = given.get("payment_method_types") or list(KINDS if automatic else KINDS[:1])
    object_id = world.record.new_id("pi")
    body = {
        "object": "payment_intent",
        "amount": given["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": given.get("capture_method", "automatic_async"),
        "client_secret": f"{object_id}_secret_{object_id[-16:]}",
        "confirmation_method": given.get("confirmation_method", "automatic"),
        "currency": given["currency"],
        "customer": customer,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": merged({}, given.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": kinds,
        "processing": None,
        "receipt_email": given.get("receipt_email"),
        "review": None,
        "setup_future_usage": given.get("setup_future_usage") or None,
        "shipping": _shipping(given.get("shipping")),
        "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": given.get("transfer_group"),
    }
    hidden = {"return_url": given.get("return_url")}
    return world.record.new("pi", body, world.now, customer=customer, hidden=hidden, object_id=object_id)


def _automatic(given: dict[str, Any]) -> dict[str, Any] | None:
    if "payment_method_types" in given:
        return None
    asked = given.get("automatic_payment_methods")
    if asked and not asked["enabled"]:
        return None
    return {"allow_redirects": (asked or {}).get("allow_redirects", "always"), "enabled": True}


def _shipping(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    shown: dict[str, Any] = dict.fromkeys(("carrier", "name", "phone", "tracking_number"))
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {**shown, **given, "address": {**address, **given.get("address", {})}}


def _judge(given: dict[str, Any], *, confirm: bool) -> None:
    """Refuse amounts out of range and what only goes with `confirm`."""
    if "amount" in given:
        judge_amount(given["amount"], given.get("currency", "usd"))
    for name in ("off_session", "error_on_requires_action", "mandate_data", "return_url"):
        if name in given and not confirm:
            raise unreadable(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent without `confirm=true`.",
                param=name,
            )


def _customer(world: World, given: dict[str, Any]) -> str | None:
    name = given.get("customer")
    return world.find("customer", name, "customer").id if name else None


def _use(world: World, intent: Entry, method: Entry) -> None:
    """Let the intent be paid with a method, which must be its customer's or nobody's."""
    if method.customer is not None and method.customer != intent.customer:
        raise invalid(
            f"The PaymentMethod {method.id} belongs to a Customer. Please include the Customer in the `customer` "
            "parameter on the PaymentIntent."
            if intent.customer is None
            else "The payment method supplied does not belong to the customer of this PaymentIntent.",
            param="payment_method",
        )
    intent.body["payment_method"] = method.id
    if intent.body["status"] in _CONFIRMABLE:
        intent.body["status"] = "requires_confirmation"
        intent.body["next_action"] = None
    world.record.put(intent)


def of_data(world: World, data: dict[str, Any]) -> Entry:
    """A new method of `payment_method_data`: of a kind, or of a token."""
    token = (data.get("card") or {}).get("token", "")
    name = token.replace("tok_", "pm_card_", 1) if data["type"] == "card" else f"pm_sandbox_{data['type']}"
    if method_of(name) is None:
        raise unreadable(
            "No card number is taken here: use one of the test tokens, such as pm_card_visa.",
            param="payment_method_data",
        )
    method = find_or_make(world, name)
    if "billing_details" in data:
        method.body["billing_details"] = merged_billing(data["billing_details"])
    return method


def _confirmed(world: World, intent: Entry, given: dict[str, Any]) -> Entry:
    method_id = intent.body["payment_method"]
    if method_id is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
        )
    intent.hidden.pop("declined", None)
    off_session = given.get("off_session") not in (None, False)
    on_action = given.get("error_on_requires_action", False)
    pay(world, intent, world.find("payment_method", method_id), off_session=off_session, error_on_action=on_action)
    if intent.hidden.get("declined"):
        raise declined_answer(intent)
    return intent


def confirm(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Pay the intent, with another method if one is named."""
    given = read(raw, CONFIRM)
    intent = world.find("payment_intent", object_id, "intent")
    if intent.body["status"] not in _CONFIRMABLE:
        raise unexpected(intent, "confirm", "requires_confirmation")
    for name in ("receipt_email", "setup_future_usage"):
        if name in given:
            intent.body[name] = given[name] or None
    if "return_url" in given:
        intent.hidden["return_url"] = given["return_url"]
    if name := given.get("payment_method"):
        _use(world, intent, find_or_make(world, name))
    elif data := given.get("payment_method_data"):
        _use(world, intent, of_data(world, data))
    world.record.put(intent)
    return _confirmed(world, intent, given)


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Change an intent that was not paid yet; metadata and description at any time."""
    given = read(raw, UPDATE)
    intent = world.find("payment_intent", object_id, "intent")
    if intent.body["status"] not in _CONFIRMABLE and without(given, ("metadata", "description", "expand")):
        raise unexpected(intent, "update", "requires_payment_method")
    if "amount" in given:
        judge_amount(given["amount"], given.get("currency", intent.body["currency"]))
    if customer := _customer(world, given):
        intent.customer = intent.body["customer"] = customer
    if "metadata" in given:
        intent.body["metadata"] = merged(intent.body["metadata"], given["metadata"])
    for name in ("amount", "currency", "description", "receipt_email", "setup_future_usage", "statement_descriptor"):
        if name in given:
            intent.body[name] = given[name] or None
    if name := given.get("payment_method"):
        _use(world, intent, find_or_make(world, name))
    world.record.put(intent)
    return intent


def cancel(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Give the intent up; a payment that waits for its capture is released."""
    given = read(raw, CANCEL)
    intent = world.find("payment_intent", object_id, "intent")
    if intent.body["status"] not in _CANCELABLE:
        raise unexpected(
            intent,
            "cancel",
            "requires_payment_method, requires_capture, requires_confirmation, requires_action, processing",
        )
    intent.body |= {
        "status": "canceled",
        "canceled_at": world.now,
        "cancellation_reason": given.get("cancellation_reason"),
        "next_action": None,
        "amount_capturable": 0,
    }
    world.record.put(intent)
    world.emit("payment_intent.canceled", intent)
    return intent


def capture(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Take the money that was reserved, or a part of it; the rest is released."""
    given = read(raw, CAPTURE)
    intent = world.find("payment_intent", object_id, "intent")
    if intent.body["status"] != "requires_capture":
        raise unexpected(intent, "capture", "requires_capture")
    amount = given.get("amount_to_capture", intent.body["amount_capturable"])
    if not 1 <= amount <= intent.body["amount_capturable"]:
        raise invalid("The amount to capture is not within what was authorized.", param="amount_to_capture")
    return captured(world, intent, amount)


def unexpected(intent: Entry, verb: str, wanted: str) -> RefusedError:
    """The intent's status does not allow what was asked."""
    error = invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent.body['status']}. Only a "
        f"PaymentIntent with one of the following statuses may be used so: {wanted}.",
        code="payment_intent_unexpected_state",
    )
    error.error = {**error.error, "payment_intent": intent.body}
    return error
