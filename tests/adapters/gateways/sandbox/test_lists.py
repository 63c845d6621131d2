"""Lists: newest first, by time, customer and cursor; and the events of all that happened."""

import pytest

from tests.adapters.gateways.sandbox.api import payment


def ids(page):
    return [one["id"] for one in page["data"]]


def charged(api, count):
    """A customer's intents, oldest first, one a minute."""
    method, customer = api.method("pm_card_visa")
    made = []
    for number in range(count):
        api.control("clock", {"now": 1_800_000_000 + 60 * number})
        made.append(api.made("payment_intents", payment(method, customer))["id"])
    return customer, made


def test_the_newest_comes_first_page_by_page_in_both_directions(api):
    customer, made = charged(api, 5)
    newest = made[::-1]
    first = api.found("payment_intents", {"customer": customer, "limit": 2})
    assert (ids(first), first["has_more"], first["url"]) == (newest[:2], True, "/v1/payment_intents")
    second = api.found("payment_intents", {"customer": customer, "limit": 3, "starting_after": newest[1]})
    assert (ids(second), second["has_more"]) == (newest[2:], False)
    before = api.found("payment_intents", {"limit": 2, "ending_before": newest[3]})
    assert (ids(before), before["has_more"]) == (newest[1:3], True)


def test_a_list_is_narrowed_by_time(api):
    _, made = charged(api, 4)
    times = [1_800_000_000 + 60 * number for number in range(4)]
    for created, wanted in (
        ({"gte": times[1]}, made[1:]),
        ({"gt": times[1]}, made[2:]),
        ({"lt": times[1]}, made[:1]),
        ({"gte": times[1], "lte": times[2]}, made[1:3]),
        (times[2], made[2:3]),
    ):
        assert ids(api.found("payment_intents", {"created": created})) == wanted[::-1]


def test_a_list_of_one_customer_shows_no_others(api):
    customer, made = charged(api, 1)
    _, others = charged(api, 1)
    assert ids(api.found("payment_intents", {"customer": customer})) == made
    assert ids(api.found("charges", {"payment_intent": others[0]})) != ids(api.found("charges", {"customer": customer}))


def test_what_is_expanded_is_whole_in_each_row(api):
    customer, _ = charged(api, 2)
    page = api.found("payment_intents", {"customer": customer, "expand": ["data.latest_charge", "data.payment_method"]})
    assert [one["latest_charge"]["status"] for one in page["data"]] == ["succeeded", "succeeded"]
    assert page["data"][0]["payment_method"]["card"]["last4"] == "4242"


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"colour": "red"},
        {"created": {"eq": 1}},
        {"expand": ["latest_charge"]},
    ],
)
def test_a_list_that_cannot_be_is_refused(api, query):
    assert api.get("payment_intents", query).status == 400


def test_cursors_are_of_the_same_kind_and_one_at_a_time(api):
    _, (intent,) = charged(api, 1)
    assert api.get("charges", {"starting_after": intent}).status == 400
    assert api.get("payment_intents", {"starting_after": intent, "ending_before": intent}).status == 400


def test_events_tell_what_happened_with_the_object_as_it_was(api):
    customer, (intent,) = charged(api, 1)
    refund = api.made("refunds", {"payment_intent": intent})
    events = api.found("events", {"limit": 100})["data"]
    assert [one["type"] for one in events][::-1] == [
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    by_kind = {one["type"]: one["data"]["object"] for one in events}
    assert by_kind["charge.succeeded"]["refunded"] is False
    assert by_kind["charge.refunded"]["refunded"] is True
    assert by_kind["refund.created"]["id"] == refund["id"]
    assert by_kind["customer.created"]["id"] == customer
    assert events[0] == api.found(f"events/{events[0]['id']}")
    assert ids(api.found("events", {"type": "payment_intent.*"})) == [events[2]["id"], events[4]["id"]]


def test_the_balance_shows_what_came_and_went(api):
    _, (intent,) = charged(api, 1)
    charge = api.found(f"payment_intents/{intent}", {"expand": ["latest_charge.balance_transaction"]})["latest_charge"]
    refund = api.made("refunds", {"payment_intent": intent, "amount": 300})
    assert (charge["balance_transaction"]["net"], charge["balance_transaction"]["source"]) == (1000, charge["id"])
    page = api.found("balance_transactions", {"currency": "usd"})
    assert [(one["type"], one["net"]) for one in page["data"]] == [("refund", -300), ("charge", 1000)]
    (back,) = api.found("balance_transactions", {"source": refund["id"]})["data"]
    assert back == api.found(f"balance_transactions/{refund['balance_transaction']}")
    after = api.found("balance_transactions", {"starting_after": back["id"]})
    assert ids(after) == [charge["balance_transaction"]["id"]]
    assert api.get("balance_transactions/txn_none").status == 404
