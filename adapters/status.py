"""What runs and how far it is, read from the database and the broker; nothing is changed."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import nats.errors
from nats.js.errors import NotFoundError
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from adapters.broker.connection import connected
from adapters.broker.due import DUE_STREAM
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.streams import CHARGING
from adapters.clock_check import wrong_clock
from adapters.control import charging_stopped_since, gateway_down_since, log_now, read_control
from adapters.roles import ROLES
from adapters.settings import Settings
from engine.operations import Stop
from engine.rules import Gap
from engine.store.log import head
from projections.cards import count_by_status
from projections.follow import positions
from projections.live import LIVE
from projections.standing import read_standing

AGES = {
    "under_1_minute": timedelta(minutes=1),
    "under_1_hour": timedelta(hours=1),
    "under_1_day": timedelta(days=1),
    "older": timedelta.max,
}
"""How long due cards have waited."""
_PREFIX = "baohao "


def named(database_url: str, role: str, host: str, pid: int) -> str:
    """The connection string with the name by which `running_roles` knows the process."""
    return make_conninfo(database_url, application_name=f"{_PREFIX}{role} {pid} {host}")


class RunningRole(NamedTuple):
    """A process of a role that is connected to the database; `leads` is None for a role without a leader."""

    role: str
    pid: int
    host: str
    leads: bool | None
    since: datetime


class Inbox(NamedTuple):
    """What the provider has notified us of."""

    waiting: int
    """Notifications that are still to be looked up."""
    oldest_at: datetime | None
    """When the first of them arrived; by the database's clock, as the next."""
    looked_up_at: datetime | None
    """When one was settled last, of those that are kept."""


class Status(NamedTuple):
    """What the database says; lags are in facts, `due` counts waiting cards by their age.

    `parked_for_models`: by read model, how many cards it cannot follow.
    """

    now: datetime
    roles: list[RunningRole]
    lag: dict[str, int]
    due: dict[str, int]
    in_flight: int
    parked_cards: int
    parked_messages: int
    parked_for_models: dict[str, int]
    rebuild_due: list[str]
    """Read models whose rows were made by another version of the fold than this program's."""
    paused: list[str]
    """Read models that a person has paused."""
    cases: int
    cards: dict[str, int]
    charging_stopped: Stop | None
    clock_wrong: str | None
    """What is wrong with the clocks of this machine and the database."""
    restored: Gap | None
    """What the log may have lost, while that is looked up."""
    gateway_down_since: datetime | None
    """Since when the gateway does not answer: nothing is sent until a look-up is answered."""
    inbox: Inbox | None
    """None where no notification has come, nor a role waits for any."""


class BrokerStatus(NamedTuple):
    """What the broker says; None where a stream or its consumer is missing."""

    due_waiting: int | None
    due_unacknowledged: int | None
    events: int | None
    events_bytes: int | None


def read_status(connection: Connection[Any], *, virtual_clock: bool) -> Status:
    """The state of the system as the database knows it."""
    control = read_control(connection, virtual_clock=virtual_clock)
    now, roles = control.now, running_roles(connection)
    followed = positions(connection)  # before the head, which nobody who follows can then be beyond
    newest = head(connection)
    standing = read_standing(connection, LIVE, log_now(control, virtual_clock=virtual_clock))
    counts = connection.execute(
        """
        SELECT (SELECT count(*) FROM due_sent JOIN due USING (card_id, version) WHERE lease_until > clock_timestamp()),
            (SELECT count(card_id) FROM parked), (SELECT count(*) - count(card_id) FROM parked),
            (SELECT count(*) FROM cases) + (SELECT count(*) FROM differences WHERE closed_at IS NULL)
        """
    ).fetchone() or (0, 0, 0, 0)  # a query of figures has a row
    in_flight, parked_cards, parked_messages, cases = counts
    return Status(
        now,
        roles,
        {name: newest - position for name, position in followed.items()},
        due_by_age(connection, now),
        in_flight,
        parked_cards,
        parked_messages,
        {one.model: one.parked for one in standing if one.parked},
        [one.model for one in standing if one.rebuild_due],
        [one.model for one in standing if one.paused_at],
        cases,
        count_by_status(connection),
        charging_stopped_since(connection),
        None if virtual_clock else wrong_clock(connection, control),
        control.restored,
        gateway_down_since(connection),
        read_inbox(connection, is_used="web" in {one.role for one in roles}),
    )


def read_inbox(connection: Connection[Any], *, is_used: bool) -> Inbox | None:
    """What waits in the inbox; None where it is empty and not used."""
    row = connection.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE settled_at IS NULL),
            min(received_at) FILTER (WHERE settled_at IS NULL), max(settled_at) FROM inbox
        """
    ).fetchone()
    return Inbox(*row[1:]) if row and (row[0] or is_used) else None


def running_roles(connection: Connection[Any]) -> list[RunningRole]:
    """The role processes that are connected, by role."""
    with connection.cursor(row_factory=class_row(RunningRole)) as cursor:
        cursor.execute(
            """
            SELECT split_part(application_name, ' ', 2) AS role, split_part(application_name, ' ', 3)::bigint AS pid,
                split_part(application_name, ' ', 4) AS host,
                CASE WHEN split_part(application_name, ' ', 2) = ANY (%(led)s) THEN bool_or(backend IS NOT NULL) END
                AS leads,
                min(pg_stat_activity.backend_start) AS since
            FROM pg_stat_activity LEFT JOIN leaders ON backend = pid AND lease_until > clock_timestamp()
            WHERE application_name ~ %(pattern)s AND datname = current_database()
            GROUP BY application_name ORDER BY 1, 5
            """,
            {
                "led": [*(role for role in ROLES if role != "consumer"), "notifier", "sealer", "forwarder"],
                "pattern": rf"^{_PREFIX}[a-z]+ \d+ ",
            },
        )
        return cursor.fetchall()


def due_by_age(connection: Connection[Any], now: datetime) -> dict[str, int]:
    """How many cards are due and not parked, by how long they have waited."""
    counts, counted = {}, 0
    for name, age in AGES.items():
        since = now - age if age < timedelta.max else None
        row = connection.execute(
            """
            SELECT count(*) FROM due
            WHERE wake_at <= %(now)s AND (%(since)s::timestamptz IS NULL OR wake_at > %(since)s)
            AND NOT EXISTS (SELECT FROM parked WHERE parked.card_id = due.card_id)
            """,
            {"now": now, "since": since},
        ).fetchone()
        upto = int(row[0]) if row else 0
        counts[name], counted = upto - counted, upto
    return counts


async def read_broker(nats_url: str, settings: Settings) -> BrokerStatus:
    """The state of the streams; raises OSError, TimeoutError or a NATS error where the broker does not answer."""
    async with connected(nats_url, settings) as client:
        jetstream = client.jetstream()
        due = events = None
        with suppress(NotFoundError):
            due = await jetstream.consumer_info(DUE_STREAM, CHARGING)
        with suppress(NotFoundError):
            events = (await jetstream.stream_info(EVENTS_STREAM)).state
    return BrokerStatus(
        due.num_pending if due else None,
        due.num_ack_pending if due else None,
        events.messages if events else None,
        events.bytes if events else None,
    )


BROKER_ERRORS = (nats.errors.Error, OSError, TimeoutError)
"""What `read_broker` raises."""
