"""The fold in unusual cases: facts that fold to no card, and the method that a late success belongs to."""

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened
from engine.card.consent import PriceChangeAnnounced
from engine.card.evolve import replay
from engine.errors import CorruptHistoryError
from engine.money import Money
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    REGISTERED_AT,
    VISA,
    attempt_id,
    attempted,
    bound,
    enabled,
    failed,
    registered,
    started,
    succeeded,
    switched_off,
    unknown,
)

ANNOUNCED = PriceChangeAnnounced(
    months=1,
    price=MONTH_PRICE,
    saving=Money(minor=0, currency="CNY"),
    catalogue_version="2027-01-01",
    applies_from="2026-06-01",
    at=REGISTERED_AT,
)
TOP_UP = replace(attempted(), top_up=1, reason="top_up", rung=0)
CASE = CaseOpened(about=attempt_id(), reason="outcome_unknown", at=OPENS_AT)
NO_CARD = {
    "no facts": ((), "has no facts"),
    "no registration": ((bound(),), "PaymentMethodBound comes before CardRegistered"),
    "a price without consent": ((*PAYING, switched_off(), ANNOUNCED), "a price without consent"),
    "a charge without an offer": ((*PAYING, attempted()), "a charge without a renewal"),
    "a top-up without a start": ((*PAYING, TOP_UP), "a charge for no top-up"),
    "a success without an attempt": ((*PAYING, started(), succeeded()), "an outcome without an attempt"),
    "a failure without an attempt": ((*PAYING, started(), failed()), "an outcome without an open attempt"),
    "a question about no attempt": ((*CHARGING, failed(), unknown()), "an outcome without an open attempt"),
    "a case too early": ((*CHARGING, CASE), "a case without an unknown outcome"),
}


@pytest.mark.parametrize(("facts", "why"), NO_CARD.values(), ids=NO_CARD)
def test_facts_that_fold_to_no_card_are_an_error_that_names_card_and_reason(facts, why):
    with pytest.raises(CorruptHistoryError, match=f"card {CARD_ID}.*{why}"):
        replay(None, CARD_ID, facts)


def test_a_second_registration_replaces_the_card():
    assert replay(None, CARD_ID, (*PAYING, registered(months=3))) == replay(None, CARD_ID, (registered(months=3),))


def test_of_several_attempts_that_never_happened_a_late_success_belongs_to_its_own_method():
    history = (registered(), bound(VISA), bound(PAYPAL), enabled(), started())
    nothing = (attempted(), failed(code="never_happened"))
    nothing_else = (attempted(2, 1, PAYPAL), failed(2, 1, PAYPAL, code="never_happened"))
    late = replace(succeeded(2, PAYPAL), learned="late")
    card = replay(None, CARD_ID, (*history, *nothing, *nothing_else, late))
    assert [(one.attempt_id, one.method_id) for one in card.payments] == [(attempt_id(2, PAYPAL), "paypal")]
    assert [one.attempt_id for one in card.attempts.closed] == [attempt_id()]
