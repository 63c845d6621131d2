"""What becomes of a PaymentIntent when it is confirmed: charged, declined, processing, or waiting for its payer."""

from datetime import UTC, datetime
from typing import Any

from adapters.gateways.behaviour import CHARGED, outcome, roll
from adapters.gateways.sandbox import charges
from adapters.gateways.sandbox.declines import error_of
from adapters.gateways.sandbox.payment_methods import attached, refuse_spent, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import DECLINED, RefusedError, invalid
from adapters.gateways.sandbox.tokens import REQUEST_CODES, Decline, TokenMethod
from adapters.gateways.sandbox.world import World, transaction_id

AUTHENTICATION = Decline("authentication_required")
REDIRECTING = ("paypal", "alipay", "wechat_pay")
"""Wallets whose payer confirms each payment on a page, unless the payment is off-session."""


def pay(world: World, intent: Entry, method: Entry, *, off_session: bool, error_on_action: bool) -> None:
    """Try to charge the intent; raises RefusedError for what is no decline, before anything changes.

    A decline is what `intent.hidden["declined"]` says afterwards; `declined_answer` makes the answer of it.
    """
    token = token_of(method)
    _refuse_request(token, intent)
    refuse_spent(method)
    if method.customer is None and intent.customer is None:
        method.hidden["spent"] = True
        world.record.put(method)
    if intent.body["setup_future_usage"] and intent.customer:
        attached(world, method, intent.customer)
    world.record.put(intent)
    intent.hidden["method"] = method.id
    if _needs_payer(token, method, off_session=off_session):
        if off_session or error_on_action:
            decline(world, intent, method, AUTHENTICATION, with_charge=off_session)
        else:
            wait_for_payer(world, intent, method)
        return
    settle(world, intent, method)


def settle(world: World, intent: Entry, method: Entry) -> None:
    """Charge the intent, whose payer is here or need not be."""
    token = token_of(method)
    if token.processing:
        _process(world, intent, method)
    elif declined := decided(world, token, intent):
        decline(world, intent, method, declined)
    else:
        succeed(world, intent, method, charges.record_charge(world, intent, method, None, pending=False))


def decided(world: World, token: TokenMethod, intent: Entry) -> Decline | None:
    """The decline that the token stands for; None when the money moves."""
    asked = f"{intent.id}:{intent.hidden.get('tries', 0)}".encode()
    chance = roll(world.setting.seed.to_bytes(8, "big", signed=True), asked)
    became = outcome(token.decides, datetime.fromtimestamp(world.now, UTC), chance)
    return None if became == CHARGED else token.decline


def _refuse_request(token: TokenMethod, intent: Entry) -> None:
    if token.decline and token.decline.code in REQUEST_CODES:
        raise invalid(f"The request was refused: {token.decline.code}.", code=token.decline.code)
    if token.kind not in intent.body["payment_method_types"]:
        raise invalid(
            f"The PaymentMethod provided ({token.kind}) is not allowed for this PaymentIntent. Please attach a "
            "PaymentMethod of one of the following types: "
            f"{', '.join(intent.body['payment_method_types'])}.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )


def _needs_payer(token: TokenMethod, method: Entry, *, off_session: bool) -> bool:
    if token.kind in REDIRECTING:
        return not off_session
    if token.authentication == "always":
        return True
    return token.authentication in ("unless_set_up", "on_setup") and not method.hidden.get("set_up")


def wait_for_payer(world: World, intent: Entry, method: Entry) -> None:
    """The payer has to act on a page."""
    url = f"{world.address}/authenticate/{intent.id}"
    intent.body |= {
        "status": "requires_action",
        "payment_method": method.id,
        "next_action": {
            "redirect_to_url": {"return_url": intent.hidden.get("return_url"), "url": url},
            "type": "redirect_to_url",
        },
    }
    world.record.put(intent)
    world.emit("payment_intent.requires_action", intent)


def _process(world: World, intent: Entry, method: Entry) -> None:
    charge = charges.record_charge(world, intent, method, None, pending=True)
    intent.body |= {
        "status": "processing",
        "payment_method": method.id,
        "latest_charge": charge.id,
        "next_action": None,
        "last_payment_error": None,
    }
    world.record.put(intent)
    world.emit("payment_intent.processing", intent)
    world.due(world.setting.processing_s, "payment_intent", intent.id)


def finish_processing(world: World, intent: Entry) -> None:
    """The outcome of a payment that was processing."""
    method = world.find("payment_method", intent.hidden["method"])
    charge = world.find("charge", intent.body["latest_charge"])
    if declined := decided(world, token_of(method), intent):
        charges.fail(world, charge, declined, method)
        _declined(world, intent, method, declined, charge)
    else:
        charges.succeed(world, charge)
        succeed(world, intent, method, charge)


def succeed(world: World, intent: Entry, method: Entry, charge: Entry) -> None:
    """The money moved, or is reserved for a later capture."""
    amount, manual = intent.body["amount"], intent.body["capture_method"] == "manual"
    intent.body |= {
        "status": "requires_capture" if manual else "succeeded",
        "amount_received": 0 if manual else amount,
        "amount_capturable": amount if manual else 0,
        "payment_method": method.id,
        "latest_charge": charge.id,
        "next_action": None,
        "last_payment_error": None,
    }
    world.record.put(intent)
    world.emit("payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent)
    if intent.body["setup_future_usage"]:
        method.hidden["set_up"] = True
        world.record.put(method)
    after = token_of(method).after
    if after in ("dispute", "inquiry", "two_disputes") and not manual:
        world.due(0, f"open {after}", charge.id)


def captured(world: World, intent: Entry, amount: int) -> Entry:
    """The intent after a part of what was reserved was taken, and the rest released."""
    charge = world.find("charge", intent.body["latest_charge"])
    charge.body |= {"captured": True, "amount_captured": amount, "balance_transaction": transaction_id(charge)}
    world.record.put(charge)
    world.emit("charge.captured", charge)
    intent.body |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    world.record.put(intent)
    world.emit("payment_intent.succeeded", intent)
    return intent


def decline(world: World, intent: Entry, method: Entry, declined: Decline, *, with_charge: bool = True) -> None:
    """The money did not move; another method may be tried."""
    charge = charges.record_charge(world, intent, method, declined, pending=False) if with_charge else None
    _declined(world, intent, method, declined, charge)


def _declined(world: World, intent: Entry, method: Entry, declined: Decline, charge: Entry | None) -> None:
    error = error_of(declined, charge=charge.id if charge else None, method=method.body)
    intent.hidden["tries"] = intent.hidden.get("tries", 0) + 1
    intent.hidden["declined"] = True
    intent.body |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error,
        "latest_charge": charge.id if charge else intent.body["latest_charge"],
    }
    world.record.put(intent)
    world.emit("payment_intent.payment_failed", intent)


def declined_answer(intent: Entry) -> RefusedError:
    """The answer (402) to the request that was declined."""
    error: dict[str, Any] = {**intent.body["last_payment_error"], "payment_intent": intent.body}
    return RefusedError(DECLINED, error, happened=True)
