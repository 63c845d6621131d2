"""The order of a renewal: wake, append, ask the gateway, append, try alone what failed, park what fails again.

It stands here once, as generators that do no I/O: each yields the next step, a runner performs it and sends back what
came of it, until the generator returns the cards to park. A runner may abandon a generator wherever it stands, as a
process that is killed does; the next wake of the cards makes up for it.
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
    """To be done: Engine.wake; sent back: its StepResult."""

    causes: Mapping[UUID, str]
    """Card id → id of the message that woke it."""


class ReadClock(NamedTuple):
    """To be done: read the business time; sent back: that instant."""


class Ask(NamedTuple):
    """To be done: ask the gateway all questions at once; sent back: each question with its GatewayReply."""

    questions: Sequence[Question]
    at: datetime


class Record(NamedTuple):
    """To be done: Engine.record; sent back: its StepResult."""

    answers: Sequence[tuple[Question, GatewayAnswer]]


Step = Wake | ReadClock | Ask | Record

GatewayReply = GatewayAnswer | Exception | None
"""An answer, what the call raised, or None: no answer within the gateway's budget."""

Parked = dict[UUID, str]
"""The cards to set aside until a person looks at them, each with the reason."""

Pipeline = Generator[Step, Any, Parked]
_Part = Generator[Step, Any, dict[UUID, Exception]]
"""Ends with the cards that failed, each with its error."""


def renew(causes: Mapping[UUID, str]) -> Pipeline:
    """See the cards of a batch through, from their wake on (card id → id of the message that woke it)."""
    failed = yield from _waken(causes)
    return (yield from _retried(failed, causes))


def continue_asking(questions: Sequence[Question]) -> Pipeline:
    """The same from the questions on, however long they lay."""
    failed = yield from _answered(StepResult(questions=list(questions)))
    return (yield from _retried(failed, {question.card_id: question.cause for question in questions}))


def continue_recording(answers: Sequence[tuple[Question, GatewayAnswer]]) -> Pipeline:
    """The same from the answers on, however late they come."""
    result: StepResult = yield Record(answers)
    failed = yield from _answered(result)
    return (yield from _retried(failed, {question.card_id: question.cause for question, _ in answers}))


def put_at(question: Question, at: datetime) -> Question:
    """The question as it may be put at `at`, however long it lay: a charge that is too late is only looked up."""
    if question.key_known_until is None or at < question.key_known_until:
        return question
    return question._replace(learned="looked_up")


def _waken(causes: Mapping[UUID, str]) -> _Part:
    result: StepResult = yield Wake(causes)
    return (yield from _answered(result))


def _answered(result: StepResult) -> _Part:
    """Ask and record as long as there are questions."""
    failed = dict(result.failed)
    while result.questions:
        at: datetime = yield ReadClock()  # the process may have stood still for hours
        replies = yield Ask([put_at(question, at) for question in result.questions], at)
        result = yield Record(_answers(replies, failed))
        failed |= result.failed
    return failed


def _answers(
    replies: Sequence[tuple[Question, GatewayReply]], failed: dict[UUID, Exception]
) -> list[tuple[Question, GatewayAnswer]]:
    """What is to be recorded; a call that raised goes into `failed`."""
    answers: list[tuple[Question, GatewayAnswer]] = []
    for question, reply in replies:
        if isinstance(reply, Exception):
            failed[question.card_id] = reply
        else:
            answers.append((question, Unclear(reason="timeout") if reply is None else reply))
    return answers


def _retried(failed: Mapping[UUID, Exception], causes: Mapping[UUID, str]) -> Pipeline:
    """Wake each card that failed once more, alone; what the gateway calls wrong would not become right by that."""
    parked: Parked = {}
    for card_id, error in failed.items():
        if isinstance(error, GatewayMisuseError):
            parked[card_id] = str(error)
            continue
        again = yield from _waken({card_id: causes[card_id]})
        if card_id in again:
            parked[card_id] = f"{type(again[card_id]).__name__}: {again[card_id]}"
    return parked
