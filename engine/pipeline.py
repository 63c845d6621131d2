"""The order of a renewal: wake, append, ask the gateway, append, try alone what failed, park what fails again.

It is written once, as generators without I/O: each yields the next step, a runner performs it and sends its result
back, until the generator returns the cards to park. A runner may drop a generator at any step, as a killed process
does: the next wake of its cards continues from what is stored.
"""

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from engine.application import StepResult
from engine.errors import GatewayMisuseError
from engine.ports import GatewayAnswer, Unclear
from engine.questions import Question


class Wake(NamedTuple):
    """Call Engine.wake; its StepResult is sent back."""

    causes: Mapping[UUID, str]
    """Card id → id of the message that woke it."""


class ReadClock(NamedTuple):
    """Read the business time; that instant is sent back."""


class Ask(NamedTuple):
    """Ask the gateway all questions at once; each question with its GatewayReply is sent back."""

    questions: Sequence[Question]
    at: datetime


class Record(NamedTuple):
    """Call Engine.record; its StepResult is sent back."""

    answers: Sequence[tuple[Question, GatewayAnswer]]


Step = Wake | ReadClock | Ask | Record

GatewayReply = GatewayAnswer | Exception | None
"""An answer, what the call raised, or None: no answer within the gateway's budget."""

Parked = dict[UUID, str]
"""The cards to set aside for a person, each with the reason."""

Pipeline = Generator[Step, Any, Parked]
_Steps = Generator[Step, Any, dict[UUID, Exception]]
"""Returns the cards that failed, each with its error."""


def renew(causes: Mapping[UUID, str]) -> Pipeline:
    """All steps for a batch of cards (card id → id of the message that woke it)."""
    failed = yield from _wake_and_ask(causes)
    return (yield from _retry_alone(failed, causes))


def resume_asking(questions: Sequence[Question]) -> Pipeline:
    """The steps from asking on, after any time in a suspended process."""
    failed = yield from _ask_and_record(StepResult(questions=list(questions)))
    return (yield from _retry_alone(failed, {question.card_id: question.cause for question in questions}))


def resume_recording(answers: Sequence[tuple[Question, GatewayAnswer]]) -> Pipeline:
    """The steps from recording on, however late the gateway's answers come."""
    result: StepResult = yield Record(answers)
    failed = yield from _ask_and_record(result)
    return (yield from _retry_alone(failed, {question.card_id: question.cause for question, _ in answers}))


def look_up_unless_in_time(question: Question, at: datetime) -> Question:
    """The question, as a look-up if it is a charge that must not be sent at `at`: too late, or the clock went back."""
    if question.sent_within is None or question.sent_within.contains(at):
        return question
    return question._replace(learned="looked_up")


def _wake_and_ask(causes: Mapping[UUID, str]) -> _Steps:
    result: StepResult = yield Wake(causes)
    return (yield from _ask_and_record(result))


def _ask_and_record(result: StepResult) -> _Steps:
    """Ask and record as long as there are questions."""
    failed = dict(result.failed)
    while result.questions:
        at: datetime = yield ReadClock()  # the process may have been suspended for hours, or the clock put right
        replies = yield Ask([look_up_unless_in_time(question, at) for question in result.questions], at)
        result = yield Record(_to_record(replies, failed))
        failed |= result.failed
    return failed


def _to_record(
    replies: Sequence[tuple[Question, GatewayReply]], failed: dict[UUID, Exception]
) -> list[tuple[Question, GatewayAnswer]]:
    """The answers to record; the error of a call that raised goes into `failed`."""
    answers: list[tuple[Question, GatewayAnswer]] = []
    for question, reply in replies:
        if isinstance(reply, Exception):
            failed[question.card_id] = reply
        else:
            answers.append((question, Unclear(reason="timeout") if reply is None else reply))
    return answers


def _retry_alone(failed: Mapping[UUID, Exception], causes: Mapping[UUID, str]) -> Pipeline:
    """Wake each card that failed once more, alone; one whose request the gateway calls wrong is parked at once."""
    parked: Parked = {}
    for card_id, error in failed.items():
        if isinstance(error, GatewayMisuseError):
            parked[card_id] = str(error)
            continue
        again = yield from _wake_and_ask({card_id: causes[card_id]})
        if card_id in again:
            parked[card_id] = f"{type(again[card_id]).__name__}: {again[card_id]}"
    return parked
