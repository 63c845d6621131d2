"""Computing wake times again: of all cards after a change of rules, of some after a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, put_fields
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.rules import Rules

CARDS_AT_ONCE = 1000


@dataclass
class Planned:
    """How many cards got another wake time, and those that failed with their errors."""

    planned_anew: int = 0
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])

    def report(self) -> None:
        """Print a line for each card that failed, and then end the command with exit status 1."""
        for card_id, error in self.failed.items():
            err.print(f"card {card_id}: {error}", markup=False, highlight=False, soft_wrap=True)
        if self.failed:
            raise typer.Exit(1)


def replan(settings: Settings, why: str, *, as_json: bool) -> None:
    """Compute every card's wake time again; exit status 1 if some cards failed."""
    rules = rules_of(settings)
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url) as connection:
            card_ids = [card_id for (card_id,) in connection.execute("SELECT card_id FROM cards ORDER BY card_id")]
        planned = plan_anew(settings, url, rules, card_ids, f"replan: {why}")
    put_fields("replan", {"planned_anew": planned.planned_anew, "failed": len(planned.failed)}, as_json=as_json)
    planned.report()


def plan_anew(settings: Settings, database_url: str, installed: Rules, card_ids: Sequence[UUID], cause: str) -> Planned:
    """Compute the wake times of these cards again, with a progress bar on a terminal."""
    planned = Planned()
    columns = (TextColumn("replan"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with bar, psycopg.connect(database_url, autocommit=True) as connection:
        task = bar.add_task("replan", total=len(card_ids))
        engine, clock = engine_of(settings, database_url, "cli"), clock_of(settings)
        for start in range(0, len(card_ids), CARDS_AT_ONCE):
            batch = card_ids[start : start + CARDS_AT_ONCE]
            rules, at = rules_now(connection, clock, installed)
            result = engine.replan(batch, cause, operator_of(settings), rules, at)
            planned.planned_anew += result.facts
            planned.failed |= result.failed
            bar.advance(task, len(batch))
    return planned
