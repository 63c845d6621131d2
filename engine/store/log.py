"""The log as followers read it: the facts of all streams in order, and a notification when there are more."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import Connection, sql
from psycopg.rows import tuple_row

from engine.envelope import Fact, Recorded, kind_of, read_fact
from engine.errors import CorruptHistoryError
from engine.store.recorder import CARD_EVENTS

_LAST_VERSION = 2**31


class Unreadable(NamedTuple):
    """A row of the log that cannot be read, with its error."""

    position: int
    card_id: UUID
    version: int
    error: CorruptHistoryError
    kind: type[Fact] | None
    """What kind of fact it is by its stored name; None for a name that this program does not know."""


def read_log(connection: Connection[Any], after: int, limit: int) -> list[Recorded]:
    """Up to `limit` facts with a position greater than `after`, in order; raises CorruptHistoryError."""
    facts: list[Recorded] = []
    for row in read_rows(connection, after, limit):
        if isinstance(row, Unreadable):
            raise row.error
        facts.append(row)
    return facts


def read_rows(connection: Connection[Any], after: int, limit: int) -> list[Recorded | Unreadable]:
    """Like `read_log`, with those rows among the facts that cannot be read."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE notification_id > %b::bigint ORDER BY notification_id LIMIT %b::bigint
            """,
            (after, limit),
            prepare=True,
        )
        return [_read(*row) for row in cursor]


def read_rows_of(connection: Connection[Any], card_id: UUID, first: int, last: int) -> list[Recorded | Unreadable]:
    """The rows of one stream with positions from `first` to `last`, in order."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id = %b AND notification_id BETWEEN %b::bigint AND %b::bigint ORDER BY notification_id
            """,
            (card_id, first, last),
        )
        return [_read(*row) for row in cursor]


def newest_of(connection: Connection[Any], card_id: UUID, before: int | None, limit: int) -> list[Recorded]:
    """The last facts of one stream with a version below `before` (None: of all), oldest first.

    Raises CorruptHistoryError.
    """
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id = %b AND originator_version < %b::bigint
            ORDER BY originator_version DESC LIMIT %b::bigint
            """,
            (card_id, before if before is not None else _LAST_VERSION, limit),
        )
        return [read_fact(*row) for row in reversed(cursor.fetchall())]


def _read(position: int, card_id: UUID, version: int, topic: str, state: bytes) -> Recorded | Unreadable:
    try:
        return read_fact(position, card_id, version, topic, state)
    except CorruptHistoryError as error:
        return Unreadable(position, card_id, version, error, kind_of(topic))


class Read(NamedTuple):
    """Rows in order, and the position up to which the log was searched for them."""

    rows: list[Recorded | Unreadable]
    upto: int


def read_others(
    connection: Connection[Any], names: Sequence[str], after: int, limit: int, upto: int | None = None
) -> Read:
    """Like `read_rows`, without the facts stored under `names`, which are not even decoded, nor those after `upto`.

    Facts of a name that this program does not know are among the rows, so that no reader passes over them.
    """
    upto = head(connection) if upto is None else upto
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE notification_id > %b::bigint AND notification_id <= %b::bigint AND topic <> ALL(%b)
            ORDER BY notification_id LIMIT %b::bigint
            """,
            (after, upto, list(names), limit),
            prepare=True,
        )
        rows = [_read(*row) for row in cursor]
    return Read(rows, rows[-1].position if len(rows) == limit else max(after, upto))


def read_stretch(
    connection: Connection[Any], names: Sequence[str], first: UUID, before: UUID | None, upto: int
) -> list[Recorded | Unreadable]:
    """The facts of whole streams, from the id `first` on and `before` another (None: to the last), stream by stream.

    Without those stored under `names`, and those after the position `upto`.
    """
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id >= %b AND (%b::uuid IS NULL OR originator_id < %b)
            AND notification_id <= %b::bigint AND topic <> ALL(%b)
            ORDER BY originator_id, originator_version
            """,
            (first, before, before, upto, list(names)),
        )
        return [_read(*row) for row in cursor]


def read_streams(connection: Connection[Any], streams: Sequence[UUID], upto: int) -> list[Recorded | Unreadable]:
    """The facts of some streams up to a position, stream by stream."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id = ANY (%b) AND notification_id <= %b::bigint
            ORDER BY originator_id, originator_version
            """,
            (list(streams), upto),
        )
        return [_read(*row) for row in cursor]


def stretches(connection: Connection[Any], facts: int) -> list[tuple[UUID, UUID | None]]:
    """All ids of streams in order, divided for `read_stretch` so that each part has about so many facts."""
    found: list[tuple[UUID, UUID | None]] = []
    first: UUID | None = UUID(int=0)
    while first is not None:
        row = connection.execute(
            """
            SELECT originator_id FROM card_events WHERE originator_id >= %s
            ORDER BY originator_id, originator_version OFFSET %s LIMIT 1
            """,
            (first, facts),
        ).fetchone()
        before = row[0] if row else None
        if before == first:  # a stream that is longer than that
            row = connection.execute(
                "SELECT originator_id FROM card_events WHERE originator_id > %s ORDER BY originator_id LIMIT 1",
                (first,),
            ).fetchone()
            before = row[0] if row else None
        found.append((first, before))
        first = before
    return found


class Place(NamedTuple):
    """Where the log stands: the position of its last fact, and which database holds it."""

    head: int
    incarnation: str


def place(connection: Connection[Any]) -> Place:
    """See Place; another `incarnation` is another database, or the same after its server started again."""
    query = "SELECT coalesce(max(notification_id), 0), card_events_incarnation() FROM card_events"
    (row,) = connection.execute(query).fetchall()
    return Place(*row)


def head(connection: Connection[Any]) -> int:
    """The position of the last fact; 0 when there is none."""
    row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM card_events").fetchone()
    return int(row[0]) if row else 0


class Newest(NamedTuple):
    """Of some facts: the position of the last one, and the latest time at which one was decided or recorded."""

    position: int
    time: datetime | None
    """Rounded up to the next second; None without a fact that has times."""


def newest(connection: Connection[Any], after: int) -> Newest:
    """The last of the facts after a position, and their latest time, at a few microseconds a fact.

    In our compact JSON neither name can stand within a string, where its quotes would be escaped.
    """
    row = connection.execute(
        """
        SELECT max(position), max(greatest(recorded, decided)) FROM (
            SELECT notification_id AS position,
                encode(substring(state FROM nullif(recorded, 0) + 15 FOR 19), 'escape') COLLATE "C" AS recorded,
                encode(substring(state FROM nullif(decided, 0) + 6 FOR 19), 'escape') COLLATE "C" AS decided
            FROM card_events, position('"recorded_at":"'::bytea IN state) AS recorded,
                position('"at":"'::bytea IN state) AS decided
            WHERE notification_id > %s
        ) AS facts
        WHERE recorded LIKE '____-__-__T__:__:__' AND decided LIKE '____-__-__T__:__:__'
        """,
        (after,),
    ).fetchone()
    position, time = row or (None, None)
    return Newest(max(after, position or 0), time and datetime.fromisoformat(f"{time}+00:00") + timedelta(seconds=1))


FACTS_CHANNEL = CARD_EVENTS
"""PostgreSQL notification: there are new facts."""


class Listener:
    """A connection of its own that waits for a notification on one of `channels`."""

    def __init__(self, database_url: str, channels: tuple[str, ...]) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        for channel in channels:
            self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))

    def wait(self, timeout: timedelta) -> bool:
        """Whether a notification came within `timeout`; consumes all that came together."""
        return bool(list(self._connection.notifies(timeout=timeout.total_seconds(), stop_after=1)))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
