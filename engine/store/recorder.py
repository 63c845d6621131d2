"""The PostgreSQL recorder: the library's, with one round trip per append and a table that only grows.

All appends take one transaction-level advisory lock inside the SQL function that inserts. So positions
(notification ids) become visible in their order, without holes that are filled later, and stream versions are
compared and written in one go. The lock's key is derived in SQL from the table's name. Network limits and the memory
of accepted commands are kept in the same transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

from eventsourcing.persistence import InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.utils import retry
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composed, Identifier, Literal

from engine.money import Money
from engine.networks import RULES, Effects, Limited, Try
from engine.store import limits_sql, recorder_sql

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


class Remembered(NamedTuple):
    """What is kept of an accepted command: a hash of its body, and where its facts stand; `facts` 0: already so."""

    body_hash: bytes
    card_id: UUID
    first_version: int
    facts: int


class Answers(NamedTuple):
    """The cards of which nothing was stored; all others were stored whole."""

    conflicts: frozenset[UUID]
    """Somebody else was faster, or the command was accepted before."""
    limited: Mapping[UUID, Limited]


class Besides(NamedTuple):
    """What is checked and written with the events of an append."""

    snapshots: Sequence[Snapshot] = ()
    effects: Sequence[Effects] = ()
    commands: Sequence[tuple[str, Remembered]] = ()
    """Each command's id, and what is to be remembered of it."""
    recorded_at: datetime | None = None
    """Of the commands."""


_NOTHING = Besides()


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
            self._sql(statement)
            for statement in (
                *recorder_sql.APPEND_ONLY,
                *recorder_sql.TABLES,
                *limits_sql.TABLES,
                *limits_sql.FUNCTIONS,
                *recorder_sql.FUNCTIONS,
            )
        ]
        self._insert = self._sql(recorder_sql.INSERT).as_bytes()
        self._append = self._sql(recorder_sql.APPEND).as_bytes()
        self._load = self._sql(recorder_sql.LOAD).as_bytes()
        self._recall = self._sql(recorder_sql.RECALL).as_bytes()

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
            refuse=Identifier(schema, f"{table}_refuse_change"),
            refuse_rows=Identifier(f"{table}_refuse_row_change"),
            refuse_truncate=Identifier(f"{table}_refuse_truncate"),
            channel=Identifier(self.channel_name),
            lock=f"{schema}.{table}",
            rules=Literal(_RULES),
            id_type=Identifier(self.datastore.originator_id_type),
        )

    @_reconnect
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Insert all or nothing, in one round trip; raises the library's IntegrityError if a version is taken."""
        del kwargs
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._insert, _columns(stored_events), prepare=True)
            return [position for (position,) in cursor.fetchall()]

    def append_many(
        self,
        stored_events: Sequence[StoredEvent],
        besides: Besides = _NOTHING,
        starts: Mapping[UUID, int] | None = None,
    ) -> Answers:
        """Append events of many streams in one transaction, and what goes with them.

        A stream's events stand together, in the order of their versions; `starts` holds the version of each
        stream's first event, also of streams without one, and by default is taken from the events. A stream
        whose first version is taken is left out whole, never half, and so is one whose command is known or
        that a network limit stops; the others are stored.
        """
        if starts is None:
            starts = _stream_starts(stored_events)
        parameters = (
            *_columns(stored_events),
            list(starts),
            list(starts.values()),
            *_snapshot_columns(besides.snapshots),
            *_command_columns(besides.commands),
            besides.recorded_at,
            *_effect_columns(besides.effects, starts),
        )
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._append, parameters, prepare=True)
            refused = cursor.fetchall()
        return Answers(
            frozenset(card_id for card_id, rule, _ in refused if rule is None),
            {card_id: Limited(rule, until) for card_id, rule, until in refused if rule is not None},
        )

    @_reconnect
    def recall(self, command_ids: Sequence[str]) -> dict[str, Remembered]:
        """What is remembered of those commands that were accepted, in one query."""
        with self.datastore.get_connection() as conn, conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(self._recall, (list(command_ids),), prepare=True)
            return {command_id: Remembered(*row) for command_id, *row in cursor}

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


def _snapshot_columns(snapshots: Sequence[Snapshot]) -> list[list[Any]]:
    return _transposed(snapshots, 4)


def _command_columns(commands: Sequence[tuple[str, Remembered]]) -> list[list[Any]]:
    rows = ((kept.card_id, command_id, kept.body_hash, kept.first_version, kept.facts) for command_id, kept in commands)
    return _transposed(rows, 5)


def _effect_columns(effects: Sequence[Effects], streams: Iterable[UUID]) -> list[list[Any]]:
    """First, per stream, the fingerprint of its try if that need only not be blocked; then tries, outcomes, blocks."""
    watched: dict[UUID, str] = {}
    tries: list[tuple[Any, ...]] = []
    outcomes: list[tuple[Any, ...]] = []
    blocks: list[tuple[Any, ...]] = []
    for card_id, its_tries, its_outcomes, its_blocks in effects:
        if len(its_tries) == 1 and not its_tries[0].counts:
            watched[card_id] = its_tries[0].fingerprint
        elif its_tries:
            tries += [(card_id, *_try_row(one)) for one in its_tries]
        if its_outcomes:
            outcomes += [(card_id, attempt_id, declined_at) for attempt_id, declined_at in its_outcomes.items()]
        if its_blocks:
            blocks += [(card_id, fingerprint) for fingerprint in its_blocks]
    aligned = [watched.get(card_id) for card_id in streams] if watched else []
    return [aligned, *_transposed(tries, 7), *_transposed(outcomes, 3), *_transposed(blocks, 2)]


def _try_row(one: Try) -> tuple[Any, ...]:
    network = one.network if one.counts else None
    return one.attempt_id, one.fingerprint, network, amount_key(one.amount), one.at, one.declined_at


def amount_key(amount: Money) -> str:
    """An amount as the table of tries keeps it."""
    return f"{amount.currency} {amount.minor}"


def _transposed(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


_RULES = json.dumps([rule._asdict() | {"window": f"{rule.window.total_seconds()} seconds"} for rule in RULES])
"""The limits as the SQL function reads them."""
