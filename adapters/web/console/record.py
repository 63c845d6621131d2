"""The record of operators: each action and each look at personal data, who, when, about what, and why."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.web.console.roles import Action

log = structlog.get_logger()

LOOKS = ("see_card", "see_personal_data", "look_up", "sign_in", "prove")
"""What changes nothing."""
FORGOTTEN_AT_ONCE = 1000
"""Rows removed in one transaction: so few that nobody waits for them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded."""

    operator_id: str
    action: Action | str
    card_id: UUID | None = None
    holder_id: str | None = None
    about: str | None = None
    reason: str | None = None
    action_id: UUID = field(default_factory=uuid4)


class Recorded(NamedTuple):
    """A row of the record; `email` is the operator's, None where nobody knows it any more."""

    at: datetime
    operator_id: str
    email: str | None
    action: str
    card_id: UUID | None
    holder_id: str | None
    about: str | None
    reason: str | None
    outcome: str | None


class Known(NamedTuple):
    """What was recorded under the id of a form; `outcome` is None while nobody knows how it ended."""

    operator_id: str
    action: str
    card_id: UUID | None
    about: str | None
    reason: str | None
    outcome: str | None

    def is_of(self, entry: Entry) -> bool:
        """Whether the same operator sent the same form."""
        return self[:5] == (entry.operator_id, entry.action, entry.card_id, entry.about, entry.reason)


async def known_as(connection: AsyncConnection[Any], action_id: UUID) -> Known | None:
    """What was recorded under that id, if anything was."""
    query = "SELECT operator_id, action, card_id, about, reason, outcome FROM operator_actions WHERE action_id = %s"
    async with connection.cursor(row_factory=class_row(Known)) as cursor:
        return await (await cursor.execute(query, (action_id,))).fetchone()


async def begin(connection: AsyncConnection[Any], entry: Entry, now: datetime, outcome: str | None = None) -> bool:
    """Record it before it is done; False if it was recorded before, as by a form that was sent twice."""
    query = """
        INSERT INTO operator_actions (action_id, at, operator_id, action, card_id, holder_id, about, reason, outcome)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (action_id) DO NOTHING
    """
    values = entry.card_id, entry.holder_id, entry.about, entry.reason, outcome
    added = await connection.execute(query, (entry.action_id, now, entry.operator_id, entry.action, *values))
    if added.rowcount:
        card = entry.card_id and str(entry.card_id)
        log.info("console.action", action=entry.action, operator=entry.operator_id, card_id=card)
    return added.rowcount > 0


async def end(connection: AsyncConnection[Any], action_id: UUID, outcome: str) -> None:
    """Record how it ended; said once, but for what failed and was done when it was sent again."""
    query = """
        UPDATE operator_actions SET outcome = %s
        WHERE action_id = %s AND (outcome IS NULL OR outcome = 'failed')
    """
    await connection.execute(query, (outcome, action_id))


async def forget_entries(connection: AsyncConnection[Any], kept_days: int) -> int:
    """Remove what is older than that, in batches; how much it was. The database keeps the last year in any case."""
    removed = 0
    while True:
        query = "SELECT operator_actions_forget(make_interval(days => %s), %s)"
        row = await (await connection.execute(query, (kept_days, FORGOTTEN_AT_ONCE))).fetchone()
        batch = row[0] if row else 0
        removed += batch
        if batch < FORGOTTEN_AT_ONCE:
            return removed


async def list_entries(
    connection: AsyncConnection[Any],
    limit: int,
    skip: int = 0,
    *,
    card_id: UUID | None = None,
    operator: str = "",
    action: str = "",
    only_done: bool = False,
) -> list[Recorded]:
    """The newest first, of all or of one card, operator or action; `only_done`: without looks and sign-ins."""
    query = """
        SELECT at, operator_id, email, action, card_id, holder_id, about, reason, outcome
        FROM operator_actions LEFT JOIN operators USING (operator_id)
        WHERE (%(card)s::uuid IS NULL OR card_id = %(card)s) AND (%(operator)s = '' OR operator_id = %(operator)s)
        AND (%(action)s = '' OR action = %(action)s) AND (NOT %(only_done)s OR action <> ALL (%(looks)s))
        ORDER BY at DESC, action_id LIMIT %(limit)s OFFSET %(skip)s
    """
    asked = {"card": card_id, "operator": operator, "action": action, "limit": limit, "skip": skip}
    asked |= {"only_done": only_done, "looks": list(LOOKS)}
    async with connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return await (await cursor.execute(query, asked)).fetchall()
