"""What only a person can find out: the open cases, and resolving them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

import typer

from adapters.cli.executing import execute, valid
from adapters.cli.output import err, out, put_fields, put_rows
from adapters.cli.servers import connection
from adapters.differences import KeptDifference, close_differences, list_differences, what_to_do
from adapters.parked import list_parked
from adapters.settings import Settings
from adapters.wiring import operator_of
from engine.commands import ConfirmNumber, ResolveAttempt
from projections.cases import Case, list_cases


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
    """Open cases, parked cards, and charges on which provider and log differ, the oldest first."""
    with connection(settings) as open_connection:
        parked = [
            _shown(Case(one.parked_at, one.card_id, f"parked: {one.reason}", None, None, None), one.parked_id)
            for one in list_parked(open_connection)
            if one.card_id is not None
        ]
        listed = [_shown(one) for one in list_cases(open_connection, limit)]
        differ = [_differing(one) for one in list_differences(open_connection, limit)]
    cases = sorted([*listed, *parked, *differ], key=lambda case: case.opened_at)[:limit]
    put_rows("cases", cases, as_json=as_json, columns=CASE_COLUMNS)
    if not as_json:
        for one in cases:
            out.print(f"{one.reason}: {one.resolve_with}", markup=False, highlight=False, soft_wrap=True)


def _shown(case: Case, parked_id: int | None = None) -> _Shown:
    return _Shown(*case, resolve_with=_resolve_with(case, parked_id))


def _differing(one: KeptDifference) -> _Shown:
    closed = f"`baohao case close {one.gateway_ref} --evidence TEXT`"
    to_do = f"charge {one.gateway_ref} {what_to_do(one.kind)}; it closes when it is found no more, or by {closed}"
    return _Shown(one.found_at, one.card_id, one.kind, one.attempt_id, None, one.currency, to_do)


def close(settings: Settings, gateway_ref: str, *, evidence: str, as_json: bool) -> None:
    """Close what differs about a charge; exit status 1 if nothing does."""
    if not evidence.strip():
        raise typer.BadParameter("say what was found out or done", param_hint="--evidence")
    with connection(settings) as open_connection:
        closed = close_differences(open_connection, gateway_ref, by=operator_of(settings), evidence=evidence)
    if not closed:
        err.print(f"no open case is about a charge {gateway_ref}; see `baohao case list`", soft_wrap=True)
        raise typer.Exit(1)
    put_fields("closed", {"differences": closed}, as_json=as_json)


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
    put_fields("resolved", {"facts": execute(settings, command).facts}, as_json=as_json)


def confirm_number(settings: Settings, card_id: UUID, *, evidence: str, as_json: bool) -> None:
    """Record that a number still exists; exit status 1 if it is refused, 2 if it is malformed."""
    about = {"command_id": f"number-exists:{uuid4()}", "card_id": card_id, "evidence": evidence}
    facts = execute(settings, valid(ConfirmNumber, about)).facts
    if facts or as_json:
        put_fields("confirmed", {"facts": facts}, as_json=as_json)
    else:
        out.print(f"nothing needed confirming: nobody has to know whether the number of card {card_id} exists")


def _resolution(card_id: UUID, attempt_id: UUID, **outcome: str | bool | None) -> ResolveAttempt:
    """The command; its id is derived from the outcome, so that a repeat is the same command."""
    command_id = f"resolve:{uuid5(attempt_id, repr(sorted(outcome.items())))}"
    return valid(ResolveAttempt, {"command_id": command_id, "card_id": card_id, "attempt_id": attempt_id, **outcome})
