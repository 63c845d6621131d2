"""What the gateway charged and the log does not know.

Each attempt is in the log before the gateway hears of it, so there is nothing of the kind unless the database was
restored from a backup.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from psycopg import Connection

from adapters.clock import recorded_now
from adapters.control import read_control, restored_until
from engine.actor import actor
from engine.card.attempt import ChargeAttempted
from engine.card.gap import LOOK_BACK, ChargeFound, GapClosed
from engine.envelope import names_of, read_fact
from engine.operations import OPERATIONS_ID, RestoreBegun
from engine.ports import ChargesFound, FoundCharge, Gateway, ListChargesRequest
from engine.rules import Gap
from engine.store.log import Place, place

T = TypeVar("T")

EVER = datetime(1970, 1, 1, tzinfo=UTC)
COMPARED_EVERY = timedelta(minutes=1)
COMPARED = 100
"""So many of the gateway's newest charges are compared with the log."""

_BY_CONSUMER = b'"actor":"' + actor("system", "consumer").encode() + b'"'
"""In an envelope; in our compact JSON it cannot stand within a string, where its quotes would be escaped."""
_KNOWN = [*names_of(ChargeAttempted), *names_of(ChargeFound)]


def _ignore(_: str) -> None:
    pass


class Watch:
    """Whether the log is behind the gateway: compared now and then, and at once where the log may be another one.

    That is so at the start, when the log is shorter than it was, and when another database is in its place or the
    server started again. `adopt` is told which database was found right; nothing else may be appended to, since the
    newest attempt of a restored log is where the search for lost charges begins.
    """

    def __init__(self, gateway: Gateway, adopt: Callable[[str], None] = _ignore) -> None:
        self._gateway = gateway
        self._adopt = adopt
        self._known = Place(0, "")
        self._next = 0.0
        self._behind: str | None = None

    async def log_is_behind(self, use: "Use") -> str | None:
        """A sentence where the gateway has charged what the log does not know, and nobody said why; or may have."""
        now = await asyncio.to_thread(use, place)
        is_another = now.incarnation != self._known.incarnation or now.head < self._known.head
        if is_another or monotonic() >= self._next or self._behind is not None:
            self._behind = await self._compared(use, is_another=is_another)
            if self._behind is not None:
                return self._behind
            self._next = monotonic() + COMPARED_EVERY.total_seconds()
        self._known = now
        self._adopt(now.incarnation)
        return None

    async def _compared(self, use: "Use", *, is_another: bool) -> str | None:
        since = await asyncio.to_thread(use, _compared_since)
        if since is None:
            return None
        found = await self._gateway.list_charges(ListChargesRequest(since=since), recorded_now())
        if isinstance(found, ChargesFound):
            return await asyncio.to_thread(use, partial(_unknown_to_log, found.charges[:COMPARED]))
        if not is_another:
            return None  # who lists nothing charges nothing either
        return (
            f"the gateway does not say what it has charged ({found.reason}), and since the start, or since the "
            "database was away, it was not compared with the log; nothing is sent before that"
        )


Use = Callable[[Callable[[Connection[Any]], T]], T]
"""Calls something with a connection."""


def _compared_since(connection: Connection[Any]) -> datetime | None:
    """Since when the gateway's charges are compared with the log; None while a restore's look-ups go on."""
    restored = read_control(connection, virtual_clock=False).restored
    return _at_of_newest_attempt(connection) or EVER if restored is None else None


def _unknown_to_log(charges: Sequence[FoundCharge], connection: Connection[Any]) -> str | None:
    looked_up_until = restored_until(connection) or EVER
    unknown = not_in_log(connection, [one for one in charges if one.charged_at > looked_up_until])
    if not unknown:
        return None
    card_id, at = unknown[0].card_id, unknown[0].charged_at
    return (
        f"the log is behind: on {at:%Y-%m-%d %H:%M} UTC the gateway charged card {card_id}, and the log does not know "
        "of it; was the database restored from a backup? Nothing is sent before `baohao restore begin`"
    )


def not_in_log(connection: Connection[Any], charges: Sequence[FoundCharge]) -> list[FoundCharge]:
    """Those of the gateway's charges whose attempt the log does not have."""
    rows = connection.execute(
        """
        SELECT attempt_id::uuid FROM unnest(%s::uuid[], %s::text[]) AS charged (card_id, attempt_id)
        WHERE NOT EXISTS (
            SELECT FROM card_events WHERE originator_id = charged.card_id AND topic = ANY(%s)
            AND position(convert_to(attempt_id, 'UTF8') IN state) > 0
        )
        """,
        ([one.card_id for one in charges], [str(one.attempt_id) for one in charges], _KNOWN),
    )
    missing = {attempt_id for (attempt_id,) in rows}
    return [one for one in charges if one.attempt_id in missing]


async def lost_charges(connection: Connection[Any], gateway: Gateway, gap: Gap, at: datetime) -> list[FoundCharge]:
    """The charges of a gap that the log does not have yet; raises TimeoutError where the gateway does not answer."""
    found = await gateway.list_charges(ListChargesRequest(since=gap.since - LOOK_BACK), at)
    if not isinstance(found, ChargesFound):
        raise TimeoutError(f"the gateway does not list its charges: {found.reason}")
    return not_in_log(connection, [one for one in found.charges if one.charged_at <= gap.until])


def all_cards(connection: Connection[Any]) -> list[UUID]:
    """Every card of the log."""
    query = "SELECT originator_id FROM card_events WHERE originator_version = 1 AND originator_id <> %s ORDER BY 1"
    return [card_id for (card_id,) in connection.execute(query, (OPERATIONS_ID,))]


def cards_left(connection: Connection[Any]) -> int:
    """How many cards are still to be looked up since the restore was begun last."""
    row = connection.execute(
        """
        SELECT (SELECT count(*) FROM card_events WHERE originator_version = 1 AND originator_id <> %(operations)s)
            - (
                SELECT count(DISTINCT originator_id) FROM card_events
                WHERE topic = ANY(%(closed)s) AND notification_id > (
                    SELECT coalesce(max(notification_id), 0) FROM card_events
                    WHERE originator_id = %(operations)s AND topic = ANY(%(begun)s)
                )
            )
        """,
        {
            "operations": OPERATIONS_ID,
            "closed": list(names_of(GapClosed)),
            "begun": list(names_of(RestoreBegun)),
        },
    ).fetchone()
    return int(row[0]) if row else 0


def complete_until(connection: Connection[Any]) -> datetime | None:
    """The business time up to which a restored log certainly has all charges; None for an empty log.

    That of its newest attempt by a consumer, since none makes one before the look-ups begin, and else that of its first
    fact. Other facts may be newer than the backup: commands are taken on the restored log.
    """
    return _at_of_newest_attempt(connection) or _at_of_first_fact(connection)


def _at_of_newest_attempt(connection: Connection[Any]) -> datetime | None:
    """Of those that a consumer made, which looks at the gateway first.

    Those of others do not count: a web role that records how a payment ended may make one in a restored log.
    """
    row = connection.execute(
        """
        SELECT originator_id, originator_version, topic, state FROM card_events
        WHERE topic = ANY(%s) AND position(%s::bytea IN state) > 0 ORDER BY notification_id DESC LIMIT 1
        """,
        (list(names_of(ChargeAttempted)), _BY_CONSUMER),
    ).fetchone()
    return read_fact(0, *row).fact.at if row else None


def _at_of_first_fact(connection: Connection[Any]) -> datetime | None:
    row = connection.execute(
        """
        SELECT originator_id, originator_version, topic, state FROM card_events
        WHERE originator_id <> %s ORDER BY notification_id LIMIT 1
        """,
        (OPERATIONS_ID,),
    ).fetchone()
    return read_fact(0, *row).fact.at if row else None
