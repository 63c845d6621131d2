"""Reconciling: what differs between a provider and the log, what of it is recorded, and what is left for a person."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from adapters.charged import books_since
from adapters.gateways.sandbox.running import running
from adapters.reconciling import NotListedError, compare, differences, span_of
from engine.money import Money
from engine.ports import ChargeRequest, Declined, ListChargesRequest, Unclear
from tests.adapters.cards import BEGIN, FAR, PRICE
from tests.adapters.gateways.stripe.asking import post
from tests.adapters.reconciling.conftest import BUDGET, NOW, SPAN, on_clock_of_the_cards, post_json


def test_where_provider_and_log_agree_nothing_differs(provider):
    first = provider.charged()
    provider.charged()
    provider.refunded(first)
    compared = provider.compared()
    assert (compared.at_provider, compared.in_log, compared.open, compared.differences) == (2, 2, (), ())
    assert provider.applied() == (0, [])


def test_a_charge_that_answers_no_attempt_is_left_to_a_person(provider):
    request = provider.charged()
    strange = replace(request, attempt_id=UUID(int=7))
    provider.run(provider.gateway.charge(strange, FAR))
    [found] = provider.compared().differences
    assert (found.kind, found.attempt_id, found.provider_minor) == ("charge_unknown", strange.attempt_id, PRICE)
    assert provider.applied() == (0, ["charge_unknown"])


def test_a_charge_of_a_card_that_the_log_does_not_have_is_found(provider):
    request = ChargeRequest(
        attempt_id=UUID(int=8),
        card_id=UUID(int=9),
        purpose="renewal:2",
        token=provider.token(None),
        amount=Money(minor=990, currency="EUR"),
        attempted_at=FAR,
    )
    provider.run(provider.gateway.charge(request, FAR))
    assert provider.kinds() == ["charge_unknown"]


def test_a_second_charge_for_one_attempt_is_found_until_it_is_refunded(sandbox, address):
    request = sandbox.charged()
    customer, method = request.token.split("/")
    names = {"attempt": request.attempt_id, "card": request.card_id, "purpose": request.purpose}
    metadata = {f"metadata[{name}]": value for name, value in names.items()}
    about = {"amount": PRICE, "currency": "eur", "customer": customer, "payment_method": method}
    flags = {"confirm": "true", "off_session": "true", "payment_method_types[]": "card"}
    second = post(address, "/v1/payment_intents", **about, **flags, **metadata)["id"]
    [found] = sandbox.compared().differences
    assert (found.kind, found.gateway_ref) == ("charge_unknown", second)
    post(address, "/v1/refunds", payment_intent=second)
    assert sandbox.kinds() == []


def test_a_charge_that_the_log_says_was_declined_is_looked_up_and_recorded(provider):
    request = provider.charged(answer=Declined(code="generic_decline"))
    [found] = provider.compared().differences
    assert (found.kind, found.provider_minor, found.log_minor) == ("charge_unrecorded", PRICE, None)
    facts, left = provider.applied()
    assert (facts > 0, left) == (True, [])
    assert "charge_succeeded" in provider.cards.names(request.card_id)


def test_a_charge_that_went_back_wholly_is_as_if_it_had_never_been(sandbox, address):
    request = sandbox.charged(answer=Declined(code="generic_decline"))
    post(address, "/v1/refunds", payment_intent=sandbox.ref(request))
    assert sandbox.kinds() == []


def test_an_open_attempt_is_no_difference_and_is_looked_up_as_well(provider):
    request = provider.charged(answer=Unclear(reason="timeout"))
    compared = provider.compared()
    assert (compared.open, compared.differences) == (((request.card_id, request.attempt_id),), ())
    assert provider.applied()[1] == []
    assert provider.cards.names(request.card_id)[-2:] == ["charge_succeeded", "card_renewed"]
    assert provider.compared().open == ()


def test_a_charge_that_the_provider_does_not_have_is_left_to_a_person(sandbox, stripe):
    request = sandbox.charged()
    with running() as empty:
        on_clock_of_the_cards(empty)
        sandbox.listing = lambda: stripe(empty)
        [found] = sandbox.compared().differences
        assert (found.kind, found.attempt_id, found.log_minor) == ("charge_missing", request.attempt_id, PRICE)
        assert sandbox.applied() == (0, ["charge_missing"])


def test_another_amount_is_found(sandbox):
    sandbox.charged()
    found = sandbox.run(sandbox.listing().list_charges(ListChargesRequest(since=BEGIN), NOW)).charges
    more = [one.model_copy(update={"amount": Money(minor=PRICE + 1, currency="EUR")}) for one in found]
    compared = differences(more, books_since(sandbox.cards.connection, BEGIN), (), SPAN)
    assert [(one.kind, one.provider_minor, one.log_minor) for one in compared.differences] == [
        ("amount_differs", PRICE + 1, PRICE)
    ]


def test_a_refund_that_was_made_on_the_provider_s_pages_is_recorded(sandbox, address):
    request = sandbox.charged()
    for minor in (100, 50):
        post(address, "/v1/refunds", payment_intent=sandbox.ref(request), amount=minor)
        [found] = sandbox.compared().differences
        assert (found.kind, found.provider_minor - found.log_minor) == ("refund_unrecorded", minor)
        assert sandbox.applied() == (1, [])
    assert sandbox.cards.names(request.card_id)[-2:] == ["refund_recorded", "refund_recorded"]
    assert sandbox.cards.log()[-1].fact.amount.minor == 50


def test_a_refund_that_came_back_is_looked_up_and_recorded(sandbox, address):
    request = sandbox.charged("pm_card_refundFail")
    refund = sandbox.refunded(request)
    assert sandbox.kinds() == []
    post_json(f"{address}/_sandbox/settle/{refund.gateway_ref}", {})
    [found] = sandbox.compared().differences
    assert (found.kind, found.provider_minor, found.log_minor) == ("refund_missing", 0, PRICE)
    facts, left = sandbox.applied()
    assert (facts > 0, left) == (True, [])
    assert "refund_returned" in sandbox.cards.names(request.card_id)


def test_a_refund_under_way_is_no_difference(sandbox):
    request = sandbox.charged("pm_card_pendingRefund")
    sandbox.refunded(request)
    assert sandbox.kinds() == []


def test_what_is_younger_than_its_own_answer_is_left_out(sandbox):
    sandbox.charged(answer=Declined(code="generic_decline"))
    young = span_of(BEGIN, FAR + timedelta(minutes=1), BUDGET)
    compared = sandbox.run(compare(sandbox.use, sandbox.gateway, young))
    assert (compared.at_provider, compared.differences) == (0, ())


def test_a_provider_that_does_not_answer_differs_in_nothing(sandbox, stripe):
    with pytest.raises(NotListedError, match="does not list its charges"):
        sandbox.compared(stripe("http://127.0.0.1:9"))
