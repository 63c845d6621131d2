"""Rebuilds the tables of the network limits from the log."""

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from engine.card.facts import CardFact
from engine.card.limits import effects_of
from engine.networks import LimitBook, LimitEffects
from engine.operations import OperationsFact
from engine.operations import effects_of as effects_of_operations
from engine.store.log import read_log
from engine.store.parameters import amount_key
from engine.store.recorder import CARD_EVENTS

_BATCH = 5000


class _Reader:
    """Reads the log once, append by append, into a LimitBook."""

    def __init__(self, connection: Connection[Any], book: LimitBook) -> None:
        self._connection = connection
        self._book = book
        self._position = 0

    def read_on(self) -> None:
        """Read to the current end of the log."""
        for effects in self._appends():
            self._book.write(effects)

    def _appends(self) -> Iterator[LimitEffects]:
        facts: list[CardFact] = []
        while batch := read_log(self._connection, self._position, _BATCH):
            self._position = batch[-1].position
            for recorded in batch:
                if isinstance(recorded.fact, OperationsFact):
                    yield effects_of_operations([recorded.fact])
                    continue
                facts.append(recorded.fact)
                if recorded.last:
                    yield effects_of(recorded.card_id, tuple(facts))
                    facts.clear()


def rebuild_limits(connection: Connection[Any]) -> int:
    """Empty and refill the tables in one transaction; returns how many tries count. Raises CorruptHistoryError.

    Most of the log is read before the lock of the appends is taken, so that appends wait only briefly.
    """
    book = LimitBook()
    reader = _Reader(connection, book)
    reader.read_on()
    with connection.transaction():
        connection.execute(_LOCK)
        reader.read_on()
        connection.execute(_EMPTY)
        tries = [(one.attempt_id, one.fingerprint, amount_key(one.amount), one.declined_at) for one in book.tries]
        with connection.cursor() as cursor:
            cursor.executemany(_FILL_TRIES, tries)
            cursor.executemany(_FILL_BLOCKED, list((book.delayed | dict.fromkeys(book.blocked)).items()))
    return len(tries)


_TRIES, _BLOCKED = sql.Identifier("public", f"{CARD_EVENTS}_tries"), sql.Identifier("public", f"{CARD_EVENTS}_blocked")
_LOCK = sql.SQL("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))").format(f"public.{CARD_EVENTS}")
_EMPTY = sql.SQL("TRUNCATE {}, {}").format(_TRIES, _BLOCKED)
_FILL_TRIES = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, coalesce(%s::timestamptz, 'infinity'))").format(_TRIES)
_FILL_BLOCKED = sql.SQL("INSERT INTO {} VALUES (%s, coalesce(%s::timestamptz, 'infinity'))").format(_BLOCKED)
