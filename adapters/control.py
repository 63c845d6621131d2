"""What is set for all roles at once: a stop of all charging, a wrong clock, a restore, and the virtual clock's time.

One row, read once per batch. That charging was stopped, a clock confirmed or the database restored is a fact of the
log; the row repeats what the facts amount to, so that a batch need not read them.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.postgres import PostgresDatastore
from psycopg import Connection
from psycopg.rows import tuple_row

from adapters.clock import recorded_now
from engine import operations
from engine.card.deadlines import ChargingBlocked
from engine.envelope import names_of
from engine.errors import BaohaoError, Refused
from engine.operations import OPERATIONS_ID, ChargingResumed, ChargingStopped, Restore, Stop
from engine.rules import Gap
from engine.store import operations as operations_of
from engine.store.operations import Decision, RestoreDecision, operations_history, record_operation
from engine.store.port import Recorder

CONTROL_TABLE = """
    CREATE TABLE IF NOT EXISTS control (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one row
        virtual_now timestamptz,  -- the virtual clock; NULL until it is set
        charging_stopped_at timestamptz,
        charging_stopped_why text,
        charging_stopped_by text,
        clock_ahead_until timestamptz,  -- a clock that decided was ahead, and showed times up to this one
        clock_confirmed_until timestamptz,  -- facts up to this time may be of a clock that was ahead, the operator said
        restored_since timestamptz,  -- of the last restore: from here …
        restored_until timestamptz,  -- … to here the log may have lost facts
        restore_open boolean NOT NULL DEFAULT false,  -- it is still looked up what that was
        gateway_down_since timestamptz,  -- the gateway does not answer: nothing is sent; NULL: it does
        gateway text  -- through which the roles charge; NULL until one has started
    )
"""
CONTROL_BY = "ALTER TABLE control ADD COLUMN IF NOT EXISTS charging_stopped_by text"
"""What version 3 of the schema added."""
CONTROL_CLOCK = """
    ALTER TABLE control ADD COLUMN IF NOT EXISTS clock_ahead_until timestamptz,
        ADD COLUMN IF NOT EXISTS clock_confirmed_until timestamptz
"""
CONTROL_RESTORE = """
    ALTER TABLE control ADD COLUMN IF NOT EXISTS restored_since timestamptz,
        ADD COLUMN IF NOT EXISTS restored_until timestamptz,
        ADD COLUMN IF NOT EXISTS restore_open boolean NOT NULL DEFAULT false
"""
"""These two are what version 6 of the schema added."""
CONTROL_GATEWAY = "ALTER TABLE control ADD COLUMN IF NOT EXISTS gateway_down_since timestamptz"
"""What version 7 added."""
CONTROL_CHARGED_THROUGH = "ALTER TABLE control ADD COLUMN IF NOT EXISTS gateway text"
"""What version 8 added."""
CONTROL_ROW = "INSERT INTO control DEFAULT VALUES ON CONFLICT DO NOTHING"

CLOCK_CHANNEL = "baohao_clock"
"""PostgreSQL notification: the virtual clock was moved."""


class Control(NamedTuple):
    """What one batch reads of it."""

    now: datetime
    """The business time: the virtual clock's, or this machine's after the database answered."""
    charging_stopped: bool
    clock_ahead_until: datetime | None
    clock_confirmed_until: datetime | None
    asked_at: datetime
    """This machine's clock before the database was asked."""
    database_now: datetime
    """The database's clock in between."""
    restored: Gap | None
    """What the log may have lost, while that is looked up."""
    gateway_down: bool
    """The gateway does not answer."""
    gateway: str | None
    """The name of the provider through which the roles charge; None until one has started."""


def read_control(connection: Connection[Any], *, virtual_clock: bool) -> Control:
    """The row and the time; whether the clocks can be trusted is another question: `adapters.clock_check`."""
    asked_at = recorded_now()
    row = connection.execute(
        """
        SELECT virtual_now, charging_stopped_at IS NOT NULL, clock_ahead_until, clock_confirmed_until,
            clock_timestamp(), restore_open, restored_since, restored_until, gateway_down_since IS NOT NULL, gateway
        FROM (SELECT) AS always LEFT JOIN control ON true
        """,
        prepare=True,
    ).fetchone()
    if row is None:  # cannot be: an outer join gives a row
        raise BaohaoError("the control row cannot be read")
    virtual_now, stopped, ahead, confirmed, database_now, is_open, since, until, down, gateway = row
    now = virtual_now if virtual_clock and virtual_now else recorded_now()
    gap = Gap(since, until) if is_open else None
    return Control(now, stopped, ahead, confirmed, asked_at, database_now, gap, down, gateway)


def gateway_is_down(connection: Connection[Any], at: datetime) -> bool:
    """Let nothing be sent until the gateway answers again; false if that is set already."""
    query = "UPDATE control SET gateway_down_since = %s WHERE gateway_down_since IS NULL"
    return connection.execute(query, (at,)).rowcount > 0


def gateway_down_since(connection: Connection[Any]) -> datetime | None:
    """Since when the gateway does not answer; None if it does."""
    row = connection.execute("SELECT gateway_down_since FROM control").fetchone()
    return row[0] if row else None


def gateway_is_up(connection: Connection[Any]) -> datetime | None:
    """Let charges be made again; since when the gateway had been down, None if it had not."""
    row = connection.execute(
        """
        UPDATE control SET gateway_down_since = NULL FROM (SELECT gateway_down_since AS since FROM control) AS before
        WHERE gateway_down_since IS NOT NULL RETURNING since
        """
    ).fetchone()
    return row[0] if row else None


def log_now(control: Control, *, virtual_clock: bool) -> datetime:
    """When a fact would be recorded now: by the clock that rules the log, which is one for all processes."""
    return control.now if virtual_clock else control.database_now


def virtual_now(store: PostgresDatastore) -> datetime | None:
    """What the virtual clock shows; None before it was set."""
    with store.get_connection() as connection, connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT virtual_now FROM control").fetchone()
    return row[0] if row else None


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


def begin_stop(
    connection: Connection[Any], recorder: Recorder, reason: str, actor: str, at: datetime, *, same_again: bool
) -> None:
    """Stop charging where it goes on: a stop that holds keeps its reason, by which the one who resumes has to judge.

    Raises Refused `reason_missing`, and `charging_stopped` where another stop holds; if not `same_again`, for the same
    stop of the same actor, too.
    """
    with connection.transaction():
        connection.execute("SELECT FROM control FOR UPDATE")  # operators take turns
        stop = charging_stopped_since(connection)
        if stop is not None and not (same_again and (stop.reason, stop.by) == (reason, actor)):
            since = f"{stop.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            message = f"charging is stopped already, since {since}: {stop.reason}. Nothing was changed"
            raise Refused("charging_stopped", message)
        stop_charging(connection, recorder, reason, actor, at)


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


def note_clock_ahead(connection: Connection[Any], until: datetime) -> None:
    """Remember for all roles that a clock that decided may have been ahead, with times up to `until`."""
    connection.execute("UPDATE control SET clock_ahead_until = greatest(clock_ahead_until, %s)", (until,))


def confirm_clock(
    connection: Connection[Any], recorder: Recorder, newest: datetime, reason: str, actor: str, at: datetime
) -> None:
    """Let the work go on though the log holds facts of the future, up to `newest`: a clock was ahead.

    Raises Refused where it holds none. What was sent with that clock counts as lost, whatever its lease says.
    """
    with connection.transaction():
        connection.execute("SELECT FROM control FOR UPDATE")

        def decision(_: Stop | None) -> tuple[operations.ClockConfirmed, ...]:
            before = operations.confirmed_until(one.fact for one in operations_history(recorder))
            return operations.confirm_clock(before, newest, reason, at)

        record_operation(recorder, decision, actor=actor, cause="baohao clock confirm")
        note_clock_ahead(connection, newest)
        connection.execute("UPDATE control SET clock_confirmed_until = %s", (newest,))
        connection.execute("UPDATE due_sent SET lease_until = least(lease_until, clock_timestamp())")


def _operate(connection: Connection[Any], recorder: Recorder, decision: Decision, *, actor: str, cause: str) -> None:
    """Store the fact, then update the row, which is locked meanwhile so that operators take turns.

    After a kill between the two, the same command repeated sets the row.
    """
    with connection.transaction():
        connection.execute("SELECT FROM control FOR UPDATE")
        stop = record_operation(recorder, decision, actor=actor, cause=cause)
        connection.execute(
            "UPDATE control SET charging_stopped_at = %s, charging_stopped_why = %s, charging_stopped_by = %s",
            (None, None, None) if stop is None else (stop.since, stop.reason, stop.by),
        )


def record_restore(
    connection: Connection[Any], recorder: Recorder, decision: RestoreDecision, *, actor: str, cause: str
) -> Restore | None:
    """Store a fact about a restore, then update the row, as for a stop. Returns the last restore."""
    with connection.transaction():
        connection.execute("SELECT FROM control FOR UPDATE")
        restore = operations_of.record_restore(recorder, decision, actor=actor, cause=cause)
        if restore is not None:
            connection.execute(
                "UPDATE control SET restored_since = %s, restored_until = %s, restore_open = %s",
                (restore.gap.since, restore.gap.until, not restore.ended),
            )
    return restore


def restored_until(connection: Connection[Any]) -> datetime | None:
    """When the database was restored last; None if never. What the gateway charged before that is looked up."""
    row = connection.execute("SELECT restored_until FROM control").fetchone()
    return row[0] if row else None


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
