"""What only an operator can do: resolving cases, replanning all cards, rebuilding the network limits."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

import psycopg
import typer
from psycopg import Connection
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, put_fields, put_rows
from adapters.cli.servers import connection, database
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.commands import ConfirmNumber, Issued, ResolveAttempt
from engine.errors import Refused
from engine.store.limits_rebuild import rebuild_limits
from projections.cases import list_cases

C = TypeVar("C", ResolveAttempt, ConfirmNumber)
CARDS_AT_ONCE = 1000
CASE_COLUMNS = ("card_id", "reason", "about")
"""The columns that fit a terminal; JSON has all."""


def show_cases(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Open cases, the oldest first."""
    with connection(settings) as open_connection:
        put_rows("cases", list_cases(open_connection, limit), as_json=as_json, columns=CASE_COLUMNS)


def resolve(
    settings: Settings,
    card_id: UUID,
    attempt_id: UUID,
    *,
    charged: bool,
    gateway_ref: str | None,
    evidence: str,
    as_json: bool,
) -> None:
    """Record the outcome of an attempt; exit status 1 if it is refused, 2 if it is malformed."""
    command = _resolution(card_id, attempt_id, charged=charged, gateway_ref=gateway_ref, evidence=evidence)
    put_fields("resolved", {"facts": _facts_of(settings, command)}, as_json=as_json)


def confirm_number(settings: Settings, card_id: UUID, *, evidence: str, as_json: bool) -> None:
    """Record that a number still exists; exit status 1 if it is refused, 2 if it is malformed."""
    about = {"command_id": f"number-exists:{uuid4()}", "card_id": card_id, "evidence": evidence}
    put_fields("confirmed", {"facts": _facts_of(settings, _valid(ConfirmNumber, about))}, as_json=as_json)


def _facts_of(settings: Settings, command: ResolveAttempt | ConfirmNumber) -> list[str]:
    """The facts that a command led to; where it is refused, exit status 1."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as open_connection:
            rules, at = rules_now(open_connection, settings, rules_of(settings))
        issued = Issued(command, operator_of(settings))
        (answer,) = engine_of(settings, url, "cli").execute([issued], rules, at)
    if isinstance(answer, Exception):
        code = f" [{answer.code}]" if isinstance(answer, Refused) else ""
        err.print(f"{answer}{code}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    return [type(fact).__name__ for fact in answer]


def replan(settings: Settings, why: str, *, as_json: bool) -> None:
    """Compute every card's wake time again; exit status 1 if some cards failed."""
    planned, failed = 0, dict[UUID, Exception]()
    columns = (TextColumn("replan"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with database(settings) as url, bar, psycopg.connect(url, autocommit=True) as open_connection:
        check_schema(url)
        engine, installed = engine_of(settings, url, "cli"), rules_of(settings)
        row = open_connection.execute("SELECT count(*) FROM cards").fetchone()
        task = bar.add_task("replan", total=row[0] if row else 0)
        for card_ids in _batches(open_connection):
            rules, at = rules_now(open_connection, settings, installed)
            result = engine.replan(card_ids, f"replan: {why}", operator_of(settings), rules, at)
            planned += result.facts
            failed |= result.failed
            bar.advance(task, len(card_ids))
    for card_id, error in failed.items():
        err.print(f"card {card_id}: {error}", markup=False, highlight=False, soft_wrap=True)
    put_fields("replan", {"planned_anew": planned, "failed": len(failed)}, as_json=as_json)
    if failed:
        raise typer.Exit(1)


def rebuild_network_limits(settings: Settings, *, as_json: bool) -> None:
    """Rebuild the tables of the network limits from the log."""
    with connection(settings) as open_connection:
        tries = rebuild_limits(open_connection)
    put_fields("limits", {"counted_tries": tries}, as_json=as_json)


def _resolution(card_id: UUID, attempt_id: UUID, **outcome: str | bool | None) -> ResolveAttempt:
    """The command; its id is derived from the outcome, so that a repeat is the same command."""
    command_id = f"resolve:{uuid5(attempt_id, repr(sorted(outcome.items())))}"
    return _valid(ResolveAttempt, {"command_id": command_id, "card_id": card_id, "attempt_id": attempt_id, **outcome})


def _valid(kind: type[C], fields: Mapping[str, object]) -> C:
    """The command with these fields; where one is malformed, exit status 2."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(wrong["msg"], param_hint=str(wrong["loc"][0])) from None


def _batches(open_connection: Connection[Any]) -> Iterator[list[UUID]]:
    """The ids of all cards, in order."""
    query = "SELECT card_id FROM cards WHERE %s::uuid IS NULL OR card_id > %s ORDER BY card_id LIMIT %s"
    last: UUID | None = None
    while card_ids := [card_id for (card_id,) in open_connection.execute(query, (last, last, CARDS_AT_ONCE))]:
        yield card_ids
        last = card_ids[-1]
