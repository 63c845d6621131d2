"""What the parts of the engine do by themselves: appending, reading, one command after another."""

from collections.abc import Sequence
from statistics import quantiles
from time import perf_counter
from uuid import UUID, uuid4

from adapters.cli.bench_renewals import Bench
from adapters.cli.bench_seeds import CARDS_AT_ONCE
from adapters.clock import recorded_now
from adapters.wiring import rules_of
from engine.application import Engine
from engine.commands import EnableAutoRenew, SwitchOffAutoRenew
from engine.errors import BaohaoError
from engine.log import read_log
from engine.recorder import CardRecorder, datastore
from engine.store import Append, Store, Stream

APPENDED_BATCHES = 60
READ_AT_ONCE = 1000
READ_FACTS = 100_000


def append_events_per_s(bench: Bench, card_id: UUID) -> float:
    """Facts per second through `Store.append_many`, two for each of 256 cards at a time, into a table of their own.

    The facts are the last ones of a card that there is.
    """
    store = datastore(bench.running.database_url, pool_size=1)
    try:
        recorder = CardRecorder(store, events_table_name="bench_appended")
        recorder.create_table()
        real, aside = Store(CardRecorder(store), "bench"), Store(recorder, "bench")
        stream = real.load_many([card_id])[card_id]
        if not isinstance(stream, Stream) or stream.card is None:
            raise BaohaoError(f"there is no card {card_id}")
        facts = tuple(recorded.fact for recorded in real.history(card_id)[-2:])
        new = [Stream(uuid4(), None, 1, None) for _ in range(APPENDED_BATCHES * CARDS_AT_ONCE)]
        appends = [Append(stream_aside, facts, stream.card, stream.wake_at, "bench") for stream_aside in new]
        started = perf_counter()
        for start in range(0, len(appends), CARDS_AT_ONCE):
            aside.append_many(appends[start : start + CARDS_AT_ONCE], recorded_now())
        return len(facts) * len(appends) / (perf_counter() - started)
    finally:
        store.close()


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
    store = datastore(bench.running.database_url, pool_size=1)
    engine = Engine(Store(CardRecorder(store), "bench"), recorded_now)
    for card_id in card_ids:
        off = SwitchOffAutoRenew(command_id=f"off-{card_id}", card_id=card_id)
        on = EnableAutoRenew(command_id=f"on-{card_id}", card_id=card_id, months=1, terms_version="1", channel="web")
        for command in (off, on):
            started = perf_counter()
            (answer,) = engine.execute([command], rules, at)
            took_ms.append((perf_counter() - started) * 1e3)
            if isinstance(answer, Exception):
                raise answer
    store.close()
    return quantiles(took_ms, n=100)[-1]
