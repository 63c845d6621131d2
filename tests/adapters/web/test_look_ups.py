"""What notifications lead to: the state at the provider is fetched and recorded once, whatever comes first."""

import pytest
from msgspec import json

from engine.ports import Unclear
from tests.adapters.cards import FAR, RENEWED, card_id_of
from tests.adapters.gateways.stripe.asking import get, post


def names(served, card_id):
    return served.cards.names(card_id)[3:]


def settled(served):
    rows = served.inbox()
    return bool(rows) and all(is_settled for _, is_settled in rows)


def test_a_charge_whose_answer_was_lost_is_known_from_the_notification(served, eventually):
    card_id, question = served.charging(1)
    served.send(question)
    eventually(lambda: names(served, card_id) == RENEWED)
    eventually(lambda: settled(served))


def test_answer_and_notification_end_in_one_fact_whichever_comes_first(served, eventually):
    first, question = served.charging(1)
    answer = served.send(question)
    eventually(lambda: names(served, first) == RENEWED)
    served.record(question, answer)
    assert names(served, first) == RENEWED
    second, question = served.charging(2)
    served.record(question, served.send(question))
    eventually(lambda: settled(served))
    assert names(served, second) == RENEWED


def test_a_decline_is_known_from_the_notification_and_nothing_is_charged_by_it(served, eventually):
    card_id, question = served.charging(1, token="pm_sandbox_expired_card")
    served.send(question)
    eventually(lambda: "charge_failed" in names(served, card_id))
    eventually(lambda: settled(served))
    assert names(served, card_id).count("charge_attempted") == 1


def test_a_charge_that_is_processing_is_pending_until_its_notification(served, eventually):
    card_id, question = served.charging(1, token="pm_sandbox_processing")
    answer = served.send(question)
    served.record(question, answer)
    assert names(served, card_id)[-1] == "charge_pending"
    post(served.sandbox, f"/_sandbox/settle/{answer.gateway_ref}")
    eventually(lambda: names(served, card_id)[-2:] == ["charge_succeeded", "card_renewed"])


def test_an_unknown_outcome_is_known_at_once_when_its_notification_comes_late(served, eventually):
    card_id, question = served.charging(1)
    served.record(question, Unclear(reason="timeout"))
    served.send(question)
    eventually(lambda: names(served, card_id)[-2:] == ["charge_succeeded", "card_renewed"])


@pytest.mark.parametrize(
    ("outcome", "facts"), [("lost", ["dispute_recorded"]), ("won", ["dispute_recorded", "dispute_won"])]
)
def test_a_dispute_is_recorded_with_the_banks_amount_and_its_end(served, eventually, outcome, facts):
    card_id, question = served.charging(1, token="pm_card_createDispute")
    served.record(question, served.send(question))
    eventually(lambda: "dispute_recorded" in names(served, card_id))
    [dispute] = _listed(served, "/v1/disputes")
    if outcome == "won":
        evidence = {"evidence[uncategorized_text]": "winning_evidence", "submit": "true"}
        post(served.sandbox, f"/v1/disputes/{dispute['id']}", **evidence)
    else:
        post(served.sandbox, f"/v1/disputes/{dispute['id']}/close")
    eventually(lambda: [name for name in names(served, card_id) if name.startswith("dispute")] == facts)


def test_a_refund_that_came_back_is_a_case_for_a_person(served, eventually):
    card_id, question = served.charging(1, token="pm_card_refundFail")
    served.record(question, served.send(question))
    refunded = served.refund(card_id, question.request.attempt_id)
    assert names(served, card_id)[-1] == "refund_succeeded"
    post(served.sandbox, f"/_sandbox/settle/{refunded.gateway_ref}")
    eventually(lambda: names(served, card_id)[-1] == "refund_returned")


def test_a_refund_that_is_pending_is_known_when_it_has_arrived(served, eventually):
    card_id, question = served.charging(1, token="pm_card_pendingRefund")
    served.record(question, served.send(question))
    accepted = served.refund(card_id, question.request.attempt_id)
    assert names(served, card_id)[-1] == "refund_pending"
    post(served.sandbox, f"/_sandbox/settle/{accepted.gateway_ref}")
    eventually(lambda: names(served, card_id)[-1] == "refund_succeeded")


def test_new_details_of_a_payment_card_reach_every_card_that_has_it(served, eventually):
    card_id, question = served.charging(1, holder="holder-1")
    served.cards.project()
    method = question.request.token.split("/")[1]
    post(served.sandbox, f"/_sandbox/payment_methods/{method}/update")
    eventually(lambda: "payment_method_updated" in names(served, card_id))


def test_a_charge_that_cannot_be_looked_up_keeps_no_other_waiting(served, eventually):
    [strange] = served.cards.register(2, token="sim:good:2")
    served.cards.now = FAR
    [unreadable] = served.cards.engine.wake({strange: "due"}, *served.cards.rules()).questions
    card_id, question = served.charging(1)
    about = {"attempt": str(unreadable.request.attempt_id), "card": str(strange)}
    subject = {"id": "pi_x", "object": "payment_intent", "metadata": about}
    event = {"id": "evt_x", "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1}
    assert served.notify(json.encode({**event, "data": {"object": subject}})) == 200
    served.send(question)
    eventually(lambda: names(served, card_id) == RENEWED)
    assert ("evt_x", False) in served.inbox()


def test_a_hint_about_nothing_of_ours_is_settled(served, eventually):
    post(served.sandbox, "/v1/customers")
    paid = {"amount": 500, "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    post(served.sandbox, "/v1/payment_intents", **paid, **{"payment_method_types[]": "card"})
    eventually(lambda: settled(served))
    assert served.cards.names(card_id_of(1)) == []


def _listed(served, path):
    return get(served.sandbox, path)["data"]
