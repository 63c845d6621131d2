"""A payment card that a code has blocked for every card may be tried again when an operator says so, and why."""

import pytest

from engine.card.limits import effects_of
from engine.declines import Consequence
from engine.errors import Refused
from engine.networks import NEVER, Limited
from engine.operations import PaymentCardAllowed, allow_payment_card, stop_after
from engine.store.limits_rebuild import rebuild_limits
from engine.store.operations import operations_history, record_operation
from engine.store.streams import Store
from engine.why.sentences import sentence
from tests.engine.payment_cards import AT, DAY, append, declined, limit_rows, tries
from tests.engine.random_histories import RECORDED_AT
from tests.simulation.memory import MemoryRecorder

WHY = "the issuer says that it is good"


def allow(recorder, fingerprint: str = "fp") -> None:
    record_operation(
        recorder,
        lambda _: allow_payment_card(fingerprint, WHY, AT),
        actor="operator:7",
        cause="test",
        recorded_at=RECORDED_AT,
    )


@pytest.fixture(params=["PostgreSQL", "memory"])
def any_recorder(request):
    return request.getfixturevalue("recorder") if request.param == "PostgreSQL" else MemoryRecorder()


def blocked(store: Store) -> None:
    stolen = tries()
    never = declined(stolen, code="highest_risk_level", consequence=Consequence.NEVER)
    for facts in ((stolen,), (never,)):
        assert not store.append_many([append(*facts)], RECORDED_AT).limited


def is_limited(store: Store, at=AT) -> Limited | None:
    return next(iter(store.append_many([append(tries(at))], RECORDED_AT).limited.values()), None)


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


def test_it_stops_and_resumes_nothing():
    (fact,) = allow_payment_card("fp", WHY, AT)
    assert stop_after(None, fact, "operator:7") is None
    assert effects_of(append().stream.card_id, ()).allowed == ()
