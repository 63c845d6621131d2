"""The consumer: messages about due cards become charges, in batches, each message settled by itself.

The one seam between asyncio and the synchronous engine: one `to_thread` per step, the gateway awaited between.
Batches overlap: while the gateway answers one, the next ones are loaded and decided.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from nats.aio.msg import Msg
from pydantic import ValidationError

from adapters.broker.due import CardDue
from engine.application import Engine, Settled
from engine.deciding import Question, Said
from engine.errors import GatewayMisuseError
from engine.ports import Gateway, RefundRequest, Unclear
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
            await self._settle(batch)
            if batch.parked:
                await batch.timed("park_ms", asyncio.to_thread(self.shared.park, batch.parked))
        except Exception as error:
            log.exception("consumer.batch_failed", messages=len(messages), error=str(error))
            for message in messages:
                await message.nak(delay=NAK_DELAY_S)
            return
        await batch.timed("ack_ms", _ack_all(messages))
        log.info("consumer.batch", **batch.figures())

    async def _settle(self, batch: "Batch") -> None:
        """Wake the batch's cards and see their charges through; what fails is tried alone, then parked."""
        failed = await self._see_through(batch, batch.causes)
        for card_id, error in failed.items():
            log.warning("consumer.card_failed", card_id=str(card_id), error=str(error))
            if isinstance(error, GatewayMisuseError):  # asking again would not make it right
                batch.park(card_id, str(error))
                continue
            alone = await self._see_through(batch, {card_id: batch.causes[card_id]})
            if card_id in alone:
                batch.park(card_id, f"{type(alone[card_id]).__name__}: {alone[card_id]}")

    async def _see_through(self, batch: "Batch", causes: dict[UUID, str]) -> dict[UUID, Exception]:
        settled = await batch.timed("wake_ms", asyncio.to_thread(self._wake, causes))
        failed = dict(settled.failed)
        while settled.questions:
            batch.count(settled)
            answers = await batch.timed("gateway_ms", self._ask_all(settled.questions, failed))
            settled = await batch.timed("record_ms", asyncio.to_thread(self._record, answers))
            failed |= settled.failed
        batch.count(settled)
        return failed

    def _wake(self, causes: dict[UUID, str]) -> Settled:
        return self.engine.wake(causes, *self.shared.rules())

    def _record(self, answers: Sequence[tuple[Question, Said]]) -> Settled:
        return self.engine.record(answers, *self.shared.rules())

    async def _ask_all(
        self, questions: Sequence[Question], failed: dict[UUID, Exception]
    ) -> list[tuple[Question, Said]]:
        """All questions at once; what is not answered in time is unclear, what the gateway calls wrong has failed."""
        _, at = await asyncio.to_thread(self.shared.rules)
        questions = [question.put_at(at) for question in questions]  # we may have been stopped for hours
        tasks = [asyncio.ensure_future(self._ask(question, at)) for question in questions]
        limit = self.gateway.budget + GATEWAY_GRACE
        _, late = await asyncio.wait(tasks, timeout=limit.total_seconds())
        answers: list[tuple[Question, Said]] = []
        for question, task in zip(questions, tasks, strict=True):
            if task in late:
                task.cancel()
                answers.append((question, Unclear(reason="timeout")))
            elif (error := task.exception()) is None:
                answers.append((question, task.result()))
            elif isinstance(error, Exception):
                failed[question.stream.card_id] = error
        return answers

    def _ask(self, question: Question, at: datetime) -> Coroutine[Any, Any, Said]:
        request = question.request
        if isinstance(request, RefundRequest):
            return self.gateway.refund(request, at)
        ask = self.gateway.look_up if question.learned == "looked_up" else self.gateway.charge
        return ask(request, at)


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

    def park(self, card_id: UUID, reason: str) -> None:
        """Set a card aside."""
        self.parked.append((card_id, self._bodies[card_id], reason))

    async def timed(self, stage: str, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`, adding to the stage's time."""
        started = perf_counter()
        try:
            return await work
        finally:
            self._times[stage] = self._times.get(stage, 0.0) + (perf_counter() - started) * 1e3

    def count(self, settled: Settled) -> None:
        """Add one step's figures."""
        self._facts += settled.facts
        self._questions += len(settled.questions)

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


async def _ack_all(messages: Sequence[Msg]) -> None:
    for message in messages:
        await message.ack()
