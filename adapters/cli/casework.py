"""What only a person can find out: the open cases, and resolving them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4, uuid5

import psycopg
import typer
from pydantic import ValidationError

from adapters.cli.output import err, out, put_fields, put_rows
from adapters.cli.servers import connection, database
from adapters.clock_check import clock_of
from adapters.parked import list_parked
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_now, rules_of
from engine.commands import ConfirmNumber, Issued, ResolveAttempt
from engine.errors import Refused
from projections.cases import Case, list_cases

C = TypeVar("C", ResolveAttempt, ConfirmNumber)


class _Shown(NamedTuple):
    """A case with the command that closes it."""

    opened_at: datetime
    card_id: UUID
    reason: str
    about: UUID | None
    minor: int | None
    currency: str | None
    resolve_with: str


CASE_COLUMNS = ("card_id", "reason", "about")
"""The columns that fit a terminal; JSON has all."""


def show_cases(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Open cases and parked cards, the oldest first."""
    with connection(settings) as open_connection:
        parked = [
            _shown(Case(one.parked_at, one.card_id, f"parked: {one.reason}", None, None, None), one.parked_id)
            for one in list_parked(open_connection)
            if one.card_id is not None
        ]
        listed = [_shown(one) for one in list_cases(open_connection, limit)]
    cases = sorted([*listed, *parked], key=lambda case: case.opened_at)[:limit]
    put_rows("cases", cases, as_json=as_json, columns=CASE_COLUMNS)
    if not as_json:
        for one in cases:
            out.print(f"{one.reason}: {one.resolve_with}", markup=False, highlight=False, soft_wrap=True)


def _shown(case: Case, parked_id: int | None = None) -> _Shown:
    return _Shown(*case, resolve_with=_resolve_with(case, parked_id))


def _resolve_with(case: Case, parked_id: int | None) -> str:
    """The command that closes the case; what stands in capitals is to be filled in."""
    card_id, kind = case.card_id, case.reason.partition(":")[0]
    if parked_id is not None:
        return f"baohao parked retry {parked_id}"
    match kind:
        case "outcome_unknown":
            charged = "--charged --gateway-ref REF (or --not-charged) --evidence TEXT"
            return f"baohao case resolve {card_id} {case.about} {charged}"
        case "number_may_be_lost":
            lost = _imported("ConfirmReclaim", card_id)
            return f"baohao case number-exists {card_id} --evidence TEXT, or if the number is lost {lost}"
        case "held":
            return _imported("ReleaseCard", card_id)
        case "balance_owed":
            return f"{_imported('RecordRefund', card_id)} without attempt_id, once it is paid out"
        case _:
            return f"{_imported('RecordRefund', card_id)} of attempt {case.about}, once the money went back"


def _imported(command: str, card_id: UUID) -> str:
    return f"baohao import a {command} of {card_id}"


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
    facts = _facts_of(settings, _valid(ConfirmNumber, about))
    if facts or as_json:
        put_fields("confirmed", {"facts": facts}, as_json=as_json)
    else:
        out.print(f"nothing needed confirming: nobody has to know whether the number of card {card_id} exists")


def _facts_of(settings: Settings, command: ResolveAttempt | ConfirmNumber) -> list[str]:
    """The facts that a command led to; where it is refused, exit status 1."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as open_connection:
            rules, at = rules_now(open_connection, clock_of(settings), rules_of(settings))
        issued = Issued(command, operator_of(settings))
        (answer,) = engine_of(settings, url, "cli").execute([issued], rules, at)
    if isinstance(answer, Exception):
        code = f" [{answer.code}]" if isinstance(answer, Refused) else ""
        err.print(f"{answer}{code}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    return [type(fact).__name__ for fact in answer]


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
