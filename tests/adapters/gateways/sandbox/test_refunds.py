"""Refunds: in parts, pending, failing late, canceled."""

import pytest


def test_a_charge_is_refunded_in_parts_until_nothing_is_left(api):
    intent = api.charge("pm_card_visa", 1000).body
    first = api.made("refunds", {"payment_intent": intent["id"], "amount": 300, "metadata": {"refund_id": "r1"}})
    assert (first["status"], first["amount"], first["metadata"]) == ("succeeded", 300, {"refund_id": "r1"})
    charge = api.found(f"charges/{intent['latest_charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (300, False)
    rest = api.made("refunds", {"charge": charge["id"], "reason": "requested_by_customer"})
    assert rest["amount"] == 700
    charge = api.found(f"charges/{charge['id']}", {"expand": ["refunds"]})
    assert charge["refunded"]
    assert [one["id"] for one in charge["refunds"]["data"]] == [rest["id"], first["id"]]
    again = api.post("refunds", {"charge": charge["id"]})
    assert (again.status, again.error["code"]) == (400, "charge_already_refunded")
    assert [one["id"] for one in api.found("refunds", {"payment_intent": intent["id"]})["data"]] == [
        rest["id"],
        first["id"],
    ]


def test_no_more_than_was_charged_is_refunded(api):
    intent = api.charge("pm_card_visa", 1000).body
    answer = api.post("refunds", {"payment_intent": intent["id"], "amount": 1001})
    assert (answer.status, answer.error["param"]) == (400, "amount")


def test_what_was_not_charged_is_not_refunded(api):
    declined = api.charge("pm_sandbox_do_not_honor").error
    assert api.post("refunds", {"charge": declined["charge"]}).error["code"] == "charge_not_refundable"
    assert api.post("refunds", {"payment_intent": declined["payment_intent"]["id"]}).status == 400
    assert api.post("refunds", {}).status == 400
    assert api.post("refunds", {"charge": "ch_none"}).error["code"] == "resource_missing"


def test_a_pending_refund_succeeds_when_its_time_has_come(api):
    api.control("clock", {"now": 1_800_000_000})
    intent = api.charge("pm_card_pendingRefund").body
    refund = api.made("refunds", {"payment_intent": intent["id"]})
    assert (refund["status"], refund["pending_reason"]) == ("pending", "processing")
    api.control("clock", {"forward_s": 3600})
    assert api.found(f"refunds/{refund['id']}")["status"] == "succeeded"


def test_a_pending_refund_can_be_canceled(api):
    intent = api.charge("pm_card_pendingRefund").body
    refund = api.made("refunds", {"payment_intent": intent["id"]})
    assert api.made(f"refunds/{refund['id']}/cancel")["status"] == "canceled"
    assert api.found(f"charges/{intent['latest_charge']}")["amount_refunded"] == 0
    assert api.post(f"refunds/{refund['id']}/cancel").status == 400


def test_a_refund_fails_after_it_succeeded(api):
    api.control("clock", {"now": 1_800_000_000})
    intent = api.charge("pm_card_refundFail").body
    refund = api.made("refunds", {"payment_intent": intent["id"]})
    assert refund["status"] == "succeeded"
    api.control("clock", {"forward_s": 3600})
    failed = api.found(f"refunds/{refund['id']}")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "unknown")
    assert not api.found(f"charges/{intent['latest_charge']}")["refunded"]
    kinds = {one["type"] for one in api.found("events", {"types": ["refund.failed", "refund.updated"]})["data"]}
    assert kinds == {"refund.failed", "refund.updated"}


@pytest.mark.parametrize("kind", ["paypal", "link"])
def test_a_wallets_payment_is_refunded(api, kind):
    intent = api.charge(f"pm_sandbox_{kind}", payment_method_types=[kind]).body
    assert api.made("refunds", {"payment_intent": intent["id"]})["status"] == "succeeded"


def test_its_metadata_is_changed(api):
    refund = api.made("refunds", {"payment_intent": api.charge("pm_card_visa").body["id"]})
    assert api.made(f"refunds/{refund['id']}", {"metadata": {"a": "b"}})["metadata"] == {"a": "b"}
    assert api.made(f"refunds/{refund['id']}")["metadata"] == {"a": "b"}
