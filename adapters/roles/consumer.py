"""The consumer: messages about due cards become charges, in batches, each message settled by itself.

FastStream fetches the batches; each runs the steps of `engine.pipeline`: the one seam between asyncio and the
synchronous engine, one `to_thread` per step, the gateway awaited between. Batches overlap: while the gateway answers
one, the next ones are decided.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import structlog
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

from adapters.breaker import Breaker
from adapters.broker.connection import connected
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.fetch import raise_nats_timeouts
from adapters.broker.streams import CHARGING, ensure_due_stream
from adapters.clock_check import ClockWrongError, clock_of
from adapters.live_connection import over_a_live_connection
from adapters.lost import Watch
from adapters.parked import ToPark, park
from adapters.roles.batch import Batch, ack_all, log_failures, nak_all
from adapters.roles.lead import BROKER_CHECK, RETRY, faults_logged, stopped
from adapters.roles.queues import Queue, subscribed
from adapters.settings import Settings, SettingsError
from adapters.traces import ask_gateway
from adapters.waiting_cards import kept_waiting, wake_again
from adapters.wiring import engine_over, flow_of, opened_gateway, recorder_of, rules_now, rules_of
from engine.application import Engine, StepResult
from engine.errors import ConnectionLostError, LockHeldError, LogReplacedError, StandstillError
from engine.pipeline import Ask, GatewayReply, ReadClock, Record, Step, Wake, renew
from engine.ports import Gateway, GatewayAnswer, Unclear
from engine.questions import Question
from engine.rules import Rules

log = structlog.get_logger()

GATEWAY_MARGIN = timedelta(seconds=1)
"""A call to the gateway is cancelled this long after its budget."""

ANSWERS_KEPT = timedelta(seconds=45)
"""How long the gateway's answers wait for a database that is away; then its questions are asked again."""


REFUSED_US = Unclear(reason="provider_refuses_us")
"""The answer to requests that were not executed because the provider does not let us in."""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Consume until `stop`, then finish the batches in flight; raises SettingsError if provider or broker refuse us."""
    async with opened_gateway(settings, database_url) as gateway:
        with ConnectionPool[Connection[Any]](
            database_url, max_size=settings.pool_size, kwargs={"autocommit": True}
        ) as pool:
            consumer = _consumer_of(settings, database_url, pool, gateway)
            due = Queue(DUE_SUBJECT, DUE_STREAM, CHARGING, flow_of(settings).batch_size)
            broker, subscriber = fetching = subscribed(settings, nats_url, due, consumer.take)
            try:
                await _fetch(settings, nats_url, stop, consumer, fetching)
            except SettingsError as error:  # the broker lets us in no more
                consumer.refused_us = error
            await subscriber.stop()
            await consumer.drain()
            with faults_logged("consumer"):  # the broker may be gone
                await broker.stop()
    if consumer.refused_us is not None:
        raise consumer.refused_us


async def _fetch(
    settings: Settings, nats_url: str, stop: asyncio.Event, consumer: "Consumer", fetching: tuple[NatsBroker, Any]
) -> None:
    """Let the library fetch until `stop` or a refusal; a connection of our own sees to the queue, and to who we are.

    When that is lost it is made anew, since only a new one hears that the password was changed: SettingsError.
    """
    (broker, subscriber), started = fetching, False
    while not stop.is_set() and consumer.refused_us is None:
        with faults_logged("consumer"):
            async with connected(nats_url, settings) as client:
                await ensure_due_stream(client.jetstream(), settings)
                if not started:
                    await broker.start()
                    raise_nats_timeouts(subscriber)
                    started = True
                while client.is_connected and not await stopped(stop, BROKER_CHECK) and consumer.refused_us is None:
                    with faults_logged("consumer"):
                        await asyncio.to_thread(consumer.read_rules)  # says it if the clock is wrong
                        await ensure_due_stream(client.jetstream(), settings)
                if not client.is_connected:
                    raise ConnectionError("the broker has ended the connection")
        if consumer.refused_us is None:
            await stopped(stop, RETRY)


def _consumer_of(
    settings: Settings, database_url: str, pool: ConnectionPool[Connection[Any]], gateway: Gateway
) -> "Consumer":
    installed, clock = rules_of(settings), clock_of(settings)

    def read_rules() -> tuple[Rules, datetime]:
        return over_a_live_connection(pool, lambda connection: rules_now(connection, clock, installed))

    def park_all(parked: Sequence[ToPark]) -> None:
        over_a_live_connection(pool, lambda connection: park(connection, parked))

    recorder = recorder_of(settings, database_url)
    engine = engine_over(recorder, "consumer")

    def adopt(incarnation: str) -> None:
        recorder.incarnation = incarnation

    watch = Watch(gateway, adopt)

    def log_is_behind() -> Awaitable[str | None]:
        return watch.log_is_behind(partial(over_a_live_connection, pool))

    breaker = Breaker(partial(over_a_live_connection, pool))
    batches = flow_of(settings).batches_in_flight

    def wake_blocked(since: datetime) -> int:
        waiting = over_a_live_connection(pool, partial(kept_waiting, since=since))
        return wake_again(engine, waiting, read_rules)

    return Consumer(engine, gateway, read_rules, park_all, batches, log_is_behind, breaker, wake_blocked)


async def _up_to_date() -> None:
    pass


@dataclass
class Consumer:
    """Handles batches of messages; keeps only the batches in flight."""

    engine: Engine
    gateway: Gateway
    read_rules: Callable[[], tuple[Rules, datetime]]
    """Rules and business time, read for each step."""
    park: Callable[[Sequence[ToPark]], None]
    batches_in_flight: int
    log_is_behind: Callable[[], Awaitable[str | None]] = _up_to_date
    """Asked before each batch: a sentence why nothing may be sent, or None."""
    breaker: Breaker | None = None
    """None where nothing is stopped because the provider does not answer."""
    wake_blocked: Callable[[datetime], int] | None = None
    """Wakes the cards that waited for the provider since then; returns how many."""
    _gateway_down: bool = field(init=False, default=False)
    refused_us: SettingsError | None = field(init=False, default=None)
    """Set once the provider has refused our key: the role is to end."""
    _draining: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _slots: asyncio.Semaphore = field(init=False)
    _in_flight: set[asyncio.Task[None]] = field(init=False, default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.batches_in_flight)

    async def take(self, messages: list[Msg]) -> None:
        """Start a batch as soon as fewer than `batches_in_flight` are in flight."""
        await self._slots.acquire()
        task = asyncio.create_task(self._handle(messages))
        self._in_flight.add(task)
        task.add_done_callback(self._done)

    async def drain(self) -> None:
        """Wait until no batch is in flight."""
        self._draining.set()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._slots.release()

    async def _handle(self, messages: list[Msg]) -> None:
        batch = Batch(messages)
        try:
            if (behind := await self.log_is_behind()) is not None:
                raise StandstillError(behind)  # noqa: TRY301 (the messages come again)
            await self._run(batch)
            if batch.parked:
                await batch.timed("park_ms", asyncio.to_thread(self.park, batch.parked))
        except ClockWrongError:
            await nak_all(messages)
            await self._stand_still()
            return
        except StandstillError as error:
            log.error("role.standstill", role="consumer", error=str(error))  # noqa: TRY400 (a sentence for the operator)
            await nak_all(messages)
            return
        except SettingsError as error:
            self.refused_us = error
            await nak_all(messages)
            return
        except Exception as error:
            log.exception("consumer.batch_failed", messages=len(messages), error=str(error))
            await nak_all(messages)
            return
        await batch.timed("ack_ms", ack_all(messages))
        log.info("consumer.batch", **batch.log_fields())

    async def _stand_still(self) -> None:
        """Keep the batch's place until the clock is right or the consumer ends: soon no more batches are fetched."""
        while not await stopped(self._draining, RETRY):
            with faults_logged("consumer"):
                await asyncio.to_thread(self.read_rules)
                return

    async def _run(self, batch: Batch) -> None:
        """Perform the steps of the pipeline, and park the cards that it returns."""
        pipeline = renew(batch.causes)
        sent: object = None
        while True:
            try:
                step = pipeline.send(sent)
            except StopIteration as done:
                batch.park(done.value)
                return
            sent = await self._perform(step, batch)

    async def _perform(self, step: Step, batch: Batch) -> object:
        match step:
            case Wake(causes):
                return batch.count(await batch.timed("wake_ms", asyncio.to_thread(self._wake, causes)))
            case Record(answers):
                return batch.count(await batch.timed("record_ms", self._record_in_place(answers)))
            case ReadClock():
                rules, at = await batch.timed("gateway_ms", asyncio.to_thread(self.read_rules))
                self._gateway_down = rules.gateway_down
                return at
            case Ask(questions, at):
                replies = await batch.timed("gateway_ms", self._ask_all(questions, at))
                if self.breaker is not None:
                    since = await asyncio.to_thread(self.breaker.saw, replies, at, down=self._gateway_down)
                    if since is not None and self.wake_blocked is not None:
                        self._beside(self._go_on(since, self.wake_blocked))
                batch.count_answers(reply for _, reply in replies)
                log_failures({question.card_id: reply for question, reply in replies if isinstance(reply, Exception)})
                return replies

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the batches; the consumer's end waits for it too."""
        task = asyncio.create_task(work)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _go_on(self, since: datetime, wake: Callable[[datetime], int]) -> None:
        """Wake what waited for the provider; killed in between, a card wakes at its own next look."""
        with faults_logged("consumer"):
            woken = await asyncio.to_thread(wake, since)
            log.info("gateway.cards_woken", cards=woken, down_since=since.isoformat())

    def _wake(self, causes: Mapping[UUID, str]) -> StepResult:
        return self.engine.wake(causes, *self.read_rules())

    async def _record_in_place(self, answers: Sequence[tuple[Question, GatewayAnswer]]) -> StepResult:
        """Record answers; where the database was away, once it was compared with the gateway.

        After ANSWERS_KEPT they are given up: what they are about is looked up, or asked again under the same key.
        """
        deadline = monotonic() + ANSWERS_KEPT.total_seconds()
        while True:
            try:
                return await asyncio.to_thread(self._record, answers)
            except LogReplacedError:
                while (behind := await self.log_is_behind()) is not None:
                    if monotonic() >= deadline or await stopped(self._draining, RETRY):
                        raise StandstillError(behind) from None

    def _record(self, answers: Sequence[tuple[Question, GatewayAnswer]]) -> StepResult:
        """Record what the gateway has answered, again while the database is away: an answer twice changes nothing."""
        deadline = monotonic() + ANSWERS_KEPT.total_seconds()
        while True:
            try:
                return self.engine.record(answers, *self.read_rules())
            except (ConnectionLostError, LockHeldError, OperationalError) as error:
                if monotonic() >= deadline:
                    raise
                log.warning("consumer.answers_wait", answers=len(answers), error=str(error))
                sleep(RETRY.total_seconds())

    async def _ask_all(self, questions: Sequence[Question], at: datetime) -> list[tuple[Question, GatewayReply]]:
        """Ask all questions at once; calls that exceed the gateway's budget are cancelled."""
        tasks = [asyncio.ensure_future(ask_gateway(self.gateway, question, at)) for question in questions]
        limit = self.gateway.budget + GATEWAY_MARGIN
        _, late = await asyncio.wait(tasks, timeout=limit.total_seconds())
        for task in late:
            task.cancel()
        replies: list[GatewayReply] = [None if task in late else self._reply_of(task) for task in tasks]
        return list(zip(questions, replies, strict=True))

    def _reply_of(self, task: asyncio.Future[GatewayAnswer]) -> GatewayReply:
        """What a call returned or raised; where the provider lets us in no more, the batch is recorded to its end."""
        error = task.exception()
        if isinstance(error, SettingsError):
            self.refused_us = error
            return REFUSED_US
        return error if isinstance(error, Exception) else task.result()
