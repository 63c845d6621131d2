"""`baohao events replay`: history for one reader, with progress on a terminal."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import typer
from psycopg import Connection
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.broker.connection import connected
from adapters.broker.replays import Asked, check_types, stream_of
from adapters.cli.output import err, put_fields
from adapters.cli.servers import both_servers
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.telling_again import Report, ToldAgain, tell_again
from projections.audit.as_of import place_at


def replay(settings: Settings, to: str, since: str, types: str, cards: str, rate: int, *, as_json: bool) -> None:
    """Tell `to` what it asked for; raises BaohaoError for what cannot be asked for, or told."""
    names = frozenset(types.split(",")) if types else frozenset[str]()
    check_types(names)
    wanted = frozenset(_card_id(one) for one in cards.split(",")) if cards else frozenset[UUID]()
    with both_servers(settings) as running, _said_how_it_goes_on():
        check_schema(running.database_url)
        with psycopg.connect(running.database_url, autocommit=True) as database, _progress() as report:
            asked = Asked(to, _after(database, since), names, wanted)

            async def work() -> ToldAgain:
                async with connected(running.nats_url, settings) as broker:
                    return await tell_again(database, broker, asked, settings, rate, report)

            told = asyncio.run(work())
    put_fields("events", {"stream": stream_of(to), **told._asdict()}, as_json=as_json)


def _after(connection: Connection[Any], since: str) -> int:
    if since.isdecimal():
        return int(since)
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        hint = "a position, or a moment in UTC such as 2027-01-31T12:00:00"
        raise typer.BadParameter(f"{since!r} should be {hint}", param_hint="--from") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return place_at(connection, moment)


def _card_id(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text.strip()!r} is no id of a card", param_hint="--cards") from None


@contextmanager
def _said_how_it_goes_on() -> Generator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        err.print("interrupted; the same command goes on where this one ended", soft_wrap=True)
        raise


@contextmanager
def _progress() -> Generator[Report]:
    columns = (TextColumn("telling again"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None, told="")

        def report(events: int, position: int, upto: int) -> None:
            bar.update(task, completed=position, total=upto, told=f"{events:,} events")

        yield report
