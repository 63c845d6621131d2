"""News from the gateway leads to the one look-up that may tell more, or to none."""

from uuid import UUID, uuid4

from engine.card.evolve import replay
from engine.card.refunds import RefundFailed, RefundReturned, RefundStarted, RefundSucceeded
from engine.news import News, question_about
from engine.ports import ChargeRequest, RefundRequest
from engine.store.streams import Stream
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PROVIDER,
    VISA,
    attempt_id,
    succeeded,
    unknown,
)

REFUND_ID = UUID(int=5)
STARTED = RefundStarted(
    refund_id=REFUND_ID,
    attempt_id=attempt_id(),
    gateway_ref="ref-1",
    amount=MONTH_PRICE,
    reason="operator",
    at=ENDS_AT,
)
_REFUND = {"refund_id": REFUND_ID, "attempt_id": attempt_id()}
ARRIVED = RefundSucceeded(**_REFUND, amount=MONTH_PRICE, gateway_ref="re-1", at=ENDS_AT)
CAME_BACK = RefundReturned(**_REFUND, amount=MONTH_PRICE, gateway_ref="re-1", code="expired_card", at=ENDS_AT)
REFUSED = RefundFailed(**_REFUND, code="charge_disputed", at=ENDS_AT)


def asked(*history, attempt=None, refund=None):
    """The question that news of an attempt, or of its refund, lead to."""
    card = replay(None, CARD_ID, history) if history else None
    news = News(CARD_ID, attempt or attempt_id(), refund, "evt-1")
    return question_about(news, Stream(CARD_ID, card, len(history), None), lambda: history, PROVIDER)


def request(number=1):
    return ChargeRequest(
        attempt_id=attempt_id(number),
        card_id=CARD_ID,
        purpose="renewal:1",
        token=VISA.token,
        amount=MONTH_PRICE,
        attempted_at=OPENS_AT,
    )


def test_an_open_attempt_is_looked_up_and_never_sent():
    for history in (CHARGING, (*CHARGING, unknown())):
        question = asked(*history)
        assert (question.kind, question.request, question.cause) == ("look_up", request(), "evt-1")


def test_of_a_charge_that_is_recorded_nothing_more_is_to_be_learned():
    assert asked(*PAID) is None


def test_a_charge_that_was_declined_is_looked_up_with_the_request_of_its_fact():
    question = asked(*DECLINED)
    assert (question.kind, question.request) == ("look_up", request())


def test_a_success_after_the_decline_is_recorded_once():
    assert asked(*DECLINED, succeeded()) is None


def test_an_attempt_or_a_card_that_the_log_does_not_have_is_not_asked_about():
    assert asked(*PAID, attempt=uuid4()) is None
    assert asked() is None
    assert asked(refund=REFUND_ID) is None


def refund_request():
    return RefundRequest(
        refund_id=REFUND_ID, attempt_id=attempt_id(), card_id=CARD_ID, gateway_ref="ref-1", amount=MONTH_PRICE
    )


def test_a_refund_under_way_is_looked_up_and_never_asked_for():
    question = asked(*PAID, STARTED, refund=REFUND_ID)
    assert (question.kind, question.request) == ("look_up_refund", refund_request())


def test_a_refund_that_succeeded_is_looked_up_since_it_may_have_come_back():
    question = asked(*PAID, STARTED, ARRIVED, refund=REFUND_ID)
    assert (question.kind, question.request) == ("look_up_refund", refund_request())


def test_of_a_refund_that_came_back_or_was_refused_nothing_more_is_to_be_learned():
    assert asked(*PAID, STARTED, ARRIVED, CAME_BACK, refund=REFUND_ID) is None
    assert asked(*PAID, STARTED, REFUSED, refund=REFUND_ID) is None


def test_a_refund_that_the_log_does_not_have_is_not_asked_about():
    assert asked(*PAID, STARTED, refund=uuid4()) is None
