"""Refunds: money that goes back, at once or later, or that comes back because the bank would not take it."""

from typing import Any

from adapters.gateways.sandbox.parameters import flag, ignored, integer, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_methods import EXPAND, merged, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import invalid, unreadable
from adapters.gateways.sandbox.world import World, transaction_id


def create(world: World, raw: dict[str, Any]) -> Entry:
    """Of a charge, named itself or by its PaymentIntent; the whole of what is left unless an amount is given."""
    given = read(raw, _CREATE)
    charge = _charge(world, given)
    left = charge.body["amount_captured"] - charge.body["amount_refunded"]
    if charge.body["status"] != "succeeded" or not charge.body["captured"]:
        raise invalid(f"Charge {charge.id} cannot be refunded.", code="charge_not_refundable")
    if charge.hidden.get("charged_back"):
        raise invalid(f"Charge {charge.id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if not left:
        raise invalid(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = given.get("amount", left)
    if not 1 <= amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            if amount > left
            else "Invalid positive integer",
            param="amount",
        )
    return _refund(world, charge, given, amount)


def _charge(world: World, given: dict[str, Any]) -> Entry:
    if "charge" in given:
        return world.find("charge", given["charge"], "charge")
    if "payment_intent" not in given:
        raise unreadable("One of the following params should be provided for this request: payment_intent or charge.")
    intent = world.find("payment_intent", given["payment_intent"], "payment_intent")
    if intent.body["status"] != "succeeded":
        raise invalid(f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.")
    return world.find("charge", intent.body["latest_charge"], "charge")


def _refund(world: World, charge: Entry, given: dict[str, Any], amount: int) -> Entry:
    method = world.find("payment_method", charge.body["payment_method"])
    token = token_of(method)
    pending = token.after == "pending_refund"
    body: dict[str, Any] = {
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge.id,
        "currency": charge.body["currency"],
        "metadata": merged({}, given.get("metadata", {})),
        "payment_intent": charge.body["payment_intent"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    }
    if token.kind == "card":
        body["destination_details"] = {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        }
    elif token.kind in ("alipay", "wechat_pay", "paypal"):
        body["destination_details"] = {token.kind: {}, "type": token.kind}
    if pending:
        body["pending_reason"] = "processing"
    refund = world.record.new("re", body, world.now, parent=charge.id)
    if not pending:
        refund.body["balance_transaction"] = transaction_id(refund)
    _give_back(world, charge, amount)
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    if pending or token.after == "failed_refund":
        world.due(world.setting.processing_s, "refund", refund.id)
    return refund


def _give_back(world: World, charge: Entry, amount: int) -> None:
    charge.body["amount_refunded"] += amount
    charge.body["refunded"] = charge.body["amount_refunded"] == charge.body["amount_captured"]
    world.record.put(charge)


def finish(world: World, refund: Entry) -> None:
    """What became of a refund that was pending, or that the bank sends back."""
    charge = world.find("charge", refund.body["charge"])
    if refund.body["status"] == "pending":
        refund.body |= {"status": "succeeded", "balance_transaction": transaction_id(refund)}
        refund.body.pop("pending_reason", None)
    elif refund.body["status"] == "succeeded":
        refund.body |= {
            "status": "failed",
            "failure_balance_transaction": world.record.new_id("txn"),
            "failure_reason": "unknown",
        }
        _give_back(world, charge, -refund.body["amount"])
    else:
        return
    world.record.put(refund)
    world.emit("refund.updated", refund)
    world.emit("charge.refund.updated", refund)
    if refund.body["status"] == "failed":
        world.emit("refund.failed", refund)


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Its metadata."""
    given = read(raw, {**EXPAND, "metadata": metadata})
    refund = world.find("refund", object_id)
    if "metadata" in given:
        refund.body["metadata"] = merged(refund.body["metadata"], given["metadata"])
    world.record.put(refund)
    world.emit("refund.updated", refund)
    return refund


def cancel(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Of one that is pending; the money stays."""
    read(raw, EXPAND)
    refund = world.find("refund", object_id)
    if refund.body["status"] not in ("pending", "requires_action"):
        raise invalid(f"This refund has a status of {refund.body['status']}; only a pending refund can be canceled.")
    refund.body["status"] = "canceled"
    refund.body.pop("pending_reason", None)
    world.record.put(refund)
    _give_back(world, world.find("charge", refund.body["charge"]), -refund.body["amount"])
    world.emit("refund.updated", refund)
    return refund


_CREATE = {
    **EXPAND,
    "amount": integer,
    "charge": text,
    "payment_intent": text,
    "metadata": metadata,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    "refund_application_fee": flag,
    "reverse_transfer": flag,
    **dict.fromkeys(("currency", "customer", "instructions_email", "origin"), ignored),
}
