"""`baohao bench`: how many renewals per second this machine makes, next to what its PostgreSQL could write at best."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.bench_renewals import Bench, Renewed, Show
from adapters.cli.bench_seeds import Cohort
from adapters.cli.output import err
from adapters.cli.servers import Running
from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.settings import Settings, load_settings

BEFORE = datetime(2026, 12, 1, 12, tzinfo=UTC)
"""Where the clock stands at first: no cohort is due."""
MAIN_DUE = datetime(2027, 1, 3, 12, tzinfo=UTC)
WARM_UP_CARDS = 256
WARM_UP_EARLIER = timedelta(days=2)
"""Long enough that the measured cards are not due with them."""
FACTS = 21


def measure_main(cards: int) -> dict[str, Any]:
    """The main measurement alone: rate, stages, memory."""
    with _home() as home, _screen() as show, _system(bench_settings(home), show) as bench:
        return _figures(_main(bench, cards))


def bench_settings(home: Path) -> Settings:
    """Embedded servers and a virtual clock; batches and the like as the environment has them."""
    return load_settings(
        home=home,
        database_url=None,
        nats_url=None,
        clock="virtual",
        gateway_delay_ms=0,
        gateway_record=home / "gateway.sqlite3",
        log_level="info",
        log_format="json",
    )


def _main(bench: Bench, cards: int) -> Renewed:
    cohort = Cohort(1, cards, FACTS, MAIN_DUE)
    warm_up = Cohort(2, min(cards // 4, WARM_UP_CARDS), FACTS, MAIN_DUE - WARM_UP_EARLIER)
    bench.seed(warm_up, "the warm-up")
    bench.seed(cohort, "cards of 21 facts")
    bench.renew(warm_up, "warming up")
    return bench.renew(cohort, "renewing")


def _figures(main: Renewed) -> dict[str, Any]:
    return {"renewals_per_s": main.per_s, "stages_us": main.stages_us, "x": main.exactly_once}


@contextmanager
def _system(settings: Settings, show: Show) -> Iterator[Bench]:
    show("starting", 0, 1)
    with (
        all_roles(settings) as (running, supervisor),
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        move_clock(connection, BEFORE)
        yield Bench(running, supervisor, connection, show)


@contextmanager
def _home() -> Iterator[Path]:
    """A folder for servers and logs that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="baohao-bench-"))
    folder.chmod(0o755)  # run as root, PostgreSQL is another user and must reach its data in there
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _screen() -> Iterator[Show]:
    """A progress bar on stderr, one line per phase."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        tasks = {}

        def show(phase: str, done: int, of: int) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=of)
            progress.update(tasks[phase], completed=done, total=of)

        yield show
