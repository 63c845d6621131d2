"""The rows of read models made anew in a schema of their own, by several processes, each some cards at a time.

The log is read up to a position fixed at the start, in stretches of whole cards, each in a transaction of its own that
also notes that it is done: so a rebuild that was killed goes on where it stopped, and no snapshot lasts long.
"""

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing import connection as connections
from multiprocessing import get_context
from time import monotonic
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from engine.errors import BaohaoError
from engine.store.log import head, read_stretch, stretches
from projections.follow import BUILDING, unread_names
from projections.giving_way import give_way
from projections.live import MODELS
from projections.parked_cards import ParkedCard
from projections.projecting import project
from projections.read_model import Follower, ReadModel

STRETCH = 5_000
"""About so many facts are read in one transaction; a card is never divided."""
REPORT_S = 0.5

_TABLES = """
    CREATE SCHEMA rebuild;
    CREATE TABLE rebuild._run (
        models text[] NOT NULL,
        versions integer[] NOT NULL,
        upto bigint NOT NULL  -- facts after this position are followed when all stretches are done
    );
    CREATE TABLE rebuild._stretches (
        number integer PRIMARY KEY,
        first uuid NOT NULL,
        before uuid,
        done_at timestamptz
    );
"""


class RebuildError(BaohaoError):
    """A read model cannot be rebuilt; the live one is as it was."""


class Run(NamedTuple):
    """A rebuild that is under way: of what, of the facts up to which position, and whether it was begun before."""

    models: tuple[ReadModel[Any], ...]
    upto: int
    resumed: bool


class Built(NamedTuple):
    """How far it is: stretches of the log, and what that makes in facts; how long it took to come from `begun` here."""

    done: int
    of: int
    begun: int
    upto: int
    seconds: float

    @property
    def facts(self) -> int:
        """About so many facts were read by this process and its helpers."""
        return self.upto * (self.done - self.begun) // max(self.of, 1)

    @property
    def facts_per_s(self) -> float:
        """Facts of the log a second, those that no model reads included."""
        return self.facts / max(self.seconds, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """None while nothing is done."""
        done = self.done - self.begun
        return self.seconds * (self.of - self.done) / done if done else None


def begin(connection: Connection[Any], models: tuple[ReadModel[Any], ...]) -> Run:
    """Go on with a rebuild of the same models, or begin one, and discard what another one has left."""
    wanted = ([model.name for model in models], [model.version for model in models])
    if connection.execute("SELECT to_regclass('rebuild._run')").fetchone() != (None,):
        row = connection.execute("SELECT models, versions, upto FROM rebuild._run").fetchone()
        if row is not None and tuple(row[:2]) == wanted:
            return Run(models, row[2], resumed=True)
    with connection.transaction():
        clear(connection)
        connection.execute(_TABLES)
        upto = head(connection)
        connection.execute("INSERT INTO rebuild._run VALUES (%s, %s, %s)", (*wanted, upto))
        rows = [(number, *stretch) for number, stretch in enumerate(stretches(connection, STRETCH))]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO rebuild._stretches (number, first, before) VALUES (%s, %s, %s)", rows)
        for model in models:
            connection.execute(model.create_table(BUILDING))
    return Run(models, upto, resumed=False)


def _done(connection: Connection[Any]) -> tuple[int, int]:
    """How many stretches are done, and how many there are."""
    row = connection.execute("SELECT count(done_at), count(*) FROM rebuild._stretches").fetchone()
    return row or (0, 0)


def clear(connection: Connection[Any]) -> None:
    """Remove what is being built."""
    with connection.transaction():
        connection.execute("DROP SCHEMA IF EXISTS rebuild CASCADE")
        connection.execute("DELETE FROM followers WHERE starts_with(name, 'rebuild.')")
        connection.execute("DELETE FROM parked_cards WHERE follower = 'rebuild'")


def build(
    connection: Connection[Any], database_url: str, run: Run, parallel: int, report: Callable[[Built], None]
) -> Built:
    """Fill the tables with so many processes, and create the indexes; raises RebuildError.

    When this process is interrupted or killed, the others end with the stretch that they are at.
    """
    started, begun = monotonic(), _done(connection)[0]
    processes = _Processes(database_url, [model.name for model in run.models], parallel)
    try:
        while processes.work(REPORT_S):
            report(Built(*_done(connection), begun, run.upto, monotonic() - started))
    finally:
        processes.end()
    built = Built(*_done(connection), begun, run.upto, monotonic() - started)
    if built.done < built.of:
        raise RebuildError("a process of the rebuild was ended; the same command goes on where it stopped")
    for model in run.models:
        for statement in model.create_indexes(BUILDING):
            connection.execute(statement)
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(BUILDING, model.name)))
        _grant_as_live(connection, model)
        connection.execute(
            "INSERT INTO followers (name, position, version) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (building(model).position_of(model), run.upto, model.version),
        )
    return built


def building(*models: ReadModel[Any]) -> Follower:
    """The follower of the tables that are being built."""
    return Follower(BUILDING, models, BUILDING)


class _Processes:
    """The processes that fill the tables; one that fails ends them all."""

    def __init__(self, database_url: str, names: Sequence[str], parallel: int) -> None:
        context = get_context("spawn")
        self._failures, self._failed = context.Pipe(duplex=False)
        self._processes = [
            context.Process(target=fill, args=(database_url, names, os.getpid(), self._failed), daemon=True)
            for _ in range(parallel)
        ]
        for process in self._processes:
            process.start()

    def work(self, seconds: float) -> bool:
        """Let them work for so long at most; whether any works still. Raises RebuildError."""
        working = [process.sentinel for process in self._processes if process.is_alive()]
        if working:
            connections.wait([*working, self._failures], seconds)
        if self._failures.poll():
            raise RebuildError(self._failures.recv())
        return bool(working)

    def end(self) -> None:
        """End those that still work; what they were at is rolled back."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


def fill(database_url: str, names: Sequence[str], parent: int, failed: "connections.Connection") -> None:
    """What each process does: one stretch after another, until none is left or its parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends us
    give_way()
    models = tuple(model for model in MODELS if model.name in names)
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while os.getppid() == parent and fill_stretch(connection, models):
                pass
    except (RebuildError, psycopg.Error) as error:
        failed.send(str(error))


def fill_stretch(connection: Connection[Any], models: tuple[ReadModel[Any], ...]) -> bool:
    """Fill the tables with the rows of one stretch; whether there was one left. Raises RebuildError."""
    follower = Follower(BUILDING, models, BUILDING, fresh=True)
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        row = connection.execute(
            """
            SELECT number, first, before, (SELECT upto FROM rebuild._run) FROM rebuild._stretches
            WHERE done_at IS NULL ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED
            """
        ).fetchone()
        if row is None:
            return False
        number, first, before, upto = row
        rows = read_stretch(connection, unread_names(models), first, before, upto)
        for model in models:
            refuse_parked(project(connection, follower, model, rows).parked)
        connection.execute("UPDATE rebuild._stretches SET done_at = now() WHERE number = %s", (number,))
    return True


def refuse_parked(parked: Sequence[ParkedCard]) -> None:
    """Raise RebuildError for a fact that a model cannot take, which live would park its card."""
    for model, card_id, position, reason in parked:
        raise RebuildError(
            f"{model} cannot take the fact at position {position} of card {card_id}: {reason}; upgrade the program, or "
            f"leave it out: baohao projections parked skip {model} {card_id} --why …"
        )


def _grant_as_live(connection: Connection[Any], model: ReadModel[Any]) -> None:
    """Whoever may use the live table may use the new one."""
    rights = connection.execute(
        """
        SELECT CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END, privilege_type
        FROM pg_class, aclexplode(relacl) WHERE oid = %s::regclass AND grantee <> relowner
        """,
        (f"public.{model.name}",),
    ).fetchall()
    for role, right in rights:
        grantee = sql.SQL("PUBLIC") if role == "public" else sql.Identifier(role)
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), sql.Identifier(BUILDING, model.name), grantee)
        )
