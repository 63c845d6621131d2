"""Sealing, archiving and verifying a long log: facts a second, CPU and bytes a fact, and what sealing costs appends."""

import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import psycopg

from adapters.cli.servers import both_servers
from adapters.embedded import owner_url
from adapters.parquet.archive import add_to_archive
from adapters.parquet.verifying import verify_archive
from adapters.schema import migrate
from adapters.settings import Settings
from adapters.wiring import rules_of
from engine.rules import Rules
from engine.store.log import head
from projections.audit.heads import SealKey
from projections.audit.sealing import seal_next
from projections.audit.verifying import verify
from projections.giving_way import give_way
from tests.bench.seeds import Cohort, seed

Show = Callable[[str, int, int], None]

FACTS = 21
"""Of each card."""
DUE = datetime(2027, 1, 3, 17, tzinfo=UTC)
APPENDED = 1000
"""Cards that are appended to measure the rate, with and without a sealer beside them, ROUNDS times each."""
ROUNDS = 3
FACTS_PER_FILE = 1_000_000
LOOK_S = 0.5
"""How often the sealer looks for new facts, as the role does."""


def audit_figures(settings: Settings, cards: int, show: Show) -> dict[str, Any]:
    """Write the log, seal it, archive it, verify both; then append with and without a sealer."""
    key = SealKey.new("bench")
    with both_servers(settings) as running:
        url, rules = owner_url(running.database_url), rules_of(running.settings)
        migrate(url, running.database_url)
        _write(url, rules, Cohort(1, cards, FACTS, DUE), show)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            figures: dict[str, Any] = {"facts": head(connection), **_sealed(connection, key, settings, show)}
            figures |= _archived(connection, key, settings.home / "archive", show)
        for parallel in (1, 2):
            figures |= _verified(url, key, parallel, figures["facts"], show)
        return figures | _appended(url, rules, key, settings, show)


def _write(url: str, rules: Rules, cohort: Cohort, show: Show) -> float:
    """Facts per second."""
    written, of = 0, cohort.cards * cohort.facts

    def watch(facts: int) -> None:
        nonlocal written
        written += facts
        show(f"writing {of:,} facts ({cohort.seed})", written, of)

    started = perf_counter()
    seed(url, rules, cohort, watch)
    return of / (perf_counter() - started)


def _sealed(connection: psycopg.Connection[Any], key: SealKey, settings: Settings, show: Show) -> dict[str, Any]:
    of, size = head(connection), 0
    started, cpu_s = perf_counter(), process_time()
    while (seal := seal_next(connection, key, settings.seal_facts)) is not None:
        size = seal.size
        show("sealing", size, of)
    took_s, used_s = perf_counter() - started, process_time() - cpu_s
    (kept,) = connection.execute("SELECT pg_total_relation_size('seals')").fetchone() or (0,)
    return {
        "sealed_facts_per_s": round(size / took_s),
        "sealing_cpu_us_per_fact": round(1e6 * used_s / size, 1),
        "seal_bytes_per_fact": round(kept / size, 1),
    }


def _archived(connection: psycopg.Connection[Any], key: SealKey, folder: Path, show: Show) -> dict[str, Any]:
    of, keys = head(connection), [key.public]
    started = perf_counter()
    done = add_to_archive(
        connection, [key.public], folder, of, FACTS_PER_FILE, lambda facts: show("archiving", facts, of)
    )
    archived_s = perf_counter() - started
    verified = verify_archive(folder, keys, progress=lambda facts: show("verifying the archive", facts, of))
    return {
        "archived_facts_per_s": round(done.facts / archived_s),
        "archive_verified_facts_per_s": round(verified.facts / (perf_counter() - started - archived_s)),
        "archive_bytes_per_fact": round(done.bytes / done.facts, 1),
        "findings_in_the_archive": len(verified.findings),
    }


def _verified(url: str, key: SealKey, parallel: int, facts: int, show: Show) -> dict[str, Any]:
    phase = f"verifying by {parallel}"
    started, cpu_s = perf_counter(), _cpu_s()
    verified = verify(url, [key.public], parallel=parallel, progress=lambda done: show(phase, done, facts))
    took_s, used_s = perf_counter() - started, _cpu_s() - cpu_s
    return {
        f"verified_facts_per_s_by_{parallel}": round(verified.facts / took_s),
        f"verifying_cpu_us_per_fact_by_{parallel}": round(1e6 * used_s / verified.facts, 1),
        f"findings_by_{parallel}": len(verified.findings),
    }


def _appended(url: str, rules: Rules, key: SealKey, settings: Settings, show: Show) -> dict[str, Any]:
    """The best of ROUNDS each, in turns, so that both meet the same machine; nothing is left to seal before a turn."""
    alone = sealed = 0.0
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(ROUNDS):
            alone = max(alone, _write(url, rules, Cohort(10 + number, APPENDED, FACTS, DUE), show))
            _seal_all(connection, key, settings.seal_facts)
            with _sealer(url, key, settings.seal_facts):
                sealed = max(sealed, _write(url, rules, Cohort(20 + number, APPENDED, FACTS, DUE), show))
            _seal_all(connection, key, settings.seal_facts)
    return {
        "appended_facts_per_s": round(alone),
        "appended_facts_per_s_with_sealer": round(sealed),
        "appends_slower_percent": round(100 * (1 - sealed / alone), 1),
    }


@contextmanager
def _sealer(url: str, key: SealKey, facts: int) -> Generator[None]:
    """A process that seals what is appended in the block."""
    processes = get_context("spawn")
    ready, stop = processes.Event(), processes.Event()
    sealer = processes.Process(target=_seal_on, args=(url, key.text, facts, ready, stop))
    sealer.start()
    ready.wait()
    yield
    stop.set()
    sealer.join()


def _seal_on(url: str, key: str, facts: int, ready: Event, stop: Event) -> None:
    give_way()  # as the role does
    with psycopg.connect(url, autocommit=True) as connection:
        ready.set()
        while not stop.wait(LOOK_S):
            _seal_all(connection, SealKey.read(key), facts)


def _seal_all(connection: psycopg.Connection[Any], key: SealKey, facts: int) -> None:
    while seal_next(connection, key, facts) is not None:
        pass


def _cpu_s() -> float:
    """Of this process and of those that have ended; what a busy machine leaves them does not matter."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return process_time() + used.ru_utime + used.ru_stime
