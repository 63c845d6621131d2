"""The consumer: messages about due cards become charges, in batches, each message settled by itself.

It runs the steps of `engine.pipeline`: the one seam between asyncio and the synchronous engine, one `to_thread` per
step, the gateway awaited between. Batches overlap: while the gateway answers one, the next ones are decided.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from adapters.broker.due import CardDue
from engine.application import Engine, StepResult
from engine.pipeline import Ask, GatewayReply, ReadClock, Record, Step, Wake, renew
from engine.ports import Gateway, GatewayAnswer
from engine.questions import Question, ask
from engine.rules import Rules

log = structlog.get_logger()

T = TypeVar("T")

GATEWAY_GRACE = timedelta(seconds=1)
"""A gateway that does not keep to its budget is given up on after this much more."""

NAK_DELAY_S = 1.0
"""After a fault of ours (database gone) the broker waits this long before it sends a message again."""


class Shared(Protocol):
    """What is the same for all consumers, read and written anew for each batch."""

    def rules(self) -> tuple[Rules, datetime]:
        """The rules and the time."""
        ...

    def park(self, parked: Sequence[tuple[UUID | None, bytes, str]]) -> None:
        """Set aside (card id or None, message, reason)."""
        ...


@dataclass
class Consumer:
    """Handles batches of messages; keeps only what is under way."""

    engine: Engine
    gateway: Gateway
    shared: Shared
    batches_in_flight: int
    _slots: asyncio.Semaphore = field(init=False)
    _under_way: set[asyncio.Task[None]] = field(init=False, default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.batches_in_flight)

    async def take(self, messages: list[Msg]) -> None:
        """Begin with a batch as soon as fewer than `batches_in_flight` are under way."""
        await self._slots.acquire()
        task = asyncio.create_task(self._handle(messages))
        self._under_way.add(task)
        task.add_done_callback(self._done)

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._slots.release()

    async def _handle(self, messages: list[Msg]) -> None:
        batch = Batch(messages)
        try:
            await self._run(batch)
            if batch.parked:
                await batch.timed("park_ms", asyncio.to_thread(self.shared.park, batch.parked))
        except Exception as error:
            log.exception("consumer.batch_failed", messages=len(messages), error=str(error))
            for message in messages:
                await message.nak(delay=NAK_DELAY_S)
            return
        await batch.timed("ack_ms", _ack_all(messages))
        log.info("consumer.batch", **batch.figures())

    async def _run(self, batch: "Batch") -> None:
        """Perform the steps of the pipeline, and set aside what it gives up."""
        pipeline = renew(batch.causes)
        sent: object = None
        while True:
            try:
                step = pipeline.send(sent)
            except StopIteration as done:
                batch.park(done.value)
                return
            sent = await self._perform(step, batch)

    async def _perform(self, step: Step, batch: "Batch") -> object:
        match step:
            case Wake(causes):
                return batch.count(await batch.timed("wake_ms", asyncio.to_thread(self._wake, causes)))
            case Record(answers):
                return batch.count(await batch.timed("record_ms", asyncio.to_thread(self._record, answers)))
            case ReadClock():
                _, at = await batch.timed("gateway_ms", asyncio.to_thread(self.shared.rules))
                return at
            case Ask(questions, at):
                replies = await batch.timed("gateway_ms", self._ask_all(questions, at))
                _warn({question.card_id: reply for question, reply in replies if isinstance(reply, Exception)})
                return replies

    def _wake(self, causes: Mapping[UUID, str]) -> StepResult:
        return self.engine.wake(causes, *self.shared.rules())

    def _record(self, answers: Sequence[tuple[Question, GatewayAnswer]]) -> StepResult:
        return self.engine.record(answers, *self.shared.rules())

    async def _ask_all(self, questions: Sequence[Question], at: datetime) -> list[tuple[Question, GatewayReply]]:
        """All questions at once; who has not answered within the budget gets no more time."""
        tasks = [asyncio.ensure_future(ask(self.gateway, question, at)) for question in questions]
        limit = self.gateway.budget + GATEWAY_GRACE
        _, late = await asyncio.wait(tasks, timeout=limit.total_seconds())
        for task in late:
            task.cancel()
        replies: list[GatewayReply] = [None if task in late else _reply_of(task) for task in tasks]
        return list(zip(questions, replies, strict=True))


def _reply_of(task: asyncio.Future[GatewayAnswer]) -> GatewayReply:
    error = task.exception()
    return error if isinstance(error, Exception) else task.result()


class Batch:
    """The messages taken together, what becomes of them and where the time goes."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        self.causes: dict[UUID, str] = {}
        """Card id → id of the message that woke it; a card that was sent twice is woken once."""
        self.parked: list[tuple[UUID | None, bytes, str]] = []
        self._bodies: dict[UUID, bytes] = {}
        self._messages = len(messages)
        self._facts = self._questions = 0
        self._times: dict[str, float] = {}
        for message in messages:
            self._read(message)

    def _read(self, message: Msg) -> None:
        try:
            due = CardDue.__pydantic_validator__.validate_json(message.data)
        except ValidationError as error:
            reason = f"malformed message: {error.errors()[0]['msg']}"
            self.parked.append((None, message.data, reason))
            return
        self.causes[due.card_id] = (message.headers or {}).get("Nats-Msg-Id", "message without id")
        self._bodies[due.card_id] = message.data

    def park(self, cards: Mapping[UUID, str]) -> None:
        """Set cards aside, each with its reason."""
        self.parked += [(card_id, self._bodies[card_id], reason) for card_id, reason in cards.items()]

    async def timed(self, stage: str, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, adding to the stage's time."""
        started = perf_counter()
        try:
            return await work
        finally:
            self._times[stage] = self._times.get(stage, 0.0) + (perf_counter() - started) * 1e3

    def count(self, result: StepResult) -> StepResult:
        """Add one step's figures, and log what failed in it; gives the result back."""
        self._facts += result.facts
        self._questions += len(result.questions)
        _warn(result.failed)
        return result

    def figures(self) -> dict[str, Any]:
        """The batch's one log line."""
        return {
            "messages": self._messages,
            "cards": len(self.causes),
            "facts": self._facts,
            "questions": self._questions,
            "parked": len(self.parked),
            **{stage: round(ms, 1) for stage, ms in self._times.items()},
        }


def _warn(failed: Mapping[UUID, Exception]) -> None:
    for card_id, error in failed.items():
        log.warning("consumer.card_failed", card_id=str(card_id), error=str(error))


async def _ack_all(messages: Sequence[Msg]) -> None:
    for message in messages:
        await message.ack()
