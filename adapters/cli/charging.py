"""Stopping and resuming all charging, and the history of both."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from adapters.breaker import close_if_nothing_is_open
from adapters.charged_through import check_gateway
from adapters.cli.output import out, put_fields, put_rows
from adapters.cli.replanning import plan_anew
from adapters.cli.servers import connection as connection_to
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.control import (
    begin_stop,
    blocked_cards,
    charging_stopped_since,
    resume_charging,
)
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.waiting_cards import kept_waiting
from adapters.wiring import operator_of, recorder_of, rules_of
from engine.envelope import Recorded
from engine.errors import CorruptHistoryError
from engine.operations import (
    ChargingResumed,
    ChargingStopped,
    ClockConfirmed,
    PaymentCardAllowed,
    RestoreBegun,
    RestoreEnded,
    Stop,
)
from engine.store.operations import operations_history
from engine.store.recorder import CardRecorder


def stop(settings: Settings, why: str, *, as_json: bool) -> None:
    """Stop all charging; raises Refused without a reason, and where another stop holds."""
    with installation_of(settings) as (_, connection, recorder):
        now = clock_of(settings).read(connection).now
        begin_stop(connection, recorder, why, operator_of(settings), now, same_again=True)
        stopped = charging_stopped_since(connection)
    put_fields("charging", _fields(stopped), as_json=as_json)


def status(settings: Settings, *, as_json: bool) -> None:
    """Whether charging is stopped: since when, why, and by whom."""
    with connection_to(settings) as connection:
        stopped = charging_stopped_since(connection)
    if stopped is None and not as_json:
        out.print("charging is not stopped")
        return
    put_fields("charging", _fields(stopped), as_json=as_json)


def _fields(stopped: Stop | None) -> dict[str, object]:
    since, reason, by = (stopped.since, stopped.reason, stopped.by) if stopped else (None, None, None)
    return {"stopped_since": since, "why": reason, "by": by}


def resume(settings: Settings, *, as_json: bool) -> None:
    """Resume charging, and wake the cards that were kept from being charged; exit status 1 if some could not be.

    A provider that did not answer is tried again too, where no open attempt is left to be looked up.

    Killed in between, it wakes them when it is given again.
    """
    rules = rules_of(settings)
    with installation_of(settings) as (url, connection, recorder):
        check_gateway(connection, settings.gateway)
        before = charging_stopped_since(connection)
        now = clock_of(settings).read(connection).now
        resume_charging(connection, recorder, operator_of(settings), now)
        down_since = close_if_nothing_is_open(connection)
        waiting = {*blocked_cards(connection), *(kept_waiting(connection, down_since) if down_since else ())}
        woken = plan_anew(settings, url, rules, sorted(waiting), "baohao charging resume")
    since = before.since if before else None
    fields = {"was_stopped_since": since, "gateway_was_down_since": down_since, "cards_woken": woken.planned_anew}
    put_fields("charging", fields, as_json=as_json)
    woken.report()


class Operation(NamedTuple):
    """One row of the history."""

    at: datetime
    by: str
    what: str
    why: str | None


def history(settings: Settings, *, as_json: bool) -> None:
    """What operators did: stops of charging, payment cards allowed, clocks confirmed, restores; oldest first."""
    with installation_of(settings) as (_, _, recorder):
        rows = [_operation(one) for one in operations_history(recorder)]
    put_rows("charging", rows, as_json=as_json)


def _operation(recorded: Recorded) -> Operation:
    match recorded.fact:
        case ChargingStopped(at=at, reason=reason):
            return Operation(at, recorded.actor, "stopped", reason)
        case ChargingResumed(at=at):
            return Operation(at, recorded.actor, "resumed", None)
        case PaymentCardAllowed(at=at, fingerprint=fingerprint, reason=reason):
            return Operation(at, recorded.actor, f"allowed {fingerprint}", reason)
        case ClockConfirmed(at=at, until=until, reason=reason):
            return Operation(
                at, recorded.actor, f"confirmed the clock, though facts go up to {until:%Y-%m-%d %H:%M}", reason
            )
        case RestoreBegun(at=at, reason=reason, since=since):
            return Operation(at, recorded.actor, f"restore begun, since {since:%Y-%m-%d %H:%M} UTC", reason)
        case RestoreEnded(at=at, reason=reason):
            return Operation(at, recorded.actor, "restore ended", reason)
        case other:
            raise CorruptHistoryError(f"{type(other).__name__} is no fact of operations")


class Installation(NamedTuple):
    """A migrated database: its address, a connection and a recorder."""

    url: str
    connection: Connection[Any]
    recorder: CardRecorder


@contextmanager
def installation_of(settings: Settings) -> Iterator[Installation]:
    """A connection and a recorder on a database at the needed schema; raises SchemaError."""
    with database(settings) as url:
        check_schema(url)
        recorder = recorder_of(settings, url, pool_size=1)
        with psycopg.connect(url, autocommit=True) as connection, closing(recorder.datastore):
            yield Installation(url, connection, recorder)
