"""Parts of the engine measured alone: appending, reading, single commands."""

from collections.abc import Sequence
from contextlib import closing
from statistics import quantiles
from time import perf_counter
from uuid import UUID

from adapters.wiring import rules_of
from engine.application import Engine
from engine.commands import Command, EnableAutoRenew, Issued, SwitchOffAutoRenew
from engine.envelope import card_fact
from engine.errors import BaohaoError
from engine.store.log import read_log
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Append, Store, Stream
from tests.bench.renewals import Bench
from tests.bench.seeds import BENCH, CARDS_AT_ONCE

APPENDED_MAX = 60 * CARDS_AT_ONCE
READ_AT_ONCE = 1000
READ_FACTS = 100_000


def append_events_per_s(bench: Bench, card_ids: Sequence[UUID]) -> float:
    """Facts per second through `Store.append_many`, two for each of 256 cards at a time, into a table of their own.

    All are the last facts of the first card.
    """
    with closing(datastore(bench.owner_url, pool_size=1)) as store:
        recorder = CardRecorder(store, events_table_name="bench_appended")
        recorder.create_table()
        real, measured = Store(CardRecorder(store)), Store(recorder)
        stream = real.load_many(card_ids[:1])[card_ids[0]]
        if not isinstance(stream, Stream) or stream.card is None:
            raise BaohaoError(f"there is no card {card_ids[0]}")
        facts = tuple(card_fact(recorded) for recorded in real.history(stream.card_id)[-2:])
        streams = [Stream(card_id, None, 0, None) for card_id in card_ids[:APPENDED_MAX]]
        appends = [Append(new, facts, stream.card, stream.wake_at, "bench", BENCH) for new in streams]
        started = perf_counter()
        for start in range(0, len(appends), CARDS_AT_ONCE):
            measured.append_many(appends[start : start + CARDS_AT_ONCE])
        return len(facts) * len(appends) / (perf_counter() - started)


def read_events_per_s(bench: Bench) -> float:
    """Facts per second that a follower reads and decodes, in batches of 1000."""
    position = read = 0
    started = perf_counter()
    while read < READ_FACTS and (facts := read_log(bench.connection, position, READ_AT_ONCE)):
        position, read = facts[-1].position, read + len(facts)
    return read / (perf_counter() - started)


def p99_command_ms(bench: Bench, card_ids: Sequence[UUID]) -> float:
    """Milliseconds within which 99 of 100 single commands are done: each card is switched off, then on again."""
    rules, at = rules_of(bench.running.settings), bench.now
    took_ms: list[float] = []
    with closing(datastore(bench.running.database_url, pool_size=1)) as store:
        engine = Engine(Store(CardRecorder(store)), BENCH)
        for command in (command for card_id in card_ids for command in _off_and_on(card_id)):
            started = perf_counter()
            (answer,) = engine.execute([Issued(command, BENCH)], rules, at)
            took_ms.append((perf_counter() - started) * 1e3)
            if isinstance(answer, Exception):
                raise answer
    return quantiles(took_ms, n=100)[-1]


def _off_and_on(card_id: UUID) -> tuple[Command, Command]:
    return (
        SwitchOffAutoRenew(command_id=f"off-{card_id}", card_id=card_id),
        EnableAutoRenew(command_id=f"on-{card_id}", card_id=card_id, months=1, terms_version="2026-11", channel="web"),
    )
