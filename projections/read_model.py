"""What a read model is: a table, the key of the row that a fact concerns, and a fold of facts into rows.

A fold depends only on the row and the fact, so that a rebuild from the log gives the same rows, byte for byte.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Generic, LiteralString, NamedTuple, TypeVar, cast

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from engine.card.event import Event
from engine.envelope import Recorded

Row = TypeVar("Row", bound=tuple[Any, ...])
Params = Sequence[Any] | Mapping[str, Any]


class Column(NamedTuple):
    """A column of a read model; `type` is its SQL type."""

    name: LiteralString
    type: LiteralString


@dataclass(frozen=True)
class ReadModel(Generic[Row]):
    """One table whose rows are folded from facts, each row by itself."""

    name: str
    version: int
    """Of the fold: raised with each change of it or of the columns, after which the rows are to be rebuilt."""
    facts: tuple[type[Event], ...]
    """The kinds of facts that it reads; no other reaches `key_of` and `fold`."""
    columns: tuple[Column, ...]
    """The key comes first."""
    row: type[Row]
    """A NamedTuple with the fields of `columns`, in their order."""
    key_of: Callable[[Recorded], Hashable | None]
    """The key of the row that a fact concerns; None if it concerns none."""
    fold: Callable[[Any, Recorded], Row | None]
    """The row (None: none yet) after one more fact; None removes it."""
    reads_row: bool = True
    """False where `fold` needs only the fact, so that rows are not read before they are written."""
    indexes: tuple[LiteralString, ...] = ()
    """Definitions such as `(wake_at)`; a BRIN index serves a time by which rows are added, at next to no cost."""

    @cached_property
    def kinds(self) -> frozenset[type[Event]]:
        """The kinds of facts that it reads, to look one up."""
        return frozenset(self.facts)

    def create(self, schema: str = "public") -> list[sql.Composed]:
        """Statements that create the table and its indexes in `schema`, where they do not exist."""
        return [self.create_table(schema), *self.create_indexes(schema)]

    def create_table(self, schema: str) -> sql.Composed:
        """The statement that creates the table."""
        table = sql.Identifier(schema, self.name)
        key, *others = self.columns
        columns = [sql.SQL("{} {} PRIMARY KEY").format(sql.Identifier(key.name), sql.SQL(key.type))]
        columns += [sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in others]
        body = sql.SQL(", ").join(columns)
        return sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}) WITH (fillfactor = 70)").format(table, body)

    def create_indexes(self, schema: str) -> list[sql.Composed]:
        """The statements that create the indexes beside that of the key."""
        table = sql.Identifier(schema, self.name)
        statements: list[sql.Composed] = []
        for number, index in enumerate(self.indexes):
            name = sql.Identifier(f"{self.name}_{number}")
            definition = sql.SQL(index)
            statements.append(sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} {}").format(name, table, definition))
        return statements

    def rows(self, connection: Connection[Any], schema: str, keys: Sequence[Hashable]) -> dict[Hashable, Row]:
        """The existing rows of `keys`, in one query."""
        with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            cursor.execute(_statement(self, _SELECT, schema), (list(keys),), prepare=True)
            make = cast("type[Any]", self.row)._make
            return {row[0]: make(row) for row in cursor}

    def select(self, connection: Connection[Any], clauses: LiteralString, values: Params = ()) -> list[Row]:
        """The live rows by the clauses after FROM; columns that a later version adds do not disturb it."""
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in self.columns)
        query = sql.SQL("SELECT {} FROM {} ").format(columns, sql.Identifier(self.name)) + sql.SQL(clauses)
        with connection.cursor(row_factory=tuple_row) as cursor:
            make = cast("type[Any]", self.row)._make
            return [make(row) for row in cursor.execute(query, values)]

    def write(self, connection: Connection[Any], schema: str, rows: dict[Hashable, Row | None]) -> None:
        """Write changed rows and remove those that are None, each in one statement."""
        kept = [row for row in rows.values() if row is not None]
        removed = [key for key, row in rows.items() if row is None]
        with connection.cursor(binary=True) as cursor:
            if kept:
                cursor.execute(
                    _statement(self, _UPSERT, schema), [list(c) for c in zip(*kept, strict=True)], prepare=True
                )
            if removed:
                cursor.execute(_statement(self, _DELETE, schema), (removed,), prepare=True)

    def copy(self, connection: Connection[Any], schema: str, rows: dict[Hashable, Row | None]) -> None:
        """Add rows that are not there yet."""
        with connection.cursor() as cursor, cursor.copy(_statement(self, _COPY, schema)) as copy:
            copy.set_types([column.type for column in self.columns])
            for row in rows.values():
                if row is not None:
                    copy.write_row(row)


@dataclass(frozen=True)
class Follower:
    """Read models that follow the log together, each with a position of its own."""

    name: str
    models: tuple[ReadModel[Any], ...]
    schema: str = "public"
    fresh: bool = False
    """Its tables have no row yet that the facts concern, so that none is read, and all are copied in."""

    def position_of(self, model: ReadModel[Any]) -> str:
        """The name under which a model's position is kept."""
        return f"{self.name}.{model.name}"


@cache
def _statement(model: ReadModel[Any], template: LiteralString, schema: str) -> bytes:
    key = model.columns[0]
    names = [sql.Identifier(column.name) for column in model.columns]
    return (
        sql.SQL(template)
        .format(
            table=sql.Identifier(schema, model.name),
            key=sql.Identifier(key.name),
            key_type=sql.SQL(key.type),
            columns=sql.SQL(", ").join(names),
            values=sql.SQL(", ").join(sql.SQL("%b::{}[]").format(sql.SQL(kind)) for _, kind in model.columns),
            updates=sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in names[1:]),
        )
        .as_bytes()
    )


_SELECT = "SELECT {columns} FROM {table} WHERE {key} = ANY(%b::{key_type}[])"
_UPSERT = """
    INSERT INTO {table} ({columns}) SELECT * FROM unnest({values})
    ON CONFLICT ({key}) DO UPDATE SET {updates}
"""
_COPY = "COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)"
_DELETE = "DELETE FROM {table} WHERE {key} = ANY(%b::{key_type}[])"


class FoldError(Exception):
    """A fact cannot be folded; the cause says why."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(f"{type(recorded.fact).__name__} at position {recorded.position}")
        self.recorded = recorded


def fold_batch(
    model: ReadModel[Any],
    facts: Iterable[Recorded],
    rows_of: Callable[[Sequence[Hashable]], dict[Hashable, Any]],
) -> dict[Hashable, Any]:
    """The rows that `facts` change, folded per key; `rows_of` returns the current rows. Raises FoldError."""
    by_key: dict[Hashable, list[Recorded]] = {}
    kinds = model.kinds
    for recorded in facts:
        if type(recorded.fact) not in kinds:
            continue
        try:
            key = model.key_of(recorded)
        except Exception as error:
            raise FoldError(recorded) from error
        if key is not None:
            by_key.setdefault(key, []).append(recorded)
    current = rows_of(list(by_key)) if model.reads_row and by_key else {}
    changed: dict[Hashable, Any] = {}
    for key, facts_of_key in by_key.items():
        row = before = current.get(key)
        for recorded in facts_of_key:
            try:
                row = model.fold(row, recorded)
            except Exception as error:
                raise FoldError(recorded) from error
        if row is not before or not model.reads_row:
            changed[key] = row
    return changed
