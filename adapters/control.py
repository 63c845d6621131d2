"""What the operator sets for all roles at once: whether charging is stopped, and the virtual clock's time.

One row, read once per batch.
"""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from adapters.clock import recorded_now

CONTROL_TABLE = """
    CREATE TABLE IF NOT EXISTS control (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one row
        virtual_now timestamptz,  -- the virtual clock; NULL until somebody sets it
        charging_stopped_at timestamptz,
        charging_stopped_why text
    )
"""
CONTROL_ROW = "INSERT INTO control DEFAULT VALUES ON CONFLICT DO NOTHING"

CLOCK_CHANNEL = "baohao_clock"
"""PostgreSQL notification: the virtual clock was moved."""


class Control(NamedTuple):
    """What holds for one batch."""

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


def stop_charging(connection: Connection[Any], why: str) -> datetime | None:
    """Make no new attempts until resumed; answers since when. Open attempts run to their end."""
    row = connection.execute(
        """
        UPDATE control SET charging_stopped_at = coalesce(charging_stopped_at, now()), charging_stopped_why = %s
        RETURNING charging_stopped_at
        """,
        (why,),
    ).fetchone()
    return row[0] if row else None


def resume_charging(connection: Connection[Any]) -> None:
    """Make attempts again."""
    connection.execute("UPDATE control SET charging_stopped_at = NULL, charging_stopped_why = NULL")


def charging_stopped_since(connection: Connection[Any]) -> tuple[datetime, str] | None:
    """Since when charging is stopped and why, or None."""
    return connection.execute(
        "SELECT charging_stopped_at, charging_stopped_why FROM control WHERE charging_stopped_at IS NOT NULL"
    ).fetchone()
