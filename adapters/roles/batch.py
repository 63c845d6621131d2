"""A batch of messages about due cards: which cards it wakes, what was parked of it, its one log line, its settling."""

from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, TypeVar
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from adapters.broker.due import CardDue, cause_of
from adapters.parked import ToPark
from engine.application import StepResult

log = structlog.get_logger()

T = TypeVar("T")

NAK_DELAY_S, NAK_DELAY_MAX_S = 1.0, 60.0
"""After a fault (database gone) the broker waits this long before it redelivers a message, then twice as long, up to
the second one."""


def to_park(card_id: UUID | None, message: Msg, reason: str) -> ToPark:
    """A message of a queue as it is parked."""
    return ToPark(card_id, message.data, reason, message.subject, message.headers or {}, message.metadata.num_delivered)


class Batch:
    """Messages handled together, with what became of them and how long each stage took."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        self.causes: dict[UUID, str] = {}
        """Card id → the message that woke it; a card with two messages is woken once."""
        self.parked: list[ToPark] = []
        self._messages_of: dict[UUID, Msg] = {}
        self._messages = len(messages)
        self._facts = self._questions = 0
        self._answers = Counter[str]()
        self._times: dict[str, float] = {}
        for message in messages:
            self._read(message)

    def _read(self, message: Msg) -> None:
        try:
            due = CardDue.__pydantic_validator__.validate_json(message.data)
        except ValidationError as error:
            reason = f"malformed message: {error.errors()[0]['msg']}"
            self.parked.append(to_park(None, message, reason))
            return
        self.causes[due.card_id] = cause_of(due.card_id, message.headers)
        self._messages_of[due.card_id] = message

    def park(self, cards: Mapping[UUID, str]) -> None:
        """Add cards to those to park, each with its reason."""
        self.parked += [to_park(card_id, self._messages_of[card_id], reason) for card_id, reason in cards.items()]

    async def timed(self, stage: str, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, adding to the stage's time."""
        started = perf_counter()
        try:
            return await work
        finally:
            self._times[stage] = self._times.get(stage, 0.0) + (perf_counter() - started) * 1e3

    def count(self, result: StepResult) -> StepResult:
        """Count one step's facts and questions, log what failed in it, and return the result."""
        self._facts += result.facts
        self._questions += len(result.questions)
        log_failures(result.failed)
        return result

    def count_answers(self, replies: Iterable[object]) -> None:
        """Count what the gateway said, by its kind; None and errors are no answer."""
        for one in replies:
            self._answers["none" if isinstance(one, Exception | None) else type(one).__name__.lower()] += 1

    def log_fields(self) -> dict[str, Any]:
        """The fields of the batch's one log line."""
        return {
            "messages": self._messages,
            "cards": len(self.causes),
            "facts": self._facts,
            "questions": self._questions,
            "parked": len(self.parked),
            **{f"answers_{kind}": number for kind, number in self._answers.items()},
            **{stage: round(ms, 1) for stage, ms in self._times.items()},
        }


def log_failures(failed: Mapping[UUID, Exception]) -> None:
    """One line for each card with what went wrong."""
    for card_id, error in failed.items():
        log.warning("consumer.card_failed", card_id=str(card_id), error=str(error))


async def nak_all(messages: Sequence[Msg]) -> None:
    """Let the broker redeliver the messages, the later the more often it did."""
    for message in messages:
        await message.nak(delay=min(NAK_DELAY_MAX_S, NAK_DELAY_S * 2 ** (min(message.metadata.num_delivered, 10) - 1)))


async def ack_all(messages: Sequence[Msg]) -> None:
    """The messages are settled."""
    for message in messages:
        await message.ack()
