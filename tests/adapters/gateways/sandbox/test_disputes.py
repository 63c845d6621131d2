"""Disputes: opened by the bank, won or lost by evidence, accepted, or run out."""

import pytest


def disputed(api, token="pm_card_createDispute"):
    api.control("clock", {"now": 1_800_000_000})
    intent = api.charge(token).body
    return intent, api.found("disputes", {"payment_intent": intent["id"]})["data"]


def test_a_dispute_takes_the_payment_back(api):
    intent, (dispute,) = disputed(api)
    assert (dispute["status"], dispute["amount"], dispute["reason"]) == ("needs_response", 1000, "fraudulent")
    assert api.found(f"charges/{dispute['charge']}")["disputed"]
    refund = api.post("refunds", {"payment_intent": intent["id"]})
    assert (refund.status, refund.error["code"]) == (400, "charge_disputed")


@pytest.mark.parametrize(("evidence", "ends"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_evidence_decides(api, evidence, ends):
    intent, (dispute,) = disputed(api, "pm_card_createDisputeProductNotReceived")
    assert dispute["reason"] == "product_not_received"
    ended = api.made(f"disputes/{dispute['id']}", {"evidence": {"uncategorized_text": evidence}, "submit": "true"})
    assert (ended["status"], ended["evidence_details"]["submission_count"]) == (ends, 1)
    assert api.post("refunds", {"payment_intent": intent["id"]}).status == (200 if ends == "won" else 400)
    kinds = [one["type"] for one in api.found("events", {"type": "charge.dispute.*"})["data"]]
    assert ("charge.dispute.funds_reinstated" in kinds) == (ends == "won")
    assert kinds[-2:] == ["charge.dispute.funds_withdrawn", "charge.dispute.created"]


def test_evidence_that_is_not_submitted_decides_nothing(api):
    _, (dispute,) = disputed(api)
    path = f"disputes/{dispute['id']}"
    kept = api.made(path, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": "false"})
    assert (kept["status"], kept["evidence_details"]["has_evidence"]) == ("needs_response", True)
    assert api.made(path, {"evidence": {"customer_name": "Jenny"}, "submit": "true"})["status"] == "won"


def test_a_dispute_is_accepted(api):
    _, (dispute,) = disputed(api)
    assert api.made(f"disputes/{dispute['id']}/close")["status"] == "lost"
    assert api.post(f"disputes/{dispute['id']}/close").status == 400
    assert api.post(f"disputes/{dispute['id']}", {"evidence": {"customer_name": "x"}}).status == 400


def test_a_dispute_that_nobody_answers_is_lost(api):
    _, (dispute,) = disputed(api)
    api.control("clock", {"forward_s": 7 * 86_400})
    now = api.found(f"disputes/{dispute['id']}")
    assert (now["status"], now["evidence_details"]["past_due"]) == ("lost", True)


def test_an_inquiry_takes_nothing(api):
    intent, (dispute,) = disputed(api, "pm_card_createDisputeInquiry")
    assert (dispute["status"], dispute["is_charge_refundable"]) == ("warning_needs_response", True)
    assert api.made("refunds", {"payment_intent": intent["id"]})["status"] == "succeeded"
    api.control("clock", {"forward_s": 7 * 86_400})
    assert api.found(f"disputes/{dispute['id']}")["status"] == "warning_closed"


def test_a_charge_can_have_two_disputes(api):
    _, found = disputed(api, "pm_card_createMultipleDisputes")
    assert len(found) == 2


def test_a_dispute_is_opened_by_hand(api):
    intent = api.charge("pm_card_visa").body
    dispute = api.control(f"charges/{intent['latest_charge']}/dispute", {})
    assert api.found(f"disputes/{dispute['id']}", {"expand": ["charge"]})["charge"]["disputed"]
