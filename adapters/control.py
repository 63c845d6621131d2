"""What the operator sets for all roles at once: whether charging is stopped, and the virtual clock's time.

One row, read once per batch. That charging was stopped or resumed is a fact of the log; the row repeats what the facts
amount to, so that a batch need not read them.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from adapters.clock import recorded_now
from engine import operations
from engine.card.deadlines import ChargingBlocked
from engine.envelope import names_of
from engine.operations import OPERATIONS_ID, ChargingResumed, ChargingStopped, Stop
from engine.store.operations import Decision, record_operation
from engine.store.port import Recorder

CONTROL_TABLE = """
    CREATE TABLE IF NOT EXISTS control (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one row
        virtual_now timestamptz,  -- the virtual clock; NULL until it is set
        charging_stopped_at timestamptz,
        charging_stopped_why text,
        charging_stopped_by text
    )
"""
CONTROL_BY = "ALTER TABLE control ADD COLUMN IF NOT EXISTS charging_stopped_by text"
"""What version 3 of the schema added."""
CONTROL_ROW = "INSERT INTO control DEFAULT VALUES ON CONFLICT DO NOTHING"

CLOCK_CHANNEL = "baohao_clock"
"""PostgreSQL notification: the virtual clock was moved."""


class Control(NamedTuple):
    """What one batch reads of it."""

    now: datetime
    charging_stopped: bool


def read_control(connection: Connection[Any], *, virtual_clock: bool) -> Control:
    """The time (the virtual clock's, or the system's) and whether charging is stopped."""
    row = connection.execute(
        "SELECT virtual_now, charging_stopped_at IS NOT NULL FROM control", prepare=True
    ).fetchone()
    virtual_now, stopped = row or (None, False)
    return Control(virtual_now if virtual_clock and virtual_now else recorded_now(), stopped)


def move_clock(connection: Connection[Any], now: datetime) -> None:
    """Set the virtual clock; it never goes back."""
    connection.execute("UPDATE control SET virtual_now = greatest(%s, coalesce(virtual_now, '-infinity'))", (now,))
    connection.execute(f"NOTIFY {CLOCK_CHANNEL}")


def stop_charging(connection: Connection[Any], recorder: Recorder, reason: str, actor: str, at: datetime) -> None:
    """Stop new attempts until resumed; open attempts are completed. Raises Refused `reason_missing`."""
    _operate(
        connection,
        recorder,
        lambda stop: operations.stop_charging(stop, reason, at),
        actor=actor,
        cause="baohao charging stop",
    )


def resume_charging(connection: Connection[Any], recorder: Recorder, actor: str, at: datetime) -> None:
    """Allow attempts again."""
    _operate(
        connection,
        recorder,
        lambda stop: operations.resume_charging(stop, at),
        actor=actor,
        cause="baohao charging resume",
    )


def allow_payment_card(
    connection: Connection[Any], recorder: Recorder, fingerprint: str, reason: str, actor: str, at: datetime
) -> None:
    """Let a payment card be tried again that a code has blocked. Raises Refused `reason_missing`, `reason_invalid`."""
    _operate(
        connection,
        recorder,
        lambda _: operations.allow_payment_card(fingerprint, reason, at),
        actor=actor,
        cause="baohao limits allow",
    )


def _operate(connection: Connection[Any], recorder: Recorder, decision: Decision, *, actor: str, cause: str) -> None:
    """Store the fact, then update the row, which is locked meanwhile so that operators take turns.

    After a kill between the two, the same command repeated sets the row.
    """
    with connection.transaction():
        connection.execute("SELECT FROM control FOR UPDATE")
        stop = record_operation(recorder, decision, actor=actor, cause=cause, recorded_at=recorded_now())
        connection.execute(
            "UPDATE control SET charging_stopped_at = %s, charging_stopped_why = %s, charging_stopped_by = %s",
            (None, None, None) if stop is None else (stop.since, stop.reason, stop.by),
        )


def charging_stopped_since(connection: Connection[Any]) -> Stop | None:
    """Since when charging is stopped, why and by whom, or None."""
    row = connection.execute(
        """
        SELECT charging_stopped_at, charging_stopped_why, charging_stopped_by
        FROM control WHERE charging_stopped_at IS NOT NULL
        """
    ).fetchone()
    return Stop(*row) if row else None


def blocked_cards(connection: Connection[Any]) -> list[UUID]:
    """The cards that the last stop, also one that was resumed already, kept from being charged."""
    rows = connection.execute(
        """
        WITH operations AS (
            SELECT notification_id AS position, topic = ANY (%(stopped)s) AS stops
            FROM card_events WHERE originator_id = %(stream)s AND topic = ANY (%(stopped)s || %(resumed)s)
        ),
        resumed_before AS (
            SELECT coalesce(max(position), 0) AS position FROM operations
            WHERE NOT stops AND position < (SELECT max(position) FROM operations WHERE stops)
        )
        SELECT DISTINCT originator_id FROM card_events
        WHERE topic = ANY (%(blocked)s) AND notification_id > (
            SELECT min(position) FROM operations WHERE stops AND position > (SELECT position FROM resumed_before)
        )
        ORDER BY originator_id
        """,
        {
            "stream": OPERATIONS_ID,
            "resumed": list(names_of(ChargingResumed)),
            "stopped": list(names_of(ChargingStopped)),
            "blocked": list(names_of(ChargingBlocked)),
        },
    )
    return [card_id for (card_id,) in rows]
