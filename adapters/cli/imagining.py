"""`baohao whatif`: real histories under other rules, as tables, JSON and a page; reads, and cannot write."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from psycopg import Connection
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.cli.output import err, out, put_json, put_table
from adapters.cli.servers import connection
from adapters.cli.whatif_page import page_of
from adapters.cli.whatif_words import asked_in_words, caveats, cells_of
from adapters.settings import Settings
from adapters.wiring import rules_of
from engine.catalogue import read_catalogue
from engine.policy_file import read_policy
from engine.rules import Rules
from projections.whatif.compared import LIMITS, MONEY, RECOVERED_BY, TERMS, Comparison, Step, compare
from projections.whatif.histories import NothingToReplayError, Past, Span, cards_of, read_past, span_of_log

_READING = 0.2
"""The share of all the time that reading takes, as a bar shows it: about that of one replay."""


class Asked(NamedTuple):
    """What is asked for; days in UTC, both included."""

    policy: Path | None
    catalogue: Path | None
    since: datetime | None
    until: datetime | None
    cards: int
    plan: str | None
    seeds: range


def show(settings: Settings, asked: Asked, html: Path | None, *, as_json: bool) -> None:
    """Replay, and show what came of it.

    Raises PolicyError, CatalogueError, NothingToReplayError, and Refused `unknown_plan`.
    """
    today = rules_of(settings)
    other = _other(settings, today, asked)
    with _progress() as bar:
        with connection(settings) as open_connection:
            open_connection.execute("SET default_transaction_read_only = on")
            past = _read(open_connection, today, asked, bar)
        compared = compare(past, today, other, list(asked.seeds), lambda step: bar.replaying(step, past.span))
    if html is not None:
        html.write_text(page_of(compared, _names(asked)), encoding="utf-8")
    if as_json:
        put_json(compared.as_json())
    else:
        _put(compared, " and ".join(_names(asked)))


def _names(asked: Asked) -> list[str]:
    return [one.name for one in (asked.policy, asked.catalogue) if one is not None]


def _other(settings: Settings, today: Rules, asked: Asked) -> Rules:
    policy, catalogue = today.policy, today.catalogue
    if asked.policy is not None:
        policy = read_policy(asked.policy, timedelta(seconds=settings.gateway_budget_s))
    if asked.catalogue is not None:
        catalogue = read_catalogue(asked.catalogue)
    return replace(today, policy=policy, catalogue=catalogue)


def _read(open_connection: Connection[Any], today: Rules, asked: Asked, bar: "_Bar") -> Past:
    span = span_of_log(open_connection, asked.since and _midnight(asked.since), asked.until and _end_of(asked.until))
    card_ids = cards_of(open_connection, asked.plan, asked.cards)
    if not card_ids and asked.plan is not None:
        today.catalogue.plan(asked.plan)
        raise NothingToReplayError(f"no card has the plan {asked.plan!r}")
    past = read_past(open_connection, card_ids, span, bar.reading)
    if not past.histories:
        why = "; ".join(f"{count} {reason}" for reason, count in past.left_out.items()) or "there are none"
        raise NothingToReplayError(f"none of the cards can be replayed: {why}")
    return past


def _midnight(day: datetime) -> datetime:
    return day.replace(tzinfo=UTC)


def _end_of(day: datetime) -> datetime:
    """The midnight after a day, or the last instant that there is."""
    try:
        return _midnight(day) + timedelta(days=1)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


class _Bar:
    """Shows on a terminal how much is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading", total=1)

    def reading(self, done: int, of: int) -> None:
        """So many of so many cards are read."""
        self._progress.update(self._task, completed=_READING * done / max(of, 1))

    def replaying(self, step: Step, span: Span) -> None:
        """A replay has come so far."""
        run = (step.at - span.since) / (span.until - span.since)
        completed = _READING + (1 - _READING) * (step.run - 1 + run) / step.runs
        name = f"replay {step.run} of {step.runs}, {step.at:%Y-%m-%d}"
        self._progress.update(self._task, completed=completed, description=name)


@contextmanager
def _progress() -> Generator[_Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield _Bar(progress)


def _put(compared: Comparison, name: str) -> None:
    _say(asked_in_words(compared, name))
    columns = ("figure", "happened", "today's rules", name, "difference")
    for section in (TERMS, MONEY, RECOVERED_BY, LIMITS):
        rows = compared.section(section)
        if rows:
            put_table(section, columns, [cells_of(row) for row in rows])
    for sentence in caveats(compared, name):
        _say(sentence)


def _say(sentence: str) -> None:
    out.print(sentence, markup=False, highlight=False, soft_wrap=True)
