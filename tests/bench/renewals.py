"""The measurement: all cards of a cohort come due at one instant, and the time is taken until all are renewed.

Renewed means in the log, in the read models and on the broker.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import Any, NamedTuple

import nats
import psycopg

from adapters.broker.contract import INTERNAL_FACTS
from adapters.broker.events import EVENTS_STREAM
from adapters.cli.servers import Running
from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.embedded import owner_url
from adapters.gateways.simulated import double_charges, totals
from adapters.roles.publisher import PUBLISHER
from adapters.wiring import rules_of
from engine.errors import BaohaoError
from engine.store.log import head
from projections.follow import positions
from projections.ledger import gateway_totals
from projections.live import LIVE
from tests.bench.processes import Processes
from tests.bench.seeds import Cohort, seed
from tests.bench.sizes import bytes_by_place, divided

POLL_S = 0.03
STUCK_AFTER_S = 60
STAGES = ("wake_ms", "gateway_ms", "record_ms", "ack_ms")
"""Times of the stages of a batch in the consumer's log; batches overlap."""
CARDS, FACTS = ("consumer.batch", "cards"), ("projector.batch", "facts")
INTERNAL = list(INTERNAL_FACTS)

Show = Callable[[str, int, int], None]
"""Called with the phase, how much of it is done, and the total."""


class Renewed(NamedTuple):
    """One measurement: the facts are those after position `after`, up to `upto`."""

    at: datetime
    """Their business time."""
    cards: int
    seconds: float
    after: int
    upto: int
    stages_us: dict[str, float]
    """Per renewal: the consumer's stages, and the CPU time of each process."""
    projected: list[int]
    """How many facts the projector took in each batch."""
    bytes_per_fact: dict[str, float]
    """By their place on the disk, of the whole log as it is now."""
    bytes_per_renewal: dict[str, float]
    """What these renewals added there."""

    @property
    def per_s(self) -> float:
        """Renewals per second."""
        return self.cards / self.seconds


@dataclass
class Bench:
    """A system under measurement; its roles run within the block of `roles`."""

    running: Running
    connection: psycopg.Connection[Any]
    show: Show
    now: datetime
    """The virtual clock's time."""
    peak_rss_mb: Counter[str] = field(default_factory=Counter[str])
    """The peak memory of each role."""
    _processes: Processes = field(init=False)
    _charged: Counter[str] = field(init=False, default_factory=Counter[str])
    """Per currency, the money of these renewals in the ledger."""
    _last_charged: Counter[str] = field(init=False, default_factory=Counter[str])
    """The same of the last measurement."""
    _flaws: list[str] = field(init=False, default_factory=list[str])

    @property
    def owner_url(self) -> str:
        """For tables of a measurement's own."""
        return owner_url(self.running.database_url)

    @contextmanager
    def roles(self, **changed: object) -> Iterator[None]:
        """All roles, with some settings changed."""
        owner = {"owner_database_url": self.owner_url}
        settings = self.running.settings.model_copy(update=owner | changed)
        with all_roles(settings) as (_, supervisor):
            self._processes = Processes(supervisor, settings.home)
            move_clock(self.connection, self.now)
            yield

    def flaws(self) -> list[str]:
        """Evidence that a card was not renewed, charged or published exactly once."""
        record = self.running.settings.gateway_record
        extra, taken, charged = double_charges(record), totals(record), dict(self._charged)
        found = list(self._flaws)
        if extra:
            found.append(f"the gateway took money {extra} times too often")
        if taken != charged:
            found.append(f"the gateway took {taken}, the ledger has {charged}")
        return found

    def charged_elsewhere(self, taken: dict[str, int]) -> None:
        """What another provider took in the last measurement, in the place of the simulated gateway."""
        if taken != dict(self._last_charged):
            self._flaws.append(f"the other provider took {taken}, the ledger has {dict(self._last_charged)}")
        self._charged -= self._last_charged

    def seed(self, cohort: Cohort, what: str) -> None:
        """Write a cohort and wait until it is in the read models and on the broker."""
        written = 0

        def watch(facts: int) -> None:
            nonlocal written
            written += facts
            self.show(f"writing {what}", written, cohort.cards * cohort.facts)
            self._processes.record_memory(self.peak_rss_mb)

        seed(self.owner_url, rules_of(self.running.settings), cohort, watch)
        self._rest(f"following {what}")

    def _rest(self, what: str) -> None:
        """Wait until the followers are at the head of the log."""
        before, end = self._position(), head(self.connection)
        for position in self._positions():
            self.show(what, position - before, end - before)
            if position >= end:
                return

    def renew(self, cohort: Cohort, what: str) -> Renewed:
        """Let the cohort come due, and wait until its renewals are stored and published."""
        batches, projected = self._processes.lines("consumer"), self._processes.lines("projector")
        after, ledger, published = head(self.connection), Counter(gateway_totals(self.connection)), self._published()
        cpu_s, sizes = self._processes.cpu_s(), bytes_by_place(self.connection)
        seconds = self._come_due(cohort, what, after)
        upto = head(self.connection)
        for _ in self._positions():  # until the last line is written
            if batches.sum(*CARDS) >= cohort.cards and projected.sum(*FACTS) >= upto - after:
                break
        spent_s = {f"cpu_{name}": spent - cpu_s[name] for name, spent in self._processes.cpu_s().items()}
        stages_s = {stage.removesuffix("_ms"): batches.sum("consumer.batch", stage) / 1e3 for stage in STAGES}
        self._last_charged = Counter(gateway_totals(self.connection)) - ledger
        self._charged += self._last_charged
        self._check(cohort, what, after, self._published() - published)
        now = bytes_by_place(self.connection)
        return Renewed(
            self.now,
            cohort.cards,
            seconds,
            after,
            upto,
            {name: round(s * 1e6 / cohort.cards, 1) for name, s in (stages_s | spent_s).items()},
            [line["facts"] for line in projected.about("projector.batch")],
            divided(now, upto),
            divided({place: size - sizes[place] for place, size in now.items()}, cohort.cards),
        )

    def _come_due(self, cohort: Cohort, what: str, after: int) -> float:
        facts = 4 * cohort.cards
        started = perf_counter()
        self.now = cohort.due
        move_clock(self.connection, self.now)
        for position in self._positions():
            self.show(what, min(position - after, facts) // 4, cohort.cards)
            if position >= after + facts and position >= head(self.connection) and not self._due(cohort.due):
                break
        return perf_counter() - started

    def _positions(self) -> Iterator[int]:
        """The position of the slowest follower, polled; raises BaohaoError when it does not move."""
        last, moved = -1, perf_counter()
        while True:
            position = self._position()
            if position != last:
                last, moved = position, perf_counter()
            elif perf_counter() - moved > STUCK_AFTER_S:
                raise BaohaoError(f"nothing has moved for {STUCK_AFTER_S} s: the followers are at {position}")
            yield position
            self._processes.record_memory(self.peak_rss_mb)
            time.sleep(POLL_S)

    def _position(self) -> int:
        standing = positions(self.connection)
        return min(standing.get(LIVE.name, 0), standing.get(PUBLISHER, 0))

    def _due(self, now: datetime) -> bool:
        row = self.connection.execute("SELECT EXISTS (SELECT FROM due WHERE wake_at <= %s)", (now,)).fetchone()
        return row is not None and row[0]

    def _check(self, cohort: Cohort, what: str, after: int, published: int) -> None:
        """Note flaws: each card must be renewed once, in log and read model, each public fact published once."""
        query = """
            SELECT count(*) FILTER (WHERE topic = 'card_renewed.v1') AS renewals,
                count(DISTINCT originator_id) FILTER (WHERE topic = 'card_renewed.v1') AS cards,
                (SELECT count(*) FROM cards WHERE changed_at = %(now)s AND term_number = %(term)s) AS rows,
                count(*) FILTER (WHERE topic <> ALL(%(internal)s)) AS public
            FROM card_events WHERE notification_id > %(after)s
        """
        terms = {"now": self.now, "term": cohort.renewals + 1, "internal": INTERNAL, "after": after}
        renewals, cards, rows, public = self.connection.execute(query, terms).fetchone() or (0, 0, 0, 0)
        if (renewals, cards, rows) != (cohort.cards,) * 3:
            self._flaws.append(f"{what}: {cohort.cards} cards due, {renewals} renewals of {cards} cards, {rows} rows")
        if published != public:
            self._flaws.append(f"{what}: {public} public facts, {published} messages")

    def _published(self) -> int:
        """How many messages the events stream has stored so far."""

        async def last_sequence() -> int:
            client = await nats.connect(self.running.nats_url)
            try:
                return (await client.jetstream().stream_info(EVENTS_STREAM)).state.last_seq
            finally:
                await client.close()

        return asyncio.run(last_sequence())
