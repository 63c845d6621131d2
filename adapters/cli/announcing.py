"""`baohao catalogue announce`: the prices of a catalogue version, told to all holders of a plan."""

from functools import partial
from uuid import uuid4

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.announcing import Announced, Announcement, announced, cards_of, check_announcement
from adapters.cli.output import err, put_fields
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.termination import EXIT_INTERRUPTED
from adapters.wiring import engine_of, operator_of, rules_now, rules_of


def announce(settings: Settings, plan: str, version: str, announcement_id: str | None, *, as_json: bool) -> None:
    """Announce, with a progress bar on a terminal; exit status 1 if some cards could not be read or stored.

    Interrupted, it says under which id it goes on. Raises Refused, CatalogueError and BaohaoError.
    """
    installed = rules_of(settings)
    asked = Announcement(announcement_id or f"announcement-{uuid4().hex[:12]}", plan, version)
    check_announcement(installed, asked)
    told = Announced()
    try:
        with database(settings) as url:
            check_schema(url)
            told = _announced(settings, url, asked)
    except (KeyboardInterrupt, SystemExit) as interruption:
        err.print(f"interrupted; give it again with --id {asked.announcement_id}: no holder is told twice")
        status = interruption.code if isinstance(interruption, SystemExit) else None
        raise typer.Exit(status if isinstance(status, int) else EXIT_INTERRUPTED) from None
    put_fields("announcement", {"id": asked.announcement_id, **vars(told)}, as_json=as_json)
    if told.failed:
        err.print(f"give it again with --id {asked.announcement_id} once the cards that failed can be read")
        raise typer.Exit(1)


def _announced(settings: Settings, url: str, asked: Announcement) -> Announced:
    told = Announced()
    columns = (TextColumn("announce"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with bar, psycopg.connect(url, autocommit=True) as connection:
        card_ids = cards_of(connection, asked.plan)
        task = bar.add_task("announce", total=len(card_ids))
        read_rules = partial(rules_now, connection, clock_of(settings), rules_of(settings))
        for told in announced(engine_of(settings, url, "cli"), read_rules, card_ids, asked, operator_of(settings)):
            bar.update(task, completed=told.done)
    return told
