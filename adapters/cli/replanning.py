"""Computing wake times again: of all cards after a change of rules, of some after a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, put_fields
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.planning_anew import planned_anew
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.rules import Rules


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
        read_rules = partial(rules_now, connection, clock, installed)
        for cards, result in planned_anew(engine, read_rules, card_ids, cause, operator_of(settings)):
            planned.planned_anew += result.facts
            planned.failed |= result.failed
            bar.advance(task, cards)
    return planned
