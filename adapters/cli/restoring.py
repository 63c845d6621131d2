"""After the database was restored from a backup: all cards are looked up at the gateway before anything is sent."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection

from adapters.charged_through import check_gateway
from adapters.cli.charging import installation_of
from adapters.cli.output import out, put_fields
from adapters.cli.replanning import plan_anew
from adapters.cli.tables import shown
from adapters.clock_check import clock_of
from adapters.control import read_control, record_restore
from adapters.lost import all_cards, cards_left, complete_until, lost_charges
from adapters.settings import Settings
from adapters.wiring import opened_gateway, operator_of, rules_of
from engine.card.gap import list_is_complete_at
from engine.errors import Refused
from engine.operations import Restore, RestoreEnded, begin_restore, end_restore
from engine.ports import FoundCharge
from engine.rules import Gap

NONE_OPEN = "No restore is open: there is nothing to look up, and nothing to end."
SHOWN = 20
"""So many charges that the log does not have are named."""


def begin(settings: Settings, since: datetime | None, why: str, *, as_json: bool) -> None:
    """Begin the look-ups, and wake all cards for them; killed in between, it is given again."""
    rules = rules_of(settings)
    with installation_of(settings) as (url, connection, recorder):
        check_gateway(connection, settings.gateway)
        now = clock_of(settings).read(connection).now
        was_open = read_control(connection, virtual_clock=settings.clock == "virtual").restored
        begins = since or complete_until(connection) or now
        restore = record_restore(
            connection,
            recorder,
            lambda _: begin_restore(begins, why, now),
            actor=operator_of(settings),
            cause="baohao restore begin",
        )
        woken = plan_anew(settings, url, rules, all_cards(connection), "baohao restore begin")
    gap = restore.gap if restore else Gap(begins, now)
    fields = {
        "since": gap.since,
        "until": gap.until,
        "cards_woken": woken.planned_anew,
        "complete_from": list_is_complete_at(gap, rules.provider),
        "next": "register the cards again that the backup lacks, `baohao events new-epoch`, `baohao restore status`",
    }
    if was_open is not None and not as_json:
        out.print(f"A restore was open already, from {shown(was_open.since)} on: all cards are looked up again.")
    put_fields("restore", fields, as_json=as_json)
    woken.report()


class Left(NamedTuple):
    """What is left of a restore."""

    gap: Gap
    cards: int
    charges: list[FoundCharge]
    """Of the gateway, which the log does not have."""


def status(settings: Settings, *, as_json: bool) -> None:
    """How many cards are still to be looked up, and which charges of the gap the log does not have."""
    with _left(settings) as (_, _, left):
        fields: dict[str, object] = {"open": left is not None}
        if left is not None:
            complete_from = list_is_complete_at(left.gap, rules_of(settings).provider)
            unknown = [f"{one.card_id} {one.purpose} {one.gateway_ref}" for one in left.charges[:SHOWN]]
            fields |= {
                "since": left.gap.since,
                "until": left.gap.until,
                "cards_left": left.cards,
                "complete_from": complete_from,
                "charges_not_in_log": len(left.charges),
                "such_as": unknown if as_json else "\n".join(unknown),
            }
    if as_json:
        put_fields("restore", fields, as_json=True)
    elif left is None:
        out.print(NONE_OPEN)
    else:
        put_fields("restore", {name: value for name, value in fields.items() if value != ""}, as_json=False)
        out.print(_what_is_left(settings, left))


def end(settings: Settings, why: str | None, *, as_json: bool) -> None:
    """End the look-ups; raises Refused while something is left, unless there is a reason."""
    with _left(settings) as (connection, recorder, left):
        if left is not None:
            remaining = left.cards + len(left.charges)
            now = clock_of(settings).read(connection).now
            record_restore(
                connection,
                recorder,
                partial(_end, remaining, why, now, _what_is_left(settings, left)),
                actor=operator_of(settings),
                cause="baohao restore end",
            )
    if as_json:
        put_fields("restore", {"ended": left is not None, "open": False}, as_json=True)
    else:
        out.print(NONE_OPEN if left is None else "The restore is ended: cards are charged again as ever.")


def _end(
    remaining: int, why: str | None, now: datetime, hint: str, restore: Restore | None
) -> tuple[RestoreEnded, ...]:
    try:
        return end_restore(restore, remaining, why, now)
    except Refused as refused:
        if refused.code != "restore_unfinished":
            raise
        raise Refused(refused.code, f"{refused}. {hint}", refused.field) from refused


def _what_is_left(settings: Settings, left: Left) -> str:
    """When the restore can end, in a sentence."""
    if not left.cards and not left.charges:
        return "Nothing is left: `baohao restore end` ends it."
    complete_from = list_is_complete_at(left.gap, rules_of(settings).provider)
    return (
        f"Cards still to be looked up: {left.cards}; charges that the log does not have: {len(left.charges)}. "
        f"The gateway's list is certainly complete from {shown(complete_from)} on; "
        "before, a restore ends only for a reason."
    )


@contextmanager
def _left(settings: Settings) -> Iterator[tuple[Connection[Any], Any, Left | None]]:
    with installation_of(settings) as (_, connection, recorder):
        control = read_control(connection, virtual_clock=settings.clock == "virtual")
        left = None
        if control.restored is not None:
            check_gateway(connection, settings.gateway)
            charges = asyncio.run(_lost(settings, connection, control.restored, control.now))
            left = Left(control.restored, cards_left(connection), charges)
        yield connection, recorder, left


async def _lost(settings: Settings, connection: Connection[Any], gap: Gap, now: datetime) -> list[FoundCharge]:
    async with opened_gateway(settings) as gateway:
        return await lost_charges(connection, gateway, gap, now)
