"""Read models made anew from a long log: facts a second, for one and for all, and the memory that it takes."""

import resource
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import psutil
import psycopg

from adapters.cli.servers import both_servers
from adapters.embedded import owner_url
from adapters.schema import migrate
from adapters.settings import Settings
from adapters.wiring import rules_of
from engine.store.log import head
from projections.follow import BATCH, follow
from projections.live import LIVE, MODELS
from projections.read_model import ReadModel
from projections.rebuild.building import Built
from projections.rebuild.rebuilding import Rebuilt, Watching, rebuild
from tests.bench.beside import appending, caught_up, projector, visible_ms
from tests.bench.seeds import Cohort, seed

Show = Callable[[str, int, int], None]

FACTS = 21
"""Of each card."""
DUE = datetime(2027, 1, 3, 17, tzinfo=UTC)
PARALLEL = 2
APPENDED = 500


def projection_figures(settings: Settings, cards: int, show: Show) -> dict[str, Any]:
    """Write the log, follow it, then rebuild `cards` alone and all read models."""
    with both_servers(settings) as running:
        url = owner_url(running.database_url)
        migrate(url, running.database_url)
        cohort, written = Cohort(1, cards, FACTS, DUE), 0

        def watch(facts: int) -> None:
            nonlocal written
            written += facts
            show(f"writing {FACTS * cards:,} facts", written, FACTS * cards)

        seed(url, rules_of(running.settings), cohort, watch)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            figures: dict[str, Any] = {"facts": head(connection), "live_facts_per_s": _followed(connection, show)}
        for name, models in (("cards", MODELS[:1]), ("all", MODELS)):
            figures |= {f"{name}_{what}": one for what, one in _rebuilt(url, models, show).items()}
        return figures | _beside(url, running.settings, show)


def _beside(url: str, settings: Settings, show: Show) -> dict[str, Any]:
    """Appends with a projector that follows them: alone, then while all is rebuilt; and how soon a fact is visible."""
    with projector(settings), psycopg.connect(url, autocommit=True) as connection:
        caught_up(connection)
        figures: dict[str, Any] = visible_ms(url, settings)
        with appending(url, settings, Cohort(1000, APPENDED, FACTS, DUE)) as ended:
            alone = ended()
        caught_up(connection)
        with appending(url, settings, Cohort(2000, APPENDED, FACTS, DUE)) as ended:
            rebuilt = _rebuilt(url, MODELS, show)
            meanwhile = ended()
    return figures | {
        "appended_per_s": round(alone),
        "appended_per_s_while_rebuilding": round(meanwhile),
        "appends_left_percent": round(100 * meanwhile / alone),
        "rebuilt_per_s_while_appending": rebuilt["facts_per_s"],
        "longest_switch_ms_while_appending": rebuilt["longest_switch_ms"],
    }


def _followed(connection: psycopg.Connection[Any], show: Show) -> int:
    started, facts = perf_counter(), 0
    end = head(connection)
    while (step := follow(connection, LIVE, BATCH)).fact_count:
        facts += step.fact_count
        show("following", facts, end)
    return round(facts / (perf_counter() - started))


def _rebuilt(url: str, models: tuple[ReadModel[Any], ...], show: Show) -> dict[str, Any]:
    peak_mb, begun, before_s = 0, perf_counter(), _cpu_s_of_children()

    def built(so_far: Built) -> None:
        nonlocal peak_mb
        show(f"rebuilding {' '.join(model.name for model in models)}", so_far.done, so_far.of)
        peak_mb = max(peak_mb, _memory_mb())

    rebuilt: Rebuilt = rebuild(url, models, PARALLEL, Watching(_ignore, built, _ignore), dry_run=False)
    cpu_s = _cpu_s_of_children() - before_s
    return {
        "facts_per_s": round(rebuilt.built.facts_per_s),
        "cpu_us_per_fact": round(1e6 * cpu_s / max(rebuilt.built.facts, 1), 1),
        "seconds": round(rebuilt.built.seconds, 1),
        "seconds_until_live": round(perf_counter() - begun, 1),
        "longest_switch_ms": round(1000 * max(one.seconds for one in rebuilt.switched), 1),
        "peak_mb": peak_mb,
    }


def _cpu_s_of_children() -> float:
    """Of the processes that have ended; what a busy machine leaves them does not matter."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ignore(_: object) -> None:
    """Nobody watches that."""


def _memory_mb() -> int:
    """Of this process and those that it has started, but not of the servers."""
    here = psutil.Process()
    processes = [here, *(one for one in here.children() if "postgres" not in one.name() and "nats" not in one.name())]
    return sum(one.memory_info().rss for one in processes) // 2**20
