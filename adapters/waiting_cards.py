"""The cards that waited while the provider did not answer: which they are, and that they go on as soon as it does."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from engine.actor import actor
from engine.application import Engine
from engine.card.deadlines import ChargingBlocked
from engine.envelope import names_of
from engine.rules import Rules

WOKEN_AT_ONCE = 500


def kept_waiting(connection: Connection[Any], since: datetime) -> list[UUID]:
    """The cards that were blocked since then because the provider did not answer; some may go on already."""
    rows = connection.execute(
        """
        SELECT DISTINCT originator_id FROM card_events
        WHERE topic = ANY (%s) AND convert_from(state, 'UTF8')::jsonb -> 'fact' ->> 'reason' = 'gateway_down'
            AND (convert_from(state, 'UTF8')::jsonb -> 'fact' ->> 'at')::timestamptz >= %s
        ORDER BY originator_id
        """,
        (list(names_of(ChargingBlocked)), since),
    )
    return [card_id for (card_id,) in rows]


def wake_again(engine: Engine, card_ids: Sequence[UUID], read_rules: Callable[[], tuple[Rules, datetime]]) -> int:
    """Let cards that waited for the provider go on now; returns how many do."""
    woken = 0
    for start in range(0, len(card_ids), WOKEN_AT_ONCE):
        batch = card_ids[start : start + WOKEN_AT_ONCE]
        woken += engine.replan(batch, "gateway.up", actor("system", "consumer"), *read_rules()).facts
    return woken
