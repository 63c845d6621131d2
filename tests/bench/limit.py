"""The upper limit of this PostgreSQL: what a measurement wrote, written again by psycopg alone.

The same facts and the same rows of the read models go, in the same batches with the same commits, into tables of
the same shape and content: facts over one connection and rows over another, as the product has it. Nothing is
read, decided, encoded, locked, checked or sent, and no gateway is called.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby, islice
from time import perf_counter
from typing import Any

import psycopg
from psycopg import Connection, sql

from engine.envelope import Recorded
from engine.store.log import read_log
from engine.store.recorder import CARD_EVENTS, CardRecorder, datastore
from projections.live import MODELS
from projections.read_model import ReadModel, fold_batch
from tests.bench.renewals import Renewed

SCHEMA = "bare"
BARE_EVENTS = "bare_events"
MADE_AT = {"charges": "attempted_at", "ledger": "at"}
"""Tables that a renewal inserts into, with their time column; in the others it updates rows."""
FACTS = sql.SQL(
    """
    INSERT INTO {} (originator_id, originator_version, topic, state)
    SELECT * FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::bytea[])
    """
).format(sql.Identifier(BARE_EVENTS))

Columns = list[list[Any]]
"""Parameters of one statement, a list per column."""
Statement = tuple[sql.Composed, Columns]


def limit_per_s(database_url: str, done: Renewed, show: Callable[[str, int, int], None]) -> float:
    """How many renewals per second could be written."""
    with (
        psycopg.connect(database_url, autocommit=True) as one,
        psycopg.connect(database_url, autocommit=True) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        show("measuring the limit", 0, 2)
        _create_tables(database_url, one, done)
        log = read_log(one, done.after, done.upto - done.after)
        facts, rows = _fact_batches(one, log), _row_batches(one, log, done.projected)
        show("measuring the limit", 1, 2)
        started = perf_counter()
        works = [threads.submit(_write_facts, one, facts), threads.submit(_write_rows, other, rows)]
        for work in works:
            work.result()
        seconds = perf_counter() - started
        show("measuring the limit", 2, 2)
    return done.cards / seconds


def _create_tables(database_url: str, connection: Connection[Any], done: Renewed) -> None:
    """Tables of the same shape, with the content of the real ones before the measurement."""
    with closing(datastore(database_url, pool_size=1)) as store:
        CardRecorder(store, events_table_name=BARE_EVENTS).create_table()
    copy = """
        INSERT INTO {} (originator_id, originator_version, topic, state)
        SELECT originator_id, originator_version, topic, state FROM {} WHERE notification_id <= %s
        ORDER BY notification_id
    """
    names = sql.Identifier(BARE_EVENTS), sql.Identifier(CARD_EVENTS)
    connection.execute(sql.SQL(copy).format(*names), (done.after,))
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
    for model in MODELS:
        for statement in model.create(SCHEMA):
            connection.execute(statement)
        names = sql.Identifier(SCHEMA, model.name), sql.Identifier("public", model.name)
        before = sql.SQL("true")
        if model.name in MADE_AT:
            before = sql.SQL("{} < {}").format(sql.Identifier(MADE_AT[model.name]), sql.Literal(done.at))
        connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE {}").format(*names, before))


def _fact_batches(connection: Connection[Any], log: Sequence[Recorded]) -> list[Columns]:
    """The facts by append: those that were recorded at the same instant."""
    query = """
        SELECT originator_id, originator_version, topic, state FROM {}
        WHERE notification_id BETWEEN %s AND %s ORDER BY notification_id
    """
    between = (log[0].position, log[-1].position)
    stored = connection.execute(sql.SQL(query).format(sql.Identifier(CARD_EVENTS)), between).fetchall()
    appends = groupby(zip(log, stored, strict=True), key=lambda pair: pair[0].recorded_at)
    return [_columns([row for _, row in pairs]) for _, pairs in appends]


def _row_batches(
    connection: Connection[Any], log: Sequence[Recorded], projected: Sequence[int]
) -> list[list[Statement]]:
    """For each batch of the projector the rows that it wrote."""
    current: dict[str, dict[Hashable, Any]] = {}
    for model in MODELS:
        keys = {key for recorded in log if (key := model.key_of(recorded)) is not None}
        new = model.name in MADE_AT
        current[model.name] = {} if new else model.rows(connection, "public", list(keys))
    facts = iter(log)
    return [
        [
            (_upsert(model), _columns(list(rows.values())))
            for model in MODELS
            if (rows := _folded(model, batch, current[model.name]))
        ]
        for batch in (list(islice(facts, count)) for count in projected)
    ]


def _folded(model: ReadModel[Any], facts: Sequence[Recorded], current: dict[Hashable, Any]) -> dict[Hashable, Any]:
    rows = fold_batch(model, facts, lambda keys: {key: current[key] for key in keys if key in current})
    current |= rows
    return rows


def _columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]


def _upsert(model: ReadModel[Any]) -> sql.Composed:
    key, *others = [sql.Identifier(column.name) for column in model.columns]
    statement = "INSERT INTO {} SELECT * FROM unnest({}) ON CONFLICT ({}) DO UPDATE SET {}"
    return sql.SQL(statement).format(
        sql.Identifier(SCHEMA, model.name),
        sql.SQL(", ").join(sql.SQL("%b::{}[]").format(sql.SQL(column.type)) for column in model.columns),
        key,
        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in others),
    )


def _write_facts(connection: Connection[Any], batches: Sequence[Columns]) -> None:
    """Each append is a commit that waits for the disk."""
    for columns in batches:
        connection.execute(FACTS, columns, prepare=True)


def _write_rows(connection: Connection[Any], batches: Sequence[Sequence[Statement]]) -> None:
    """Each batch is a commit that does not wait for the disk."""
    for statements in batches:
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = off")
            for statement, columns in statements:
                connection.execute(statement, columns, prepare=True)
