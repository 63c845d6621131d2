"""Disputes: a holder's bank takes a payment back, or only asks; evidence decides, as Stripe's test evidence does."""

from typing import Any

from adapters.gateways.sandbox.parameters import a_hash, flag, ignored, metadata, read
from adapters.gateways.sandbox.payment_methods import EXPAND, merged, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import invalid
from adapters.gateways.sandbox.world import World

_DAY_S = 86_400
_EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy"),
    *("refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation"),
    *("shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation"),
    *("shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)
_OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
_ANSWERABLE = ("needs_response", "warning_needs_response")


def open_dispute(world: World, charge: Entry) -> Entry:
    """The bank takes the payment back."""
    return _open(world, charge, inquiry=False)


def open_inquiry(world: World, charge: Entry) -> Entry:
    """The bank asks, without taking anything yet."""
    return _open(world, charge, inquiry=True)


def open_two(world: World, charge: Entry) -> None:
    """The bank takes the payment back in two disputes."""
    _open(world, charge, inquiry=False)
    _open(world, charge, inquiry=False)


def _open(world: World, charge: Entry, *, inquiry: bool) -> Entry:
    method = world.find("payment_method", charge.body["payment_method"])
    due_s = world.setting.dispute_days * _DAY_S
    kind = "inquiry" if inquiry else "chargeback"
    brand = method.body.get("card", {}).get("brand", "visa")
    body = {
        "object": "dispute",
        "amount": charge.body["amount_captured"],
        "balance_transactions": [],
        "charge": charge.id,
        "currency": charge.body["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}, **dict.fromkeys(_EVIDENCE)},
        "evidence_details": {
            "due_by": world.now + due_s,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge.body["payment_intent"],
        "payment_method_details": {
            "card": {"brand": brand, "case_type": kind, "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": token_of(method).dispute_reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    dispute = world.record.new("du", body, world.now, parent=charge.id)
    charge.body["disputed"] = True
    charge.hidden["charged_back"] = not inquiry
    world.record.put(charge)
    world.emit("charge.dispute.created", dispute)
    if not inquiry:
        world.emit("charge.dispute.funds_withdrawn", dispute)
    world.due(due_s, "dispute", dispute.id)
    return dispute


def update(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Evidence: `winning_evidence` as `uncategorized_text` wins, `losing_evidence` loses, once it is submitted."""
    given = read(raw, _UPDATE)
    dispute = world.find("dispute", object_id)
    if dispute.body["status"] not in _ANSWERABLE:
        raise invalid("This dispute is already closed or under review.", param="evidence")
    if "metadata" in given:
        dispute.body["metadata"] = merged(dispute.body["metadata"], given["metadata"])
    if evidence := given.get("evidence"):
        dispute.body["evidence"] |= {name: value or None for name, value in evidence.items()}
        dispute.body["evidence_details"]["has_evidence"] = True
    world.record.put(dispute)
    if given.get("submit", True) and evidence:
        _submit(world, dispute)
    else:
        world.emit("charge.dispute.updated", dispute)
    return dispute


def _submit(world: World, dispute: Entry) -> None:
    inquiry = dispute.body["status"].startswith("warning")
    dispute.body["status"] = "warning_under_review" if inquiry else "under_review"
    dispute.body["evidence_details"]["submission_count"] += 1
    world.emit("charge.dispute.updated", dispute)
    match dispute.body["evidence"]["uncategorized_text"]:
        case "winning_evidence":
            end(world, dispute, "warning_closed" if inquiry else "won")
        case "losing_evidence":
            end(world, dispute, "lost")
        case _:
            pass


def close(world: World, raw: dict[str, Any], object_id: str) -> Entry:
    """Accept it: the money is lost."""
    read(raw, EXPAND)
    dispute = world.find("dispute", object_id)
    if dispute.body["status"] not in _OPEN:
        raise invalid("This dispute is already closed.")
    end(world, dispute, "lost")
    return dispute


def run_out(world: World, dispute: Entry) -> None:
    """The time for evidence is over."""
    if dispute.body["status"] in _OPEN:
        dispute.body["evidence_details"]["past_due"] = True
        end(world, dispute, "warning_closed" if dispute.body["status"].startswith("warning") else "lost")


def end(world: World, dispute: Entry, status: str) -> None:
    """It is won, lost, or was only an inquiry."""
    dispute.body["status"] = status
    world.record.put(dispute)
    charge = world.find("charge", dispute.body["charge"])
    charge.hidden["charged_back"] = status == "lost"
    world.record.put(charge)
    world.emit("charge.dispute.closed", dispute)
    if status == "won":
        world.emit("charge.dispute.funds_reinstated", dispute)


_EVIDENCE_HASH = a_hash(dict.fromkeys((*_EVIDENCE, "enhanced_evidence"), ignored))
_UPDATE = {**EXPAND, "evidence": _EVIDENCE_HASH, "metadata": metadata, "submit": flag}
