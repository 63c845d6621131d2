"""The role that executes commands of other systems, from the queue and from requests, in batches; jobs beside them.

A command from the queue is settled once its answer is stored on the stream of answers. A process that is killed before
that leaves the command in the queue, and whoever takes it next finds it accepted and answers the same.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any

import structlog
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.broker.commands import (
    ASK_SUBJECT,
    COMMANDS_STREAM,
    COMMANDS_SUBJECT,
    Given,
    GivenJob,
    own_id,
    read,
    refusal,
)
from adapters.broker.connection import connected
from adapters.broker.events import Cell
from adapters.broker.fetch import raise_nats_timeouts
from adapters.broker.messages.answers import Answer, CommandAccepted, CommandFailed, CommandRefused
from adapters.broker.streams import COMMANDING, COMMANDS_AT_ONCE, ensure_command_streams
from adapters.clock_check import clock_of
from adapters.live_connection import over_a_live_connection
from adapters.parked import ToPark, park
from adapters.roles.answering import Answered, Answering
from adapters.roles.batch import ack_all, nak_all, to_park
from adapters.roles.jobs import Jobs
from adapters.roles.lead import BROKER_CHECK, RETRY, faults_logged, stopped
from adapters.roles.queues import Queue, subscribed
from adapters.settings import Settings
from adapters.wiring import engine_of, rules_now, rules_of
from engine.actor import actor
from engine.application import Engine, Reply
from engine.commands import AnyCommand, Issued
from engine.errors import Refused
from engine.rules import Rules

log = structlog.get_logger()

TRIES = 5
"""So often a queued command is tried that cannot be executed, as where its card cannot be read; then it is parked."""
WAITING_MOST = 20_000
"""So many requests wait; one more is told to ask again."""
AWAY = "the commands are not executed at the moment; give it again under the same id"
CANNOT = "it could not be executed; operators find why in the log; give it again under the same id"


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Execute commands until `stop`, then finish those in hand."""
    with ConnectionPool[Connection[Any]](
        database_url, max_size=settings.pool_size, kwargs={"autocommit": True}
    ) as pool:
        desk = _desk_of(settings, database_url, pool)
        queue = Queue(f"{COMMANDS_SUBJECT}.*.*", COMMANDS_STREAM, COMMANDING, COMMANDS_AT_ONCE)
        broker, subscriber = subscribed(settings, nats_url, queue, desk.take)
        try:
            await _serve(settings, nats_url, stop, desk, (broker, subscriber))
        finally:
            await subscriber.stop()
        with faults_logged("commands"):  # the broker may be gone
            await broker.stop()


async def _serve(
    settings: Settings, nats_url: str, stop: asyncio.Event, desk: "Desk", fetching: tuple[NatsBroker, Any]
) -> None:
    """Take commands by both doors until `stop`; a connection that is lost is made anew, as by the consumer."""
    (broker, subscriber), started = fetching, False
    while not stop.is_set():
        with faults_logged("commands"):
            async with connected(nats_url, settings) as client:
                await ensure_command_streams(client.jetstream(), settings)
                desk.answering.client = client
                asked = await client.subscribe(f"{ASK_SUBJECT}.*.*", "commands", desk.asked)
                if not started:
                    await broker.start()
                    raise_nats_timeouts(subscriber)
                    started = True
                while client.is_connected and not await stopped(stop, BROKER_CHECK):
                    with faults_logged("commands"):
                        await asyncio.to_thread(desk.read_rules)  # says it if the clock is wrong
                        await ensure_command_streams(client.jetstream(), settings)
                if not client.is_connected:
                    raise ConnectionError("the broker has ended the connection")
                await asked.drain()
                await subscriber.stop()
                await desk.finish()
                await client.flush()
        if not stop.is_set():
            await stopped(stop, RETRY)


def _desk_of(settings: Settings, database_url: str, pool: ConnectionPool[Connection[Any]]) -> "Desk":
    installed, clock = rules_of(settings), clock_of(settings)

    def read_rules() -> tuple[Rules, datetime]:
        return over_a_live_connection(pool, lambda connection: rules_now(connection, clock, installed))

    def park_all(parked: Sequence[ToPark]) -> None:
        over_a_live_connection(pool, lambda connection: park(connection, parked))

    engine = engine_of(settings, database_url, "commands")
    answering = Answering(settings.sender_names, Cell(settings.cell))
    jobs = Jobs(settings, database_url, engine, read_rules, answering)
    return Desk(engine, read_rules, park_all, answering, jobs)


@dataclass
class Desk:
    """Answers messages of both doors; keeps only those in hand."""

    engine: Engine
    read_rules: Callable[[], tuple[Rules, datetime]]
    park: Callable[[Sequence[ToPark]], None]
    answering: Answering
    jobs: Jobs
    _waiting: deque[Msg] = field(init=False, default_factory=deque[Msg])
    _requests: asyncio.Task[None] | None = field(init=False, default=None)
    _queued: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)

    async def take(self, messages: list[Msg]) -> None:
        """Execute a batch from the queue, answer and settle it; what cannot be executed now comes again."""
        async with self._queued:
            try:
                await self._settle(messages)
            except Exception as error:  # noqa: BLE001 (the messages come again)
                log.warning("commands.batch_failed", messages=len(messages), error=_said(error))
                await nak_all(messages)

    async def asked(self, message: Msg) -> None:
        """A request; it waits for those before it, and is executed together with those that came meanwhile."""
        if len(self._waiting) >= WAITING_MOST:
            return  # no answer: the sender asks again
        self._waiting.append(message)
        if self._requests is None or self._requests.done():
            self._requests = asyncio.create_task(self._answer_requests())

    async def finish(self) -> None:
        """Wait until no command is in hand; jobs are ended, since they may take long."""
        async with self._queued:
            if self._requests is not None:
                await self._requests
        await self.jobs.stop()

    async def _settle(self, messages: list[Msg]) -> None:
        """Execute, store the answers, acknowledge; what cannot be executed comes again, and is parked in the end."""
        started = perf_counter()
        given, jobs = self._read(messages)
        for message, job in jobs:
            await self.jobs.take(message, job)
        if not given:
            return
        answered = await self._execute(given)
        again = [one for one in answered if one.failed and one.message.metadata.num_delivered < TRIES]
        done = [one for one in answered if one not in again] if again else answered
        await self.answering.to_queued(done)
        if given_up := [one for one in done if one.failed]:
            # the message alone: whether its card can be renewed is found out by who renews it
            rows = [to_park(None, one.message, f"a command of {one.sender}: {CANNOT}") for one in given_up]
            await asyncio.to_thread(self.park, rows)
        await ack_all([one.message for one in done])
        await nak_all([one.message for one in again])
        _log("queue", answered, started)

    async def _answer_requests(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(COMMANDS_AT_ONCE, len(self._waiting)))]
            try:
                await self._reply(batch)
            except Exception as error:  # noqa: BLE001 (no answer: the senders ask again)
                log.warning("commands.batch_failed", messages=len(batch), error=_said(error))

    async def _reply(self, messages: Sequence[Msg]) -> None:
        started = perf_counter()
        given, _ = self._read(messages)
        try:
            answered = await self._execute(given)
        except Exception as error:  # noqa: BLE001 (the senders are told that they have to ask again)
            log.warning("commands.batch_failed", messages=len(messages), error=_said(error))
            answered = [Answered(message, one.sender, _away(one)) for message, one in given]
        await self.answering.to_requests(answered)
        _log("requests", answered, started)

    def _read(self, messages: Sequence[Msg]) -> tuple[list[tuple[Msg, Given]], list[tuple[Msg, GivenJob]]]:
        """The commands, and what is none; and the jobs."""
        read_all = [(one, read(one.subject, one.data, self.answering.senders)) for one in messages]
        jobs = [(message, one) for message, one in read_all if isinstance(one, GivenJob)]
        return [(message, one) for message, one in read_all if isinstance(one, Given)], jobs

    async def _execute(self, given: Sequence[tuple[Msg, Given]]) -> list[Answered]:
        """The answer to each message; raises what keeps all of them from being executed."""
        issued = [
            Issued(one.said, actor("operator", one.sender))
            for _, one in given
            if not isinstance(one.said, CommandRefused)
        ]
        replies = iter(await asyncio.to_thread(self._executed, issued) if issued else ())
        return [Answered(message, one.sender, _answer(one.said, replies)) for message, one in given]

    def _executed(self, issued: Sequence[Issued]) -> list[Reply]:
        return self.engine.execute(issued, *self.read_rules())


def _answer(said: AnyCommand | CommandRefused, replies: Iterator[Reply]) -> Answer:
    """The answer to a message; a command takes the next reply."""
    if isinstance(said, CommandRefused):
        return said
    match next(replies):
        case Refused() as refused:
            return refusal(said, refused.code, str(refused), refused.field)
        case Exception() as error:
            log.warning("commands.failed", card_id=str(said.card_id), error=_said(error))
            return CommandFailed(command_id=own_id(said), card_id=said.card_id, message=CANNOT)
        case facts:
            return CommandAccepted(command_id=own_id(said), card_id=said.card_id, changed=bool(facts))


def _away(given: Given) -> Answer:
    said = given.said
    if isinstance(said, CommandRefused):
        return said
    return CommandFailed(command_id=own_id(said), card_id=said.card_id, message=AWAY)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _log(door: str, answered: Sequence[Answered], started: float) -> None:
    kinds = Counter(type(one.answer).__name__.removeprefix("Command").lower() for one in answered)
    log.info(
        "commands.batch",
        door=door,
        messages=len(answered),
        **{kind: kinds[kind] for kind in ("accepted", "refused", "failed")},
        executed_ms=round((perf_counter() - started) * 1e3, 1),
    )
