"""The PostgreSQL recorder: the library's, with one round trip per append and a table that only grows.

All appends take one transaction-level advisory lock inside the SQL function that inserts. So positions
(notification ids) become visible in their order, without holes that are filled later, and stream versions are
compared and written in one go. The lock's key is derived in SQL from the table's name.
"""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.utils import retry
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier

CARD_EVENTS = "card_events"
_OF_DATASTORE = frozenset({"dbname", "host", "port", "user", "password"})

_reconnect = retry((InterfaceError, OperationalError), max_attempts=10, wait=0.2)


class Snapshot(NamedTuple):
    """The state of one stream at `version`, as bytes that only the mapper understands."""

    card_id: UUID
    version: int
    state_version: int
    state: bytes


class StreamTail(NamedTuple):
    """What is needed to load one stream: its latest snapshot, if there is one, and what came after that."""

    snapshot: Snapshot | None
    events: list[tuple[int, str, bytes]]
    """Version, topic and state."""


def datastore(database_url: str, pool_size: int) -> PostgresDatastore:
    """The library's datastore (connection pool) for a connection string, with all of its options."""
    parts = conninfo_to_dict(database_url)
    store = PostgresDatastore(
        dbname=str(parts.get("dbname") or "postgres"),
        host=str(parts.get("host") or "localhost"),
        port=str(parts.get("port") or "5432"),
        user=str(parts.get("user") or "postgres"),
        password=str(parts.get("password") or ""),
        pool_size=pool_size,
        max_overflow=pool_size,
    )
    others = {name: value for name, value in parts.items() if name not in _OF_DATASTORE}
    cast("dict[str, Any]", store.pool.kwargs).update(others)  # such as sslmode, for which the library has no place
    return store


class CardRecorder(PostgresApplicationRecorder):
    """Appends and reads the stored events of cards."""

    def __init__(self, datastore: PostgresDatastore, *, events_table_name: str = CARD_EVENTS) -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        self.sql_create_statements += [
            self._sql(statement) for statement in (*_APPEND_ONLY, _SNAPSHOTS_TABLE, *_FUNCTIONS)
        ]
        self._insert = self._sql(_INSERT).as_bytes()
        self._append = self._sql(_APPEND).as_bytes()
        self._load = self._sql(_LOAD).as_bytes()

    def _sql(self, statement: LiteralString) -> Composed:
        table, schema = self.events_table_name, self.datastore.schema
        return SQL(statement).format(
            events=Identifier(schema, table),
            snapshots=Identifier(schema, f"{table}_snapshots"),
            insert=Identifier(schema, f"{table}_insert"),
            append=Identifier(schema, f"{table}_append"),
            refuse=Identifier(schema, f"{table}_refuse_change"),
            refuse_rows=Identifier(f"{table}_refuse_row_change"),
            refuse_truncate=Identifier(f"{table}_refuse_truncate"),
            channel=Identifier(self.channel_name),
            lock=f"{schema}.{table}",
            id_type=Identifier(self.datastore.originator_id_type),
        )

    @_reconnect
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Insert all or nothing, in one round trip; raises the library's IntegrityError if a version is taken."""
        del kwargs
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._insert, _columns(stored_events), prepare=True)
            return [position for (position,) in cursor.fetchall()]

    def append_many(self, stored_events: Sequence[StoredEvent], snapshots: Sequence[Snapshot] = ()) -> frozenset[UUID]:
        """Append events of many streams in one transaction; the answer are the streams that were in conflict.

        A stream's events stand together, in the order of their versions. A stream whose first version is taken
        is left out whole, never half; the others are stored, and so are the snapshots that belong to them.
        """
        starts = _stream_starts(stored_events)
        parameters = (
            *_columns(stored_events),
            list(starts),
            list(starts.values()),
            [snapshot.card_id for snapshot in snapshots],
            [snapshot.version for snapshot in snapshots],
            [snapshot.state_version for snapshot in snapshots],
            [snapshot.state for snapshot in snapshots],
        )
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._append, parameters, prepare=True)
            return frozenset(card_id for (card_id,) in cursor.fetchall())

    @_reconnect
    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """Latest snapshot of `state_version` and what came after it, for many streams in one query, in their order."""
        tails: list[StreamTail] = [StreamTail(None, []) for _ in card_ids]
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._load, (list(card_ids), state_version), prepare=True)
            place: int
            for place, version, topic, state in cursor:
                if topic is None:
                    snapshot = Snapshot(card_ids[place - 1], version, state_version, state)
                    tails[place - 1] = StreamTail(snapshot, [])
                else:
                    tails[place - 1].events.append((version, topic, state))
        return tails


def _columns(stored_events: Sequence[StoredEvent]) -> tuple[list[Any], list[int], list[str], list[bytes]]:
    return (
        [event.originator_id for event in stored_events],
        [event.originator_version for event in stored_events],
        [event.topic for event in stored_events],
        [event.state for event in stored_events],
    )


def _stream_starts(stored_events: Sequence[StoredEvent]) -> dict[Any, int]:
    starts: dict[Any, int] = {}
    for event in stored_events:
        starts.setdefault(event.originator_id, event.originator_version)
    return starts


_INSERT = "SELECT * FROM {insert}(%b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[])"
_APPEND = """
    SELECT * FROM {append}(
        %b::{id_type}[], %b::bigint[], %b::text[], %b::bytea[], %b::{id_type}[], %b::bigint[],
        %b::{id_type}[], %b::bigint[], %b::integer[], %b::bytea[]
    )
"""


_APPEND_ONLY = (
    # Facts are never changed: not by us, not by a slip in a console.
    """
    CREATE OR REPLACE FUNCTION {refuse}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER {refuse_rows} BEFORE UPDATE OR DELETE ON {events}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()
    """,
    """
    CREATE OR REPLACE TRIGGER {refuse_truncate} BEFORE TRUNCATE ON {events}
    FOR EACH STATEMENT EXECUTE FUNCTION {refuse}()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON {events} FROM PUBLIC",
)

# A cache: one row per stream, the latest state; may be emptied at any time.
_SNAPSHOTS_TABLE = """
    CREATE TABLE IF NOT EXISTS {snapshots} (
        card_id {id_type} PRIMARY KEY,
        version bigint NOT NULL,
        state_version integer NOT NULL,
        state bytea NOT NULL
    ) WITH (fillfactor = 70)
"""

_FUNCTIONS = (
    # The lock comes first, in a statement of its own: the INSERT then sees all that was committed before.
    """
    CREATE OR REPLACE FUNCTION {insert}(
        ids {id_type}[], versions bigint[], topics text[], states bytea[]
    ) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
        NOTIFY {channel};
        RETURN QUERY
            INSERT INTO {events} (originator_id, originator_version, topic, state)
            SELECT * FROM unnest(ids, versions, topics, states)
            RETURNING notification_id;
    END $$
    """,
    # Answers the streams in conflict. The planner settings keep its cached plan on the primary key,
    # also when it was made while the table was small.
    """
    CREATE OR REPLACE FUNCTION {append}(
        ids {id_type}[], versions bigint[], topics text[], states bytea[],
        streams {id_type}[], first_versions bigint[],
        snap_ids {id_type}[], snap_versions bigint[], snap_state_versions integer[], snap_states bytea[]
    ) RETURNS SETOF {id_type} LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    DECLARE
        conflicts {id_type}[];
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
        conflicts := ARRAY(
            SELECT s.stream FROM unnest(streams, first_versions) AS s (stream, version)
            WHERE EXISTS (
                SELECT FROM {events} e WHERE e.originator_id = s.stream AND e.originator_version = s.version
            )
        );
        NOTIFY {channel};
        INSERT INTO {events} (originator_id, originator_version, topic, state)
        SELECT * FROM unnest(ids, versions, topics, states) AS n (id, version, topic, state)
        WHERE n.id <> ALL (conflicts);
        IF cardinality(snap_ids) > 0 THEN
            INSERT INTO {snapshots} AS old (card_id, version, state_version, state)
            SELECT * FROM unnest(snap_ids, snap_versions, snap_state_versions, snap_states) AS n (id, v, s, b)
            WHERE n.id <> ALL (conflicts)
            ON CONFLICT (card_id) DO UPDATE
            SET version = excluded.version, state_version = excluded.state_version, state = excluded.state;
        END IF;
        RETURN QUERY SELECT unnest(conflicts);
    END $$
    """,
)

# One row per snapshot (topic NULL), then the events after it; each stream's rows in order.
_LOAD = """
    SELECT wanted.place, rows.version, rows.topic, rows.state
    FROM unnest(%b::{id_type}[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN {snapshots} s ON s.card_id = wanted.id AND s.state_version = %b
    CROSS JOIN LATERAL (
        SELECT s.version, NULL AS topic, s.state WHERE s.card_id IS NOT NULL
        UNION ALL
        (
            SELECT e.originator_version, e.topic, e.state FROM {events} e
            WHERE e.originator_id = wanted.id AND e.originator_version > coalesce(s.version, 0)
            ORDER BY e.originator_version
        )
    ) AS rows
"""
