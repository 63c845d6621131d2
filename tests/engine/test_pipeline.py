"""The order of a renewal, step by step: the next step after each result, and which cards are parked."""

import asyncio
from uuid import UUID

import pytest

from engine.application import StepResult
from engine.card.asking import SEND_EARLY_MAX
from engine.card.refunds import Refund
from engine.errors import BaohaoError, GatewayMisuseError
from engine.pipeline import Ask, ReadClock, Record, Wake, renew, resume_asking, resume_recording
from engine.ports import Declined, Unclear
from engine.questions import about_refund, ask
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CARD_ID,
    FIVE,
    OPENS_AT,
    PAYPAL,
    PROVIDER,
    SECOND,
    VISA,
    bound,
    enabled,
    registered,
)

CAUSE = "due-1"
OTHER = UUID(int=2)
TWO_METHODS = (registered(), bound(VISA), bound(PAYPAL), enabled())
QUESTION = History(*TWO_METHODS).wakes().question
NEXT_QUESTION = History(*TWO_METHODS).wakes().declined("expired_card").question
DECLINED = Declined(code="expired_card")
DONE = StepResult()
AT = OPENS_AT + SECOND
FORGOTTEN_AT = OPENS_AT + PROVIDER.key_lifetime
GOING_BACK = Refund(refund_id=UUID(int=3), attempt_id=UUID(int=4), gateway_ref="ref-1", amount=FIVE, started_at=AT)
REFUND = about_refund(QUESTION.stream, GOING_BACK, CAUSE)
LOOK_UP = QUESTION._replace(learned="looked_up")
BROKEN = BaohaoError("its history cannot be read")
WRONG = GatewayMisuseError("no such payment method")


class Performed:
    """A pipeline whose steps are performed by hand."""

    def __init__(self, pipeline):
        self.pipeline, self.step, self.parked = pipeline, next(pipeline), None

    def gives(self, result):
        """The next step, or the end, after this result of the last one."""
        try:
            self.step = self.pipeline.send(result)
        except StopIteration as done:
            self.step, self.parked = None, done.value
        return self

    def asks(self, *questions, at=AT):
        """The wake returned these questions, and the clock is read before they are asked."""
        assert self.gives(StepResult(questions=list(questions))).step == ReadClock()
        return self.gives(at)


def woken(*cards):
    return Performed(renew(dict.fromkeys(cards or (CARD_ID,), CAUSE)))


def failing(error, card_id=CARD_ID):
    return StepResult(failed={card_id: error})


def test_a_batch_is_woken_asked_and_recorded():
    batch = woken(CARD_ID, OTHER)
    assert batch.step == Wake({CARD_ID: CAUSE, OTHER: CAUSE})
    assert batch.asks(QUESTION).step == Ask([QUESTION], AT)
    assert batch.gives([(QUESTION, DECLINED)]).step == Record([(QUESTION, DECLINED)])
    assert batch.gives(DONE).parked == {}


def test_a_batch_without_questions_is_done():
    assert woken().gives(DONE).parked == {}


def test_the_gateway_is_asked_as_long_as_answers_lead_to_questions():
    batch = woken().asks(QUESTION).gives([(QUESTION, DECLINED)])
    assert batch.asks(NEXT_QUESTION).step == Ask([NEXT_QUESTION], AT)
    assert batch.gives([(NEXT_QUESTION, DECLINED)]).gives(DONE).parked == {}


@pytest.mark.parametrize(
    ("at", "kind"),
    [
        (OPENS_AT - SEND_EARLY_MAX - SECOND, "look_up"),
        (OPENS_AT - SEND_EARLY_MAX, "charge"),
        (FORGOTTEN_AT - SECOND, "charge"),
        (FORGOTTEN_AT, "look_up"),
    ],
)
def test_a_charge_is_only_looked_up_if_the_clock_went_back_or_the_gateway_may_have_forgotten_its_key(at, kind):
    [question] = woken().asks(QUESTION, at=at).step.questions
    assert (question.kind, question.request) == (kind, QUESTION.request)


def test_no_answer_within_the_budget_is_an_unknown_outcome():
    batch = woken().asks(QUESTION).gives([(QUESTION, None)])
    assert batch.step == Record([(QUESTION, Unclear(reason="timeout"))])


def test_a_request_that_the_gateway_calls_wrong_parks_its_card_at_once_and_no_other():
    other = QUESTION._replace(stream=QUESTION.stream._replace(card_id=OTHER))
    batch = woken(CARD_ID, OTHER).asks(QUESTION, other).gives([(QUESTION, WRONG), (other, DECLINED)])
    assert batch.step == Record([(other, DECLINED)])
    assert batch.gives(DONE).parked == {CARD_ID: "no such payment method"}


@pytest.mark.parametrize(
    "failed",
    [
        lambda: woken(CARD_ID, OTHER).gives(failing(BROKEN)),
        lambda: woken(CARD_ID, OTHER).asks(QUESTION).gives([(QUESTION, ConnectionResetError())]).gives(DONE),
        lambda: woken(CARD_ID, OTHER).asks(QUESTION).gives([(QUESTION, DECLINED)]).gives(failing(BROKEN)),
    ],
    ids=["when woken", "when asked about", "when recorded"],
)
def test_a_card_that_failed_is_woken_once_more_alone_and_parked_with_its_reason_if_it_fails_again(failed):
    assert failed().step == Wake({CARD_ID: CAUSE})
    assert failed().gives(DONE).parked == {}
    assert failed().gives(failing(BROKEN)).parked == {CARD_ID: "BaohaoError: its history cannot be read"}


def test_a_card_that_is_woken_again_takes_all_steps_to_the_end():
    batch = woken().gives(failing(BROKEN)).asks(QUESTION).gives([(QUESTION, DECLINED)])
    assert batch.step == Record([(QUESTION, DECLINED)])
    assert batch.gives(DONE).parked == {}


def test_a_suspended_process_continues_from_its_questions():
    resumed = Performed(resume_asking([QUESTION]))
    assert resumed.step == ReadClock()
    assert resumed.gives(AT).step == Ask([QUESTION], AT)
    assert resumed.gives([(QUESTION, ConnectionResetError())]).gives(DONE).step == Wake({CARD_ID: QUESTION.cause})


def test_a_suspended_process_continues_from_its_answers():
    resumed = Performed(resume_recording([(QUESTION, DECLINED)]))
    assert resumed.step == Record([(QUESTION, DECLINED)])
    assert resumed.gives(failing(BROKEN)).step == Wake({CARD_ID: QUESTION.cause})
    assert resumed.gives(DONE).parked == {}


class EchoGateway:
    """A gateway that answers with the name of the call."""

    async def charge(self, request, at):
        return "charge", request, at

    async def look_up(self, request, at):
        return "look_up", request, at

    async def refund(self, request, at):
        return "refund", request, at


@pytest.mark.parametrize("question", [QUESTION, LOOK_UP, REFUND], ids=lambda one: one.kind)
def test_each_kind_of_question_is_a_call_of_the_gateway(question):
    async def asked():
        return await ask(EchoGateway(), question, AT)

    assert asyncio.run(asked()) == (question.kind, question.request, AT)
