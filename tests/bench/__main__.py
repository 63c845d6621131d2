"""`scripts/bench`: how many renewals per second this machine makes, and how many its PostgreSQL could write at best."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from uuid import UUID

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from adapters.cli import run_command
from adapters.cli.output import err, put_json, put_table
from adapters.cli.servers import both_servers, temporary_home
from adapters.collector import collect_rarely
from adapters.embedded import owner_url
from adapters.settings import Settings, load_settings
from tests.bench.audit import audit_figures
from tests.bench.commands import command_figures
from tests.bench.events import event_figures
from tests.bench.limit import limit_per_s
from tests.bench.pages import page_figures
from tests.bench.projections import projection_figures
from tests.bench.renewals import Bench, Renewed, Show
from tests.bench.seeds import Cohort
from tests.bench.store import append_events_per_s, p99_command_ms, read_events_per_s
from tests.bench.stripe import CHARGES, TOKENS, bound, charge_figures, sandbox, stripe_settings, taken

FACTS, LONG_FACTS, OTHER_FACTS = 21, 300, 5
OTHERS_PER_CARD, OTHERS_MAX = 10, 200_000
LONG_MAX = 2000
COMMANDED_MAX = 500
SLOW_GATEWAY_MS = 200
WARM_UP_MAX = 256
STRIPE_LEAST = 100
PAGED_CARDS = 100_000

START = datetime(2026, 12, 15, 17, tzinfo=UTC)
"""Where the clock starts: no card is due."""
MAIN_DUE = datetime(2027, 1, 3, 17, tzinfo=UTC)
AMONG_OTHERS_DUE = datetime(2027, 1, 9, 17, tzinfo=UTC)
LONG_DUE = datetime(2027, 1, 15, 17, tzinfo=UTC)
SLOW_DUE = datetime(2027, 1, 21, 17, tzinfo=UTC)
STRIPE_DUE = datetime(2027, 1, 24, 17, tzinfo=UTC)
"""All within three weeks: four weeks after one of them its cards are due again, for a reminder."""
OTHERS_DUE = datetime(2027, 12, 3, 17, tzinfo=UTC)
"""After all measurements."""
WARM_UP_EARLIER = timedelta(days=2)
"""Enough that the measured cards are not due with them."""

LABELS = {
    "cards": "cards that come due at the same instant",
    "renewals_per_s": "renewals/s: in the log, in the read models and on the broker",
    "limit_renewals_per_s": "the same facts and rows written by psycopg alone, renewals/s",
    "ratio": "ratio of these two",
    "renewals_per_s_gateway_200ms": "renewals/s with a gateway that takes 200 ms",
    "renewals_per_s_stripe_100ms": "renewals/s of one consumer through Stripe's API at a sandbox that takes 100 ms",
    "stripe_charge": "charges through Stripe's API alone, at 100 ms: a second, and µs of CPU for each",
    "renewals_per_s_200k_cards": "renewals/s among ten times as many other cards (200,000)",
    "renewals_per_s_300_facts": "renewals/s of cards with 300 facts each, else 21",
    "append_events_per_s": "facts/s appended, 256 cards at a time",
    "read_events_per_s": "facts/s read and decoded, 1000 at a time",
    "p99_command_ms": "99th percentile of single commands, ms",
    "stages_us": "µs per renewal",
    "peak_rss_mb": "peak memory, MB",
    "bytes_per_fact": "bytes on the disk for each fact, 25 a card",
    "bytes_per_renewal": "bytes on the disk that a renewal adds",
    "flaws": "cards not renewed, charged or published exactly once",
    "wall_s": "the whole benchmark, s",
}


def run_bench(*, cards: int, as_json: bool) -> int:
    """Run the benchmark; returns the exit status: 0 only if every card was renewed and charged exactly once."""
    collect_rarely()  # as in the roles, since parts of the engine are measured in this process
    with temporary_home("baohao-bench-") as home, _screen() as show:
        started = perf_counter()
        figures = measure(bench_settings(home), cards, show)
        figures["wall_s"] = round(perf_counter() - started, 1)
    if as_json:
        put_json(figures)
    else:
        put_table("bench", ("what", "how much"), [row for key in LABELS for row in _rows(key, figures[key])])
    return 1 if figures["flaws"] else 0


def run_pages(*, as_json: bool) -> int:
    """Measure the pages of holders."""
    with temporary_home("baohao-bench-") as home, _screen() as show:
        figures = page_figures(bench_settings(home), PAGED_CARDS, show)
    if as_json:
        put_json(figures)
    else:
        columns = ("page", "p50 ms", "p95 ms", "pages/s", "CPU ms a page", "kB")
        put_table("pages", columns, [(name, *found.values()) for name, found in figures.items()])
    return 0


Measure = Callable[[Settings, int, Show], dict[str, Any]]


def run_part(title: str, measure_part: Measure, cards: int, *, as_json: bool) -> int:
    """Measure one part of the system, on servers of its own."""
    with temporary_home("baohao-bench-") as home, _screen() as show:
        figures = measure_part(bench_settings(home), cards, show)
    if as_json:
        put_json(figures)
    else:
        rows = [(name.replace("_", " "), f"{found:,}") for name, found in figures.items()]
        put_table(title, ("what", "how much"), rows)
    return 0


def measure_main(cards: int) -> dict[str, Any]:
    """The main measurement alone: rate, stages, memory."""
    with (
        temporary_home("baohao-bench-") as home,
        _screen() as show,
        _bench(bench_settings(home), show) as bench,
        bench.roles(),
    ):
        main = _renew(bench, Cohort(1, cards, FACTS, MAIN_DUE))
        return _main_figures(bench, main)


def measure(settings: Settings, cards: int, show: Show) -> dict[str, Any]:
    """All measurements, one after the other on the same servers."""
    cohort = Cohort(1, cards, FACTS, MAIN_DUE)
    charges = {
        f"{name}, {what}": one for name, of in charge_figures(min(cards, CHARGES)).items() for what, one in of.items()
    }
    others = Cohort(0, min(OTHERS_PER_CARD * cards, OTHERS_MAX), OTHER_FACTS, OTHERS_DUE, months=12)
    with _bench(settings, show) as bench:
        with bench.roles():
            main = _renew(bench, cohort)
            limit = limit_per_s(bench.owner_url, main, show)
            bench.seed(others, f"{others.cards:,} cards that are not due")
            among_others = _renew(bench, Cohort(2, cards // 2, FACTS, AMONG_OTHERS_DUE))
            long = _renew(bench, Cohort(3, min(cards // 10, LONG_MAX), LONG_FACTS, LONG_DUE))
            parts = _parts(bench, cohort.ids())
        with bench.roles(gateway_delay_ms=SLOW_GATEWAY_MS):
            slow = _renew(bench, Cohort(4, cards // 4, FACTS, SLOW_DUE))
        stripe = _renew_with_stripe(bench, max(cards // 4, STRIPE_LEAST))
        return _main_figures(bench, main) | {
            "renewals_per_s_stripe_100ms": round(stripe.per_s, 1),
            "stripe_charge": charges,
            "renewals_per_s_gateway_200ms": round(slow.per_s, 1),
            "renewals_per_s_200k_cards": round(among_others.per_s, 1),
            "renewals_per_s_300_facts": round(long.per_s, 1),
            "limit_renewals_per_s": round(limit, 1),
            "ratio": round(main.per_s / limit, 3),
            **parts,
        }


def _renew_with_stripe(bench: Bench, cards: int) -> Renewed:
    """The same by Stripe's API, against a sandbox that takes 100 ms for each request; without a warm-up."""
    bench.connection.execute("UPDATE control SET gateway = 'stripe'")  # of these cards none is asked about elsewhere
    with sandbox() as address, bench.roles(**stripe_settings(address)):
        cohort = Cohort(5, cards, FACTS, STRIPE_DUE, token=bound(address, TOKENS["success"]))
        bench.seed(cohort, f"{cohort.cards:,} cards of {cohort.facts} facts")
        renewed = bench.renew(cohort, f"renewing {cohort.cards:,} cards through Stripe's API")
        bench.charged_elsewhere(taken(address))
        return renewed


def _renew(bench: Bench, cohort: Cohort) -> Renewed:
    """Write the cards and let them come due, after a warm-up with a few others."""
    warm_up = Cohort(-cohort.seed, min(cohort.cards, WARM_UP_MAX), FACTS, cohort.due - WARM_UP_EARLIER)
    bench.seed(warm_up, "a few cards")
    bench.seed(cohort, f"{cohort.cards:,} cards of {cohort.facts} facts")
    bench.connection.execute("VACUUM ANALYZE")  # else autovacuum would run during the measurement
    bench.connection.execute("CHECKPOINT")
    bench.renew(warm_up, "warming up")
    return bench.renew(cohort, f"renewing {cohort.cards:,} cards")


def bench_settings(home: Path) -> Settings:
    """Embedded servers and a virtual clock; batch sizes and the like from the environment."""
    return load_settings(
        home=home,
        database_url=None,
        nats_url=None,
        nats_port=0,
        clock="virtual",
        gateway_delay_ms=0,
        gateway_record=home / "gateway.sqlite3",
        log_level="info",
        log_format="json",
    )


def _parts(bench: Bench, card_ids: Sequence[UUID]) -> dict[str, float]:
    bench.show("parts of the engine", 0, 3)
    append = append_events_per_s(bench, card_ids)
    bench.show("parts of the engine", 1, 3)
    read = read_events_per_s(bench)
    bench.show("parts of the engine", 2, 3)
    p99 = p99_command_ms(bench, card_ids[:COMMANDED_MAX])
    bench.show("parts of the engine", 3, 3)
    return {
        "append_events_per_s": round(append),
        "read_events_per_s": round(read),
        "p99_command_ms": round(p99, 2),
    }


def _main_figures(bench: Bench, main: Renewed) -> dict[str, Any]:
    return {
        "cards": main.cards,
        "renewals_per_s": round(main.per_s, 1),
        "stages_us": main.stages_us,
        "peak_rss_mb": dict(bench.peak_rss_mb),
        "bytes_per_fact": main.bytes_per_fact,
        "bytes_per_renewal": main.bytes_per_renewal,
        "flaws": bench.flaws(),
    }


def _rows(key: str, figure: object) -> Iterator[tuple[str, str]]:
    """A figure as rows of the table."""
    match figure:
        case dict():
            yield from ((f"{LABELS[key]}: {name}", f"{amount:,}") for name, amount in figure.items())
        case list():
            yield LABELS[key], "\n".join(figure) or "none"
        case _:
            yield LABELS[key], f"{figure:,}"


@contextmanager
def _bench(settings: Settings, show: Show) -> Iterator[Bench]:
    """Empty servers; the roles are the application, the measurement is the owner, who may ask for a checkpoint."""
    show("starting", 0, 1)
    with (
        both_servers(settings) as running,
        psycopg.connect(owner_url(running.database_url), autocommit=True) as connection,
    ):
        show("starting", 1, 1)
        yield Bench(running, connection, show, START)


@contextmanager
def _screen() -> Iterator[Show]:
    """A progress bar on stderr for each phase."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as progress:
        task, last = TaskID(0), ""

        def show(phase: str, done: int, of: int) -> None:
            nonlocal task, last
            if phase != last:
                task, last = progress.add_task(phase, total=of), phase
            progress.update(task, completed=done, total=of)

        yield show


def main(
    cards: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many cards come due at once.")] = 20_000,
    *,
    pages: Annotated[
        bool, typer.Option("--pages", help="Measure the holders' pages instead, with 100,000 cards.")
    ] = False,
    projections: Annotated[
        bool, typer.Option("--projections", help="Measure rebuilds of read models instead, from 21 facts a card.")
    ] = False,
    audit: Annotated[
        bool, typer.Option("--audit", help="Measure sealing and verifying instead, with 21 facts a card.")
    ] = False,
    commands: Annotated[
        bool, typer.Option("--commands", help="Measure commands over the broker instead, one for each card.")
    ] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Measure publishing and replaying instead, of 21 facts a card.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on stdout.")] = False,
) -> None:
    """How many renewals per second this machine makes, and where the time goes; or how fast pages come."""
    if projections:
        raise typer.Exit(run_part("projections", projection_figures, cards, as_json=as_json))
    if audit:
        raise typer.Exit(run_part("audit", audit_figures, cards, as_json=as_json))
    if commands:
        raise typer.Exit(run_part("commands", command_figures, cards, as_json=as_json))
    if events:
        raise typer.Exit(run_part("events", event_figures, cards, as_json=as_json))
    raise typer.Exit(run_pages(as_json=as_json) if pages else run_bench(cards=cards, as_json=as_json))


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
