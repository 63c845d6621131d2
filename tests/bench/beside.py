"""What a long rebuild costs those who work meanwhile, and how soon a fact is visible in the read models."""

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import psycopg

from adapters.cli.demo.population import card_id_of
from adapters.clock import recorded_now
from adapters.settings import Settings, environment
from adapters.wiring import rules_of
from engine.application import Engine
from engine.commands import Issued, RegisterCard
from engine.errors import BaohaoError
from engine.store.log import head
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from projections.follow import positions
from projections.live import LIVE
from tests.bench.seeds import BENCH, Cohort, seed

FACTS_PER_S, AT_ONCE, SECONDS = 500, 10, 10
LOOK_S = 0.002
APPENDING_S = 20
PATIENCE_S = 120


@contextmanager
def projector(settings: Settings) -> Iterator[None]:
    """The role, which follows meanwhile."""
    command = [sys.executable, "-m", "adapters.cli", "run", "projector"]
    with (
        Path(settings.home / "projector.log").open("wb") as log,
        subprocess.Popen(command, env=environment(settings), stderr=log, stdout=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def appending(url: str, settings: Settings, cohort: Cohort) -> Generator[Callable[[], float]]:
    """A process that appends such cards again and again for APPENDING_S; what is yielded waits for it: facts a second.

    No longer, so that the read models come to the end of the log again.
    """
    processes = get_context("spawn")
    ready = processes.Event()
    told, tells = processes.Pipe(duplex=False)
    process = processes.Process(target=_append, args=(url, settings, cohort, ready, tells))
    process.start()
    ready.wait()

    def ended() -> float:
        per_s: float = told.recv()
        process.join()
        return per_s

    yield ended


def _append(url: str, settings: Settings, cohort: Cohort, ready: Event, tells: Pipe) -> None:
    rules, facts, number = rules_of(settings), 0, cohort.seed
    ready.set()
    started = perf_counter()

    def watch(written: int) -> None:
        nonlocal facts
        facts += written

    while perf_counter() < started + APPENDING_S:
        seed(url, rules, replace(cohort, seed=number), watch)
        number += 1
    tells.send(facts / (perf_counter() - started))


def caught_up(connection: psycopg.Connection[Any]) -> None:
    """Wait until the projector is at the end of the log."""
    end, deadline = head(connection), perf_counter() + PATIENCE_S
    while positions(connection).get(LIVE.name, 0) < end:
        if perf_counter() > deadline:
            raise BaohaoError(f"the projector does not come to position {end}")
        sleep(LOOK_S)


def visible_ms(url: str, settings: Settings) -> dict[str, float]:
    """From the commit of a fact until all read models have it, at FACTS_PER_S facts a second."""
    rules, now = rules_of(settings), recorded_now()
    commits: list[tuple[int, float]] = []
    took_ms: list[float] = []
    with (
        closing(datastore(url, pool_size=1)) as store,
        psycopg.connect(url, autocommit=True) as writer,
        psycopg.connect(url, autocommit=True) as reader,
    ):
        engine = Engine(Store(CardRecorder(store)), BENCH)
        batches = FACTS_PER_S * SECONDS // AT_ONCE
        engine.execute([Issued(one, BENCH) for one in _registrations(batches, now.date())], rules, now)
        caught_up(reader)  # the role has started

        def look() -> None:
            while len(took_ms) < batches:
                position = positions(reader).get(LIVE.name, 0)
                while len(took_ms) < len(commits) and commits[len(took_ms)][0] <= position:
                    took_ms.append(1e3 * (perf_counter() - commits[len(took_ms)][1]))
                sleep(LOOK_S)

        looking = Thread(target=look)
        looking.start()
        begun = perf_counter()
        for number in range(batches):
            sleep(max(0.0, begun + number * AT_ONCE / FACTS_PER_S - perf_counter()))
            engine.execute([Issued(one, BENCH) for one in _registrations(number, now.date())], rules, now)
            commits.append((head(writer), perf_counter()))
        looking.join()
    return {
        "visible_p50_ms": round(quantiles(took_ms, n=100)[49], 1),
        "visible_p99_ms": round(quantiles(took_ms, n=100)[98], 1),
    }


def _registrations(batch: int, today: date) -> Sequence[RegisterCard]:
    return [
        RegisterCard(
            command_id=f"visible-{number}",
            card_id=card_id_of(-1, number),
            holder_id=f"visible-{number}",
            plan="keep-plus",
            currency="EUR",
            zone="Africa/Abidjan",
            starts_on=today,
            months=1,
        )
        for number in range(batch * AT_ONCE, (batch + 1) * AT_ONCE)
    ]
