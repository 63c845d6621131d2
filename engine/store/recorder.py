"""The PostgreSQL recorder: the library's, with one round trip per append and an append-only table.

All appends take one transaction-level advisory lock inside the SQL function that inserts. So positions
(notification ids) become visible in their order, without holes that are filled later, and stream versions are
compared and written atomically. The lock's key is derived in SQL from the table's name. Network limits and accepted
commands are kept in the same transaction.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString, cast
from uuid import UUID

from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.utils import retry
from psycopg import Connection, Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import LockNotAvailable, ObjectNotInPrerequisiteState
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from engine.card.attempt import ChargeAttempted
from engine.envelope import names_of
from engine.errors import ConnectionLostError, LockHeldError, LogReplacedError
from engine.networks import Limited
from engine.store import limits_sql, recorder_sql
from engine.store.parameters import LIMITS, append_parameters, fact_columns
from engine.store.port import AcceptedCommand, Refusals, Snapshot, StoredFact, StreamTail, Write

CARD_EVENTS = "card_events"
LOCK_TIMEOUT_S = 5
"""How long an append waits for the lock of the appends, or for a row that another session has locked."""
_OF_DATASTORE = frozenset({"dbname", "host", "port", "user", "password"})

_reconnect = retry(ConnectionLostError, max_attempts=10, wait=0.2)
"""For idempotent calls."""


class _Datastore(PostgresDatastore):
    """The library's, whose sessions do not wait for ever; a pooler would refuse this as a start-up option."""

    def after_connect_func(self) -> Callable[[Connection[Any]], None]:
        as_the_library = super().after_connect_func()

        def after_connect(connection: Connection[Any]) -> None:
            as_the_library(connection)
            connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_S}s",))

        return after_connect


def datastore(database_url: str, pool_size: int) -> PostgresDatastore:
    """The library's datastore (connection pool) for a connection string, with all of its options."""
    parts = conninfo_to_dict(database_url)
    store = _Datastore(
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


def _by_the_database() -> None:
    """Leave the time to the database: one clock, whichever process appends."""


class CardRecorder(PostgresApplicationRecorder):
    """Implements the port `Recorder`, and the library's recorder, so that the library's own tests check it."""

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        events_table_name: str = CARD_EVENTS,
        recorded_now: Callable[[], datetime | None] = _by_the_database,
    ) -> None:
        """`recorded_now` returns the time at which facts are recorded; None: the database's, when their turn comes."""
        super().__init__(datastore, events_table_name=events_table_name)
        self.recorded_now = recorded_now
        self.incarnation: str | None = None
        """The only database that is appended to, as `log.place` names it; None: whichever is there."""
        self.sql_create_statements += [
            self._sql(statement)
            for statement in (
                *recorder_sql.APPEND_ONLY,
                *recorder_sql.UNIQUE_ATTEMPTS,
                *recorder_sql.TABLES,
                *limits_sql.TABLES,
                *recorder_sql.TYPES,
                *limits_sql.TYPES,
                *limits_sql.FUNCTIONS,
                *recorder_sql.FUNCTIONS,
            )
        ]
        self._insert = self._sql(recorder_sql.INSERT).as_bytes()
        self._append = self._sql(recorder_sql.APPEND).as_bytes()
        self._load = self._sql(recorder_sql.LOAD).as_bytes()
        self._repeated = self._sql(recorder_sql.REPEATED).as_bytes()
        self._accepted_commands = self._sql(recorder_sql.ACCEPTED_COMMANDS).as_bytes()

    def _sql(self, statement: LiteralString) -> Composed:
        table, schema = self.events_table_name, self.datastore.schema
        return SQL(statement).format(
            events=Identifier(schema, table),
            snapshots=Identifier(schema, f"{table}_snapshots"),
            tries=Identifier(schema, f"{table}_tries"),
            tries_index=Identifier(f"{table}_tries_fingerprint"),
            blocked=Identifier(schema, f"{table}_blocked"),
            commands=Identifier(schema, f"{table}_commands"),
            insert=Identifier(schema, f"{table}_insert"),
            settle=Identifier(schema, f"{table}_settle"),
            broken=Identifier(schema, f"{table}_broken"),
            limit=Identifier(schema, f"{table}_limit"),
            append=Identifier(schema, f"{table}_append"),
            incarnation=Identifier(schema, f"{table}_incarnation"),
            events_name=Literal(f"{schema}.{table}"),
            refuse=Identifier(schema, f"{table}_refuse_change"),
            refuse_rows=Identifier(f"{table}_refuse_row_change"),
            refuse_truncate=Identifier(f"{table}_refuse_truncate"),
            attempt=Identifier(schema, f"{table}_attempt"),
            attempts_index=Identifier(f"{table}_attempts"),
            attempts=SQL("({})").format(SQL(", ").join(Literal(name) for name in names_of(ChargeAttempted))),
            channel=Identifier(self.channel_name),
            lock=f"{schema}.{table}",
            stream_type=Identifier(schema, f"{table}_stream"),
            try_type=Identifier(schema, f"{table}_try"),
            outcome_type=Identifier(schema, f"{table}_outcome"),
            block_type=Identifier(schema, f"{table}_block"),
            limits=Literal(LIMITS),
            id_type=Identifier(self.datastore.originator_id_type),
        )

    @contextmanager
    def _connection_errors(self) -> Generator[None]:
        """Raise the library's connection errors as ours; LockHeldError where a lock is not free, LogReplacedError."""
        try:
            yield
        except (InterfaceError, OperationalError) as error:
            if isinstance(error.__cause__, LockNotAvailable):
                message = f"another session has held a lock of the event log for {LOCK_TIMEOUT_S} s; nothing was stored"
                remedy = "find it in pg_locks (locktype 'advisory') and end it with pg_terminate_backend"
                raise LockHeldError(f"{message}; {remedy}") from error
            if isinstance(error.__cause__, ObjectNotInPrerequisiteState):
                raise LogReplacedError(f"nothing was stored: {error.__cause__.diag.message_primary}") from error
            self.datastore.pool.check()  # after a restart of the database the others are stale, too
            raise ConnectionLostError(f"the connection to PostgreSQL failed: {error}") from error

    @contextmanager
    def _cursor(self) -> Generator[Cursor[Any]]:
        with (
            self._connection_errors(),
            self.datastore.get_connection() as connection,
            connection.cursor(row_factory=tuple_row, binary=True) as cursor,
        ):
            yield cursor

    @_reconnect
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Insert all or nothing, in one round trip; raises the library's IntegrityError if a version is taken."""
        del kwargs
        facts = [
            StoredFact(cast("UUID", event.originator_id), event.originator_version, event.topic, event.state)
            for event in stored_events
        ]
        with self._cursor() as cursor:
            cursor.execute(self._insert, fact_columns(facts), prepare=True)
            return [position for (position,) in cursor.fetchall()]

    def append_many(self, writes: Sequence[Write]) -> Refusals:
        """See Recorder; one round trip, and three if the log holds one of the attempts already."""
        try:
            return self._append_many(writes)
        except IntegrityError:
            repeated = self._repeating(writes)
            if not repeated:
                raise
        others = [write for write in writes if write.card_id not in repeated]
        return self._append_many(others)._replace(repeated=repeated)

    def _repeating(self, writes: Sequence[Write]) -> frozenset[UUID]:
        """The streams that would record an attempt which the log holds already."""
        facts = [fact for write in writes for fact in write.facts]
        with self._cursor() as cursor:
            cursor.execute(self._repeated, fact_columns(facts))
            return frozenset(card_id for (card_id,) in cursor)

    def _append_many(self, writes: Sequence[Write]) -> Refusals:
        with self._connection_errors():
            parameters = append_parameters(writes, self.recorded_now(), self.incarnation)
        with self._cursor() as cursor:
            cursor.execute(self._append, parameters, prepare=True)
            refused = cursor.fetchall()
        return Refusals(
            frozenset(card_id for card_id, rule, *_ in refused if rule is None),
            {card_id: Limited(*limit) for card_id, *limit in refused if limit[0] is not None},
        )

    @_reconnect
    def accepted_commands(self, command_ids: Sequence[str]) -> dict[str, AcceptedCommand]:
        """See Recorder; one query."""
        with self._cursor() as cursor:
            cursor.execute(self._accepted_commands, (list(command_ids),), prepare=True)
            return {command_id: AcceptedCommand(*row) for command_id, *row in cursor}

    @_reconnect
    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """See Recorder; one query."""
        tails: list[StreamTail] = [StreamTail(None, []) for _ in card_ids]
        with self._cursor() as cursor:
            cursor.execute(self._load, (list(card_ids), state_version), prepare=True)
            place: int
            for place, version, topic, state in cursor:
                card_id = card_ids[place - 1]
                if topic is None:
                    tails[place - 1] = StreamTail(Snapshot(card_id, version, state_version, state), [])
                else:
                    tails[place - 1].facts.append(StoredFact(card_id, version, topic, state))
        return tails

    @_reconnect
    def read_stream(self, card_id: UUID, *, after: int = 0, upto: int | None = None) -> list[StoredFact]:
        """See Recorder."""
        with self._connection_errors():
            events = self.select_events(card_id, gt=after, lte=upto)
        return [StoredFact(card_id, event.originator_version, event.topic, event.state) for event in events]
