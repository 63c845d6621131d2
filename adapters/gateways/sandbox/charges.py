"""Charges: one for each try of a PaymentIntent, with what became of it."""

from typing import Any

from adapters.gateways.sandbox.declines import message_of, outcome_of
from adapters.gateways.sandbox.parameters import a_hash, ignored, may_be_unset, metadata, one_of, read, text
from adapters.gateways.sandbox.payment_methods import EXPAND, merged, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.tokens import Decline
from adapters.gateways.sandbox.world import World, transaction_id

_LEFT_OUT_OF_DETAILS = {"display_brand", "networks", "generated_from", "three_d_secure_usage"}
_NO_TRANSACTION = {"alipay": {"fingerprint": None, "transaction_id": None}, "link": {"country": "US"}}


def record_charge(world: World, intent: Entry, method: Entry, decline: Decline | None, *, pending: bool) -> Entry:
    """A charge of the intent's amount that succeeded, is pending, or was declined."""
    token = token_of(method)
    status = "pending" if pending else "failed" if decline else "succeeded"
    amount, wanted = intent.body["amount"], intent.body
    captured = status != "failed" and wanted["capture_method"] != "manual"
    body = {
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured and status == "succeeded" else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method.body["billing_details"],
        "calculated_statement_descriptor": "BAOHAO SANDBOX",
        "captured": captured,
        "currency": wanted["currency"],
        "customer": wanted["customer"],
        "description": wanted["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline.error_code if decline else None,
        "failure_message": message_of(decline) if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": wanted["metadata"],
        "on_behalf_of": None,
        "outcome": outcome_of(decline, token),
        "paid": status == "succeeded",
        "payment_intent": intent.id,
        "payment_method": method.id,
        "payment_method_details": _details(method.body, intent.body["amount"]),
        "radar_options": {},
        "receipt_email": wanted["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": wanted["shipping"],
        "source_transfer": None,
        "statement_descriptor": wanted["statement_descriptor"],
        "statement_descriptor_suffix": wanted["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }
    prefix = "ch" if token.kind in ("card", "link") else "py"
    charge = world.record.new(prefix, body, world.now, customer=wanted["customer"], parent=intent.id)
    if status == "succeeded":
        succeed(world, charge)
    elif status == "failed":
        world.emit("charge.failed", charge)
    else:
        world.emit("charge.pending", charge)
    return charge


def succeed(world: World, charge: Entry) -> None:
    """The money moved."""
    charge.body |= {"status": "succeeded", "paid": True}
    if charge.body["captured"]:
        charge.body["amount_captured"] = charge.body["amount"]
        charge.body["balance_transaction"] = transaction_id(charge)
        charge.body["receipt_url"] = f"{world.address}/receipts/{charge.id}"
    world.record.put(charge)
    world.emit("charge.succeeded", charge)


def fail(world: World, charge: Entry, decline: Decline, method: Entry) -> None:
    """A pending charge was declined after all."""
    charge.body |= {
        "status": "failed",
        "captured": False,
        "failure_code": decline.error_code,
        "failure_message": message_of(decline),
        "outcome": outcome_of(decline, token_of(method)),
    }
    world.record.put(charge)
    world.emit("charge.failed", charge)


def _details(method: dict[str, Any], amount: int) -> dict[str, Any]:
    kind = method["type"]
    if kind == "card":
        shown = {name: value for name, value in method["card"].items() if name not in _LEFT_OUT_OF_DETAILS}
        shown |= {
            "amount_authorized": amount,
            "authorization_code": None,
            "installments": None,
            "mandate": None,
            "network": method["card"]["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "three_d_secure": None,
        }
        return {"card": shown, "type": "card"}
    if kind == "paypal":
        shown = {**method["paypal"], "payer_name": None, "seller_protection": None, "transaction_id": None}
        return {"paypal": shown, "type": "paypal"}
    if kind == "sepa_debit":
        shown = {name: value for name, value in method["sepa_debit"].items() if name != "generated_from"}
        return {"sepa_debit": {**shown, "mandate": None}, "type": kind}
    if kind == "wechat_pay":
        return {"wechat_pay": {"fingerprint": None, "transaction_id": None}, "type": kind}
    return {kind: _NO_TRANSACTION.get(kind, {}), "type": kind}


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Description, receipt address and metadata."""
    given = read(raw, _UPDATE)
    charge = world.find("charge", object_id, "charge")
    for name in ("description", "receipt_email"):
        if name in given:
            charge.body[name] = given[name] or None
    if "metadata" in given:
        charge.body["metadata"] = merged(charge.body["metadata"], given["metadata"])
    world.record.put(charge)
    world.emit("charge.updated", charge)
    return charge


_UPDATE = {
    **EXPAND,
    "customer": text,
    "description": may_be_unset(text),
    "fraud_details": a_hash({"user_report": one_of("", "fraudulent", "safe")}),
    "metadata": metadata,
    "receipt_email": may_be_unset(text),
    "shipping": ignored,
    "transfer_group": text,
}
