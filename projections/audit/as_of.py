"""The state at an earlier moment, from the facts up to it: of one card, and of all read models.

The moment of a fact is when it was recorded, which never falls with its position: the log as of a moment ends with the
last fact of that moment or before.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, BinaryIO, LiteralString, NamedTuple

from psycopg import Connection, sql
from psycopg.errors import DuplicateSchema, InsufficientPrivilege
from psycopg.rows import tuple_row

from engine.envelope import Recorded
from engine.errors import BaohaoError
from engine.store.log import head, read_log
from projections.follow import BUILDING, KEPT
from projections.live import ASIDE, MODELS, create_tables
from projections.read_model import ReadModel, fold_batch

_BEFORE = "before_"
_BATCH = 1000
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)


class ReplayError(BaohaoError):
    """What was replayed cannot be kept where it should be; nothing was changed."""


def as_of(history: Sequence[Recorded], moment: datetime) -> list[Recorded]:
    """The facts of a card up to a moment."""
    return list(takewhile(lambda one: one.recorded_at <= moment, history))


_FIRST_SINCE: LiteralString = """
    SELECT position, moment FROM (
        SELECT notification_id AS position, encode(substring(state FROM 67 FOR 26), 'escape') AS moment
        FROM card_events WHERE notification_id BETWEEN %s AND %s ORDER BY notification_id
    ) AS facts
    WHERE moment LIKE '____-__-__T__:__:__%%' LIMIT 1
"""


def place_at(connection: Connection[Any], moment: datetime) -> int:
    """The position of the last fact up to a moment, 0 where there is none; looks at one fact of each half.

    In a log that was begun before times of recording rose with the position it is right within a few seconds.
    """
    wanted = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    place, end = 0, head(connection)
    while place < end:
        middle = (place + end) // 2 + 1
        row = connection.execute(_FIRST_SINCE, (middle, end)).fetchone()
        if row is not None and row[1].partition("Z")[0] <= wanted:
            place = row[0]
        else:
            end = middle - 1
    return place


def replay(
    connection: Connection[Any], after: int, upto: int, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Fold the facts after one position up to another into temporary tables of this session, one per read model.

    `progress` is told how far it is. Raises CorruptHistoryError and FoldError for a fact that cannot be read or folded.
    """
    create_tables(connection, ASIDE)
    position = after
    while facts := [fact for fact in read_log(connection, position, _BATCH) if fact.position <= upto]:
        position = facts[-1].position
        with connection.transaction():
            for model in MODELS:
                _fold(connection, model, facts)
        progress(position)


def _fold(connection: Connection[Any], model: ReadModel[Any], facts: Sequence[Recorded]) -> None:
    changed = fold_batch(model, facts, lambda keys: model.rows(connection, ASIDE, keys))
    if changed:
        model.write(connection, ASIDE, changed)


def count_replayed(connection: Connection[Any]) -> dict[str, int]:
    """The number of rows of each read model that was replayed."""
    query = sql.SQL("SELECT count(*) FROM {}")
    rows = {one.name: connection.execute(query.format(_replayed(one.name))).fetchone() for one in MODELS}
    return {name: int(row[0]) if row else 0 for name, row in rows.items()}


def write_csv(connection: Connection[Any], model: ReadModel[Any], file: BinaryIO) -> None:
    """Write the rows that were replayed, with a line of column names, by their keys."""
    statement = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT (FORMAT csv, HEADER)")
    key = sql.Identifier(model.columns[0].name)
    with connection.cursor() as cursor, cursor.copy(statement.format(_replayed(model.name), key)) as copy:
        file.writelines(copy)


def replayed_rows(connection: Connection[Any], model: ReadModel[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows that were replayed, by their keys, some at a time."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in model.columns)
    key = sql.Identifier(model.columns[0].name)
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(columns, _replayed(model.name), key)
    with connection.transaction(), connection.cursor(name="replayed", row_factory=tuple_row) as cursor:
        cursor.execute(query)
        while rows := cursor.fetchmany(_BATCH):
            yield rows


def check_new_schema(connection: Connection[Any], name: str) -> None:
    """Raise ReplayError unless a schema of that name can be created on this connection."""
    if not _SCHEMA.fullmatch(name) or name.startswith("pg_") or name in {BUILDING, KEPT}:
        raise ReplayError(
            f"{name!r} is no name for the schema: it has small letters, digits and underscores, at most 63, does not "
            f"begin with a digit or pg_, and is neither {BUILDING} nor {KEPT}"
        )
    exists, may_create = connection.execute(
        "SELECT to_regnamespace(%s) IS NOT NULL, has_database_privilege(current_database(), 'CREATE')", (name,)
    ).fetchone() or (False, False)
    if exists:
        raise ReplayError(f"there is a schema {name} already; nothing was changed")
    if not may_create:
        raise ReplayError("only the owner of the database may create a schema: set BAOHAO_OWNER_DATABASE_URL")


def keep_in_schema(connection: Connection[Any], name: str) -> None:
    """Put the rows that were replayed into tables of a new schema, in one transaction; raises ReplayError.

    They are copied, so that no transaction lasts as long as the replay: the live tables are not cleaned meanwhile.
    """
    check_new_schema(connection, name)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
            for model in MODELS:
                key, table = sql.Identifier(model.columns[0].name), sql.Identifier(name, model.name)
                connection.execute(model.create_table(name))
                copy = sql.SQL("INSERT INTO {} SELECT * FROM {} ORDER BY {}")
                connection.execute(copy.format(table, _replayed(model.name), key))
                for statement in model.create_indexes(name):
                    connection.execute(statement)
    except (DuplicateSchema, InsufficientPrivilege) as error:
        raise ReplayError(f"the schema was not created: {error.diag.message_primary}") from None


class Change(NamedTuple):
    """A row of a read model that two moments do not have alike."""

    model: str
    key: str
    what: str
    """added, removed or changed"""


def changes_between(connection: Connection[Any], earlier: int, later: int) -> list[Change]:
    """The rows of all read models that differ between two positions."""
    replay(connection, 0, earlier)
    for model in MODELS:
        names = sql.Identifier(ASIDE, _BEFORE + model.name), _replayed(model.name)
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} AS TABLE {}").format(*names))
    replay(connection, earlier, later)
    return [change for model in MODELS for change in _changes(connection, model)]


def _changes(connection: Connection[Any], model: ReadModel[Any]) -> list[Change]:
    query = sql.SQL(
        """
        SELECT coalesce(before.{key}, now.{key})::text,
            CASE WHEN before.{key} IS NULL THEN 'added' WHEN now.{key} IS NULL THEN 'removed' ELSE 'changed' END
        FROM {before} AS before FULL JOIN {now} AS now ON before.{key} = now.{key}
        WHERE before::text IS DISTINCT FROM now::text ORDER BY 1
        """
    ).format(
        key=sql.Identifier(model.columns[0].name),
        before=sql.Identifier(ASIDE, _BEFORE + model.name),
        now=_replayed(model.name),
    )
    return [Change(model.name, *row) for row in connection.execute(query)]


def _replayed(table: str) -> sql.Identifier:
    return sql.Identifier(ASIDE, table)
