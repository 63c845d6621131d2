"""The simulated gateway's own record of requests, money moved and refunds: one SQLite file for all processes."""

import json
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from adapters.gateways.behaviour import CHARGED
from engine.ports import RefundRequest

IN_MEMORY = Path(":memory:")
"""A record for one process alone."""

_SCHEMA = """
    PRAGMA synchronous = OFF;  -- a killed process loses nothing; only a power cut may
    CREATE TABLE IF NOT EXISTS requests (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,         -- the attempt id; not unique, since it may be used again after it expired
        first_at TEXT NOT NULL,    -- business time
        parameters TEXT NOT NULL,  -- the whole request as JSON
        outcome TEXT               -- charged, or why not; null: the request never arrived
    );
    CREATE INDEX IF NOT EXISTS requests_by_key ON requests (key);
    CREATE TABLE IF NOT EXISTS movements (
        id INTEGER PRIMARY KEY REFERENCES requests,  -- one request moves money once
        key TEXT NOT NULL, card_id TEXT NOT NULL, purpose TEXT NOT NULL, token TEXT NOT NULL,
        currency TEXT NOT NULL, minor INTEGER NOT NULL, at TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS refunds (
        refund_id TEXT PRIMARY KEY,  -- one request refunds once, for ever
        movement INTEGER NOT NULL REFERENCES movements,
        parameters TEXT NOT NULL,    -- the whole request as JSON
        currency TEXT NOT NULL, minor INTEGER NOT NULL, at TEXT NOT NULL,
        arrived INTEGER NOT NULL     -- 0: the request never arrived; no money moved
    );
    -- a charge is refunded once, whatever ids are used
    CREATE UNIQUE INDEX IF NOT EXISTS refunds_by_movement ON refunds (movement) WHERE arrived;
"""
_text = lru_cache(maxsize=1024)(datetime.isoformat)  # the charges of a batch have few different times


class Saved(NamedTuple):
    """A request and its outcome."""

    key: str
    first_at: datetime
    parameters: str
    outcome: str | None


class Movement(NamedTuple):
    """Money that was taken; `refund_id` is the refund that returned it, or None."""

    movement: int
    token: str
    currency: str
    minor: int
    refund_id: str | None


class Taken(NamedTuple):
    """A charge as the provider lists it, newest first; `refunded` counts minor units."""

    key: str
    card_id: str
    purpose: str
    token: str
    currency: str
    minor: int
    at: datetime
    refunded: int


class SavedRefund(NamedTuple):
    """A refund request; `arrived` is false if the simulated provider never received it."""

    parameters: str
    arrived: bool


def totals(record: Path) -> dict[str, int]:
    """What was taken and not refunded per currency, in minor units; FileNotFoundError without a record."""
    with closing(_read_only(record)) as db:
        return dict(
            db.execute(
                """
                SELECT currency, SUM(minor) FROM (
                    SELECT currency, minor FROM movements
                    UNION ALL SELECT currency, -minor FROM refunds WHERE arrived
                ) GROUP BY currency ORDER BY 1
                """
            )
        )


def double_charges(record: Path) -> int:
    """How many charges were made beyond one per card and purpose, refunded ones not counted.

    FileNotFoundError without a record.
    """
    with closing(_read_only(record)) as db:
        (extra,) = db.execute(
            """
            SELECT COALESCE(SUM(kept - 1), 0) FROM (
                SELECT COUNT(*) AS kept FROM movements
                WHERE id NOT IN (SELECT movement FROM refunds WHERE arrived) GROUP BY card_id, purpose
            )
            """
        ).fetchone()
        return extra


def open_record(record: Path, wait_s: float) -> sqlite3.Connection:
    """The record, created if missing; waits at most `wait_s` for other processes."""
    db = sqlite3.connect(record, timeout=wait_s, isolation_level=None, check_same_thread=False)
    _write_ahead(db, until=time.monotonic() + wait_s)
    db.executescript(_SCHEMA)
    return db


def save(db: sqlite3.Connection, record: Path) -> None:
    """Copy a record to another file, for instance one in memory."""
    with closing(sqlite3.connect(record)) as file:
        db.backup(file)


def known(db: sqlite3.Connection, keys: list[str]) -> dict[str, Saved]:
    """The latest request of each key that has one."""
    rows = db.execute(
        """
        SELECT key, first_at, parameters, outcome FROM requests
        WHERE key IN (SELECT value FROM json_each(?)) ORDER BY id
        """,
        (json.dumps(keys),),
    )
    return {key: Saved(key, datetime.fromisoformat(first_at), *rest) for key, first_at, *rest in rows}


def write(db: sqlite3.Connection, new: list[Saved]) -> None:
    """Save new requests, and the movements of those that were charged."""
    db.executemany(
        "INSERT INTO requests (key, first_at, parameters, outcome) VALUES (?, ?, ?, ?)",
        [(key, _text(first_at), parameters, outcome) for key, first_at, parameters, outcome in new],
    )
    if all(one.outcome != CHARGED for one in new):
        return
    (last,) = db.execute("SELECT MAX(id) FROM requests").fetchone()
    db.execute(
        """
        INSERT INTO movements (id, key, card_id, purpose, token, currency, minor, at)
        SELECT id, key, json_extract(parameters, '$.card_id'), json_extract(parameters, '$.purpose'),
            json_extract(parameters, '$.token'), json_extract(parameters, '$.amount.currency'),
            json_extract(parameters, '$.amount.minor'), first_at
        FROM requests WHERE id > ? AND outcome = ?
        """,
        (last - len(new), CHARGED),
    )


def outcome_of(db: sqlite3.Connection, attempt_id: UUID) -> tuple[str, int | None, str | None] | None:
    """Outcome, minor units and currency of an attempt, a charge before a decline; None if no request arrived."""
    return db.execute(
        """
        SELECT outcome, minor, currency FROM requests LEFT JOIN movements USING (id)
        WHERE requests.key = ? AND outcome IS NOT NULL ORDER BY minor IS NULL, id LIMIT 1
        """,
        (str(attempt_id),),
    ).fetchone()


def movement_of(db: sqlite3.Connection, attempt_id: UUID) -> Movement | None:
    """The money that an attempt moved."""
    row = db.execute(
        """
        SELECT id, token, m.currency, m.minor, refund_id
        FROM requests JOIN movements m USING (id) LEFT JOIN refunds r ON r.movement = id AND r.arrived
        WHERE requests.key = ? ORDER BY id LIMIT 1
        """,
        (str(attempt_id),),
    ).fetchone()
    return Movement(*row) if row else None


def taken_since(db: sqlite3.Connection, since: datetime, card_id: UUID | None) -> list[Taken]:
    """The money that was taken since an instant, of one card or of all."""
    rows = db.execute(
        """
        SELECT m.key, card_id, purpose, token, m.currency, m.minor, m.at, coalesce(r.minor, 0)
        FROM movements m LEFT JOIN refunds r ON r.movement = m.id AND r.arrived
        WHERE julianday(m.at) >= julianday(?1) AND (?2 IS NULL OR card_id = ?2) ORDER BY m.id DESC
        """,
        (_text(since), str(card_id) if card_id else None),
    )
    return [
        Taken(key, card, purpose, token, currency, minor, datetime.fromisoformat(at), refunded)
        for key, card, purpose, token, currency, minor, at, refunded in rows
    ]


def refund_of(db: sqlite3.Connection, refund_id: UUID) -> SavedRefund | None:
    """The refund request with this id."""
    query = "SELECT parameters, arrived FROM refunds WHERE refund_id = ?"
    row = db.execute(query, (str(refund_id),)).fetchone()
    return SavedRefund(row[0], bool(row[1])) if row else None


def write_refund(db: sqlite3.Connection, request: RefundRequest, movement: int, at: datetime, *, arrived: bool) -> None:
    """Save a refund request; if it arrived, money moved."""
    db.execute(
        "INSERT OR REPLACE INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            str(request.refund_id),
            movement,
            request.parameters,
            request.amount.currency,
            request.amount.minor,
            _text(at),
            arrived,
        ),
    )


def _write_ahead(db: sqlite3.Connection, until: float) -> None:
    """Switch to WAL; while others do the same, that fails at once, regardless of the connection's time-out."""
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _read_only(record: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{record.resolve(strict=True).as_uri()}?mode=ro", uri=True)
