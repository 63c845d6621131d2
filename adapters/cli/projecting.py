"""`baohao projections status|pause|resume|parked`: how the read models stand, and what holds them up."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import typer
from psycopg import Connection

from adapters.cli.output import err, out, put_fields, put_json, put_rows, put_table
from adapters.cli.servers import connection
from adapters.control import log_now, read_control
from adapters.roles.lease import leader_of
from adapters.roles.projector import rebuild_command
from adapters.settings import Settings
from adapters.wiring import operator_of
from engine.errors import BaohaoError
from projections.follow import retry_parked_cards
from projections.live import LIVE, MODELS
from projections.parked_cards import list_parked_cards, list_skipped_facts, parked_card_ids, skip_fact
from projections.read_model import ReadModel
from projections.standing import Standing, pause, read_standing, resume

ALL = "all"
WATCH_S = 2.0
RATE_S = 0.5
"""Between the two looks from which a single answer has its rate."""


class Look(NamedTuple):
    """The read models at one moment, by a monotonic clock in seconds."""

    at_s: float
    standing: list[Standing]


def models_named(names: Sequence[str], *, several: bool = True) -> tuple[ReadModel[Any], ...]:
    """The read models of these names, or `all`; raises BaohaoError for a name that none has."""
    known = [*(model.name for model in MODELS), *([ALL] if several else [])]
    if unknown := [name for name in names if name not in known]:
        raise BaohaoError(f"there is no read model {unknown[0]!r}; there are {', '.join(known)}")
    return tuple(model for model in MODELS if model.name in names or ALL in names)


def show(settings: Settings, *, watch: bool, as_json: bool) -> None:
    """How each read model stands, again and again with `watch`."""
    with connection(settings) as open_connection:
        before = _look(open_connection, settings)
        time.sleep(RATE_S)
        while True:
            now = _look(open_connection, settings)
            if watch and out.is_terminal:
                out.clear()
            _put(now.standing, rates(before, now), leader_of(open_connection, "projector"), as_json=as_json)
            if not watch:
                return
            before = now
            time.sleep(WATCH_S)


def _look(open_connection: Connection[Any], settings: Settings) -> Look:
    is_virtual = settings.clock == "virtual"
    now = log_now(read_control(open_connection, virtual_clock=is_virtual), virtual_clock=is_virtual)
    return Look(time.monotonic(), read_standing(open_connection, LIVE, now))


def rates(before: Look, now: Look) -> dict[str, float]:
    """Facts a second by model, between two looks."""
    positions = {one.model: one.position for one in before.standing}
    seconds = max(now.at_s - before.at_s, 1e-3)
    return {one.model: round((one.position - positions[one.model]) / seconds, 1) for one in now.standing}


def _put(standing: Sequence[Standing], rate: Mapping[str, float], leader: str | None, *, as_json: bool) -> None:
    if as_json:
        models = [one._asdict() | {"facts_per_s": rate[one.model]} for one in standing]
        put_json({"leader": leader, "models": models})
        return
    columns = ("model", "position", "behind", "seconds", "facts/s", "version", "parked", "state")
    rows = [
        (one.model, one.position, one.behind, one.behind_s, rate[one.model], one.version, one.parked, _state(one))
        for one in standing
    ]
    put_table(f"projections, led by {leader or 'nobody'}", columns, rows)
    for one in standing:
        if one.failure:
            err.print(f"{one.model}: last error at {one.failed_at:%Y-%m-%d %H:%M:%S} UTC: {one.failure}", markup=False)
    if due := [one.model for one in standing if one.rebuild_due]:
        err.print(f"a rebuild is due after a change of the program: {rebuild_command(due)}", soft_wrap=True)


def _state(one: Standing) -> str:
    if one.paused_at:
        return f"paused by {one.paused_by}: {one.paused_why}"
    return "rebuild due" if one.rebuild_due else "live"


def pause_models(settings: Settings, names: Sequence[str], why: str, *, as_json: bool) -> None:
    """Let read models stand where they are."""
    models = models_named(names)
    if not why.strip():
        raise BaohaoError("a reason is missing: --why")
    with connection(settings) as open_connection:
        pause(open_connection, LIVE, models, operator_of(settings), why)
    put_fields("projections", {"paused": [model.name for model in models], "why": why}, as_json=as_json)


def resume_models(settings: Settings, names: Sequence[str], *, as_json: bool) -> None:
    """Let paused read models go on."""
    models = models_named(names)
    with connection(settings) as open_connection:
        resume(open_connection, LIVE, models)
    put_fields("projections", {"resumed": [model.name for model in models]}, as_json=as_json)


def list_parked(settings: Settings, limit: int, *, skipped: bool, as_json: bool) -> None:
    """Cards that a read model cannot follow, or the facts that were left out."""
    with connection(settings) as open_connection:
        if skipped:
            put_rows("skipped facts", list_skipped_facts(open_connection, limit), as_json=as_json)
        else:
            put_rows("parked", list_parked_cards(open_connection, LIVE.name, limit), as_json=as_json)


def retry_parked(settings: Settings, card_ids: Sequence[UUID] | None, *, as_json: bool) -> None:
    """Fold again what was parked; exit status 1 if a card is not parked, or some are parked still."""
    with connection(settings) as open_connection:
        parked = parked_card_ids(open_connection, LIVE.name)
        if unknown := [card_id for card_id in card_ids or () if card_id not in parked]:
            raise BaohaoError(f"card {unknown[0]} is not parked; `baohao projections parked list` shows what is")
        still = retry_parked_cards(open_connection, LIVE, card_ids)
    retried = len(parked if card_ids is None else set(card_ids))
    put_fields("parked", {"retried": retried, "still_parked": len({one.card_id for one in still})}, as_json=as_json)
    if still:
        raise typer.Exit(1)


def skip_parked(settings: Settings, name: str, card_id: UUID, why: str, *, as_json: bool) -> None:
    """Leave out the fact at which a card is parked, and go on; exit status 1 if it is parked at a later one."""
    [model] = models_named([name], several=False)
    if not why.strip():
        raise BaohaoError("a reason is missing: --why")
    with connection(settings) as open_connection, open_connection.transaction():
        position = skip_fact(open_connection, LIVE.name, model.name, card_id, why, operator_of(settings))
        if position is None:
            raise BaohaoError(f"card {card_id} is not parked for {model.name}; nothing was changed")
        still = [one for one in retry_parked_cards(open_connection, LIVE, [card_id]) if one.model == model.name]
    done = {"model": model.name, "card_id": card_id, "skipped": position}
    put_fields("parked", done | {"parked_at": still[0].position if still else None}, as_json=as_json)
    if still:
        raise typer.Exit(1)
