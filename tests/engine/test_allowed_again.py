"""A payment card that a code has blocked for every card may be tried again when an operator says so, and why."""

import pytest

from engine.card.allowing import PaymentMethodAllowed, allow_payment_method
from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.charge import RenewalRequested, renew_now
from engine.card.custody import CardClosed
from engine.card.disputes import DisputeRecorded
from engine.card.limits import effects_of
from engine.declines import Consequence
from engine.errors import Refused
from engine.money import Money
from engine.networks import NEVER, Limited
from engine.operations import PaymentCardAllowed, allow_payment_card, stop_after
from engine.store.limits_rebuild import rebuild_limits
from engine.store.operations import operations_history, record_operation
from engine.store.streams import Store
from engine.why.questions import why_charged
from engine.why.sentences import sentence
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.payment_cards import AT, DAY, append, declined, limit_rows, tries
from tests.engine.random_histories import RECORDED_AT
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CHARGING,
    DEBIT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    RULES,
    attempt_id,
    attempted,
    bound,
    failed,
    reminded,
    started,
)
from tests.simulation.memory import MemoryRecorder

WHY = "the issuer says that it is good"


def allow(recorder, fingerprint: str = "fp") -> None:
    record_operation(recorder, lambda _: allow_payment_card(fingerprint, WHY, AT), actor="operator:7", cause="test")


@pytest.fixture(params=["PostgreSQL", "memory"])
def any_recorder(request):
    return request.getfixturevalue("recorder") if request.param == "PostgreSQL" else MemoryRecorder(lambda: RECORDED_AT)


def blocked(store: Store) -> None:
    stolen = tries()
    never = declined(stolen, code="highest_risk_level", consequence=Consequence.NEVER)
    for facts in ((stolen,), (never,)):
        assert not store.append_many([append(*facts)]).limited


def is_limited(store: Store, at=AT) -> Limited | None:
    return next(iter(store.append_many([append(tries(at))]).limited.values()), None)


def test_who_allowed_it_and_why_stands_in_the_log_and_it_is_tried_again(any_recorder):
    store = Store(any_recorder)
    blocked(store)
    assert is_limited(store) == Limited(NEVER, None)
    allow(any_recorder, "another")
    assert is_limited(store) == Limited(NEVER, None)
    allow(any_recorder)
    assert is_limited(store) is None
    *_, recorded = operations_history(any_recorder)
    assert recorded.fact == PaymentCardAllowed(fingerprint="fp", reason=WHY, at=AT)
    assert recorded.actor == "operator:7"
    assert sentence(recorded).endswith(f"payment card fp was allowed again: “{WHY}”.")
    blocked(store)
    assert is_limited(store, AT + DAY) == Limited(NEVER, None)


def test_limits_that_are_rebuilt_from_the_log_respect_it(store, recorder, connection):
    blocked(store)
    allow(recorder)
    before = limit_rows(connection)
    assert before[1] == set()
    rebuild_limits(connection)
    assert limit_rows(connection) == before


@pytest.mark.parametrize("reason", ["", " "])
def test_without_a_reason_it_is_refused(reason):
    with pytest.raises(Refused) as refused:
        allow_payment_card("fp", reason, AT)
    assert (refused.value.code, refused.value.field) == ("reason_missing", "reason")


STOLEN = (*PAYING, bound(DEBIT), started(), attempted(), failed(code="stolen_card"))
WITHHELD = ChargeWithheld(
    term_number=1, rung=1, method_id="visa", reason=NEVER, until=None, policy_version=POLICY.version, at=OPENS_AT
)


def allowed(card: Given, fingerprint="fp-visa", at=OPENS_AT + DAY) -> Then:
    return card.when(allow_payment_method, fingerprint=fingerprint, reason=WHY, at=at)


@pytest.mark.parametrize("ended", [STOLEN[-2:], (WITHHELD,)], ids=["declined", "withheld"])
def test_what_a_code_had_ended_is_charged_again_at_once_on_each_card_and_may_be_asked_for(ended):
    card = given(*PAYING, started(), *ended, reminded())
    card.when(renew_now, RULES, at=OPENS_AT + DAY).refused("no_usable_method")
    then = allowed(card).then(fact(PaymentMethodAllowed, method_id="visa", fingerprint="fp-visa", reason=WHY))
    assert then.card.methods.ended == {}
    Given(then.card).when(renew_now, RULES, at=OPENS_AT + DAY).then(fact(RenewalRequested))
    Given(then.card).at(OPENS_AT + DAY).then(fact(ChargeAttempted, method_id="visa", reason="new_method", rung=1))
    allowed(Given(then.card)).nothing()


def test_only_what_is_bound_of_that_payment_card_and_was_ended_for_good_is_allowed():
    allowed(given(*STOLEN), "fp-debit").nothing()
    allowed(given(*PAYING)).nothing()
    allowed(given(*CHARGING, failed(code="expired_card"))).nothing()
    allowed(given(*STOLEN, CardClosed(reason="moved", balance=Money(minor=0, currency="CNY"), at=OPENS_AT))).nothing()


def test_what_is_disputed_as_well_stays_ended():
    lost = DisputeRecorded(
        attempt_id=attempt_id(9),
        method_id="visa",
        amount=MONTH_PRICE,
        evidence="bank",
        instrument="fp-visa",
        at=OPENS_AT,
    )
    assert allowed(given(*STOLEN, lost)).card.methods.ended == {"visa": "disputed"}


def test_that_it_was_allowed_again_is_why_it_is_charged():
    history = History(*STOLEN[:-3]).wakes().declined("stolen_card").declined("insufficient_funds")
    history.decides(allow_payment_method, fingerprint="fp-visa", reason=WHY, at=OPENS_AT + DAY).wakes()
    said = " ".join(one.text for one in why_charged(history.records, history.attempts()[-1]).sentences)
    assert "It was made then because method visa was allowed again on 2026-03-30 10:00, while the term" in said


def test_it_stops_and_resumes_nothing():
    (fact,) = allow_payment_card("fp", WHY, AT)
    assert stop_after(None, fact, "operator:7") is None
    assert effects_of(append().stream.card_id, ()).allowed == ()
