"""The jobs of the role that executes commands: one after another beside them, with progress, each until it is done.

A job is settled once its answer is stored; before that it comes again, after a kill or a fault, and begins again.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import nats.errors
import psycopg
import structlog
from nats.aio.msg import Msg
from psycopg import Connection

from adapters.announcing import Announcement, announced, cards_of, check_announcement
from adapters.asking import ReadRules
from adapters.broker.commands import GivenJob, own_id, refusal
from adapters.broker.jobs import AnnouncePrices, ReplayEvents
from adapters.broker.messages.answers import Answer, CommandRefused, EventsReplayed, JobProgress, PricesAnnounced
from adapters.broker.replays import Asked, check_types, stream_of
from adapters.roles.answering import Answered, Answering
from adapters.roles.lead import faults_logged
from adapters.settings import Settings
from adapters.telling_again import check_position, tell_again
from engine.actor import actor
from engine.application import Engine
from engine.errors import BaohaoError, Refused
from projections.audit.as_of import place_at

log = structlog.get_logger()

IN_HAND = 4
"""So many jobs wait in one process; more stay in the queue, where they keep no command waiting."""
AGAIN_AFTER_S = 30.0
"""When a job comes again that found no place, or could not be done."""
TOLD_EVERY_S = 5.0
"""How often it is told how far a job is, and the broker that somebody works on it."""


@dataclass
class _Progress:
    done: int = 0
    of: int = 0
    told: int = 0

    def reached(self, done: int, of: int) -> None:
        self.done, self.of = done, of


@dataclass
class Jobs:
    """Does jobs with what the role has; keeps only those in hand."""

    settings: Settings
    database_url: str
    engine: Engine
    read_rules: ReadRules
    answering: Answering
    _turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _in_hand: set[asyncio.Task[None]] = field(init=False, default_factory=set[asyncio.Task[None]])

    async def take(self, message: Msg, given: GivenJob) -> None:
        """Do a job as soon as those before it are done; without a place for it, it comes again."""
        if len(self._in_hand) >= IN_HAND:
            await _give_back(message, AGAIN_AFTER_S)
            return
        task = asyncio.create_task(self._do(message, given))
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)

    async def stop(self) -> None:
        """End those in hand; they come again at once, to whoever takes them next."""
        for task in self._in_hand:
            task.cancel()
        await asyncio.gather(*self._in_hand, return_exceptions=True)

    async def _do(self, message: Msg, given: GivenJob) -> None:
        progress = _Progress()
        telling = asyncio.create_task(self._tell_progress(message, given, progress))
        try:
            async with self._turn:
                answer = await self._answer(given, progress)
            await self.answering.to_queued([Answered(message, given.sender, answer)])
            await message.ack()
        except asyncio.CancelledError:
            await _give_back(message)
            raise
        except Exception as error:  # noqa: BLE001 (it comes again)
            said = f"{type(error).__name__}: {error}"
            log.warning("jobs.failed", job=type(given.job).__name__, sender=given.sender, error=said)
            await _give_back(message, AGAIN_AFTER_S)
        finally:
            telling.cancel()

    async def _tell_progress(self, message: Msg, given: GivenJob, progress: _Progress) -> None:
        while True:
            with faults_logged("commands"):
                await message.in_progress()
                if progress.done != progress.told:
                    progress.told = progress.done
                    said = JobProgress(command_id=own_id(given.job), done=progress.done, of=progress.of)
                    await self.answering.to_queued([Answered(message, given.sender, said)])
            await asyncio.sleep(TOLD_EVERY_S)

    async def _answer(self, given: GivenJob, progress: _Progress) -> Answer:
        match given.job:
            case AnnouncePrices() as job:
                return await self._announce(job, given.sender, progress)
            case ReplayEvents() as job:
                return await self._replay(job, given.sender, progress)

    async def _announce(self, job: AnnouncePrices, sender: str, progress: _Progress) -> Answer:
        asked = Announcement(job.command_id, job.plan, job.version)
        rules, _ = await asyncio.to_thread(self.read_rules)
        try:
            check_announcement(rules, asked)
        except Refused as refused:
            return refusal(job, refused.code, str(refused), refused.field)
        card_ids = await asyncio.to_thread(self._cards_of, job.plan)
        batches = announced(self.engine, self.read_rules, card_ids, asked, actor("operator", sender))
        told = PricesAnnounced(own_id(job), len(card_ids), 0, 0, 0, 0)
        while (so_far := await asyncio.to_thread(next, batches, None)) is not None:
            progress.reached(so_far.done, so_far.cards)
            told = PricesAnnounced(own_id(job), **vars(so_far))
        return told

    async def _replay(self, job: ReplayEvents, sender: str, progress: _Progress) -> EventsReplayed | CommandRefused:
        try:
            check_types(job.types)
        except BaohaoError as error:
            return refusal(job, "unknown_event", str(error), "types")
        with await asyncio.to_thread(self._connection) as database:
            after = await asyncio.to_thread(self._after, database, job)
            try:
                await asyncio.to_thread(check_position, database, after)
            except BaohaoError as error:
                return refusal(job, "unknown_position", str(error), "since")
            asked = Asked(sender, after, frozenset(job.types), frozenset(job.cards))
            told = await tell_again(
                database,
                self.answering.client,
                asked,
                self.settings,
                job.rate,
                lambda _, position, upto: progress.reached(position, upto),
            )
        return EventsReplayed(own_id(job), stream_of(sender), *told)

    def _after(self, database: Connection[Any], job: ReplayEvents) -> int:
        if isinstance(job.since, int):
            return job.since
        return place_at(database, job.since)

    def _connection(self) -> Connection[Any]:
        return psycopg.connect(self.database_url, autocommit=True)

    def _cards_of(self, plan: str) -> list[UUID]:
        with self._connection() as database:
            return cards_of(database, plan)


async def _give_back(message: Msg, after_s: float | None = None) -> None:
    """Let it come again; where the broker cannot be told, it does so by itself."""
    with suppress(nats.errors.Error):
        await message.nak(after_s)
