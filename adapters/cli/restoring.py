"""After the database was restored from a backup: all cards are looked up at the gateway before anything is sent."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from adapters.charged_through import check_gateway
from adapters.cli.charging import installation_of
from adapters.cli.output import put_fields
from adapters.cli.replanning import plan_anew
from adapters.clock_check import clock_of
from adapters.control import read_control, record_restore
from adapters.lost import all_cards, cards_left, complete_until, lost_charges
from adapters.settings import Settings
from adapters.wiring import opened_gateway, operator_of, rules_of
from engine.card.gap import list_is_complete_at
from engine.operations import begin_restore, end_restore
from engine.ports import FoundCharge
from engine.rules import Gap

SHOWN = 20
"""So many charges that the log does not have are named."""


def begin(settings: Settings, since: datetime | None, why: str, *, as_json: bool) -> None:
    """Begin the look-ups, and wake all cards for them; killed in between, it is given again."""
    rules = rules_of(settings)
    with installation_of(settings) as (url, connection, recorder):
        check_gateway(connection, settings.gateway)
        now = clock_of(settings).read(connection).now
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
    put_fields("restore", fields, as_json=as_json)


def end(settings: Settings, why: str | None, *, as_json: bool) -> None:
    """End the look-ups; raises Refused while something is left, unless there is a reason."""
    with _left(settings) as (connection, recorder, left):
        if left is not None:
            remaining = left.cards + len(left.charges)
            now = clock_of(settings).read(connection).now
            record_restore(
                connection,
                recorder,
                lambda restore: end_restore(restore, remaining, why, now),
                actor=operator_of(settings),
                cause="baohao restore end",
            )
    put_fields("restore", {"ended": left is not None, "open": False}, as_json=as_json)


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
