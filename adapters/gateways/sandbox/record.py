"""The sandbox's own record: one SQLite file, synced at each commit, that holds every object, answer and thing due.

Work is done in memory first: `get` and `put` on Entries; `keep` makes what one request changed part of the batch (or
`forget` drops it), and `commit` writes the batch as one transaction.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from msgspec import Struct, json

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS objects (
        seq INTEGER PRIMARY KEY,   -- the order of creation, by which lists are sorted
        id TEXT NOT NULL,          -- names its seq, so that no index of ids is needed
        object TEXT NOT NULL,      -- Stripe's name of its kind
        created INTEGER NOT NULL,  -- by the sandbox's clock
        customer TEXT,             -- whose it is
        parent TEXT,               -- what it belongs to: a charge's PaymentIntent, a refund's charge
        body BLOB NOT NULL,        -- as the API shows it
        hidden BLOB NOT NULL       -- what the API does not show
    );
    -- most objects are events, which need no index: the newest objects are likely to be some
    CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (object, seq) WHERE object <> 'event';
    CREATE INDEX IF NOT EXISTS objects_by_customer ON objects (customer, object, seq) WHERE customer IS NOT NULL;
    CREATE INDEX IF NOT EXISTS objects_by_parent ON objects (parent, object, seq) WHERE parent IS NOT NULL;
    CREATE TABLE IF NOT EXISTS answers (
        id INTEGER PRIMARY KEY,    -- long rows are appended, whatever the order of keys
        key TEXT NOT NULL UNIQUE,  -- the idempotency key
        path TEXT NOT NULL,
        parameters BLOB NOT NULL,  -- their digest
        status INTEGER NOT NULL,
        body BLOB NOT NULL,
        at REAL NOT NULL           -- by the sandbox's clock
    );
    CREATE INDEX IF NOT EXISTS answers_by_time ON answers (at);
    CREATE TABLE IF NOT EXISTS due (
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,          -- by the sandbox's clock
        what TEXT NOT NULL,
        object_id TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS due_by_time ON due (at);
    CREATE TABLE IF NOT EXISTS deliveries (
        event_id TEXT NOT NULL,
        endpoint INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        next_at REAL NOT NULL,     -- real time
        PRIMARY KEY (event_id, endpoint)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS deliveries_by_time ON deliveries (next_at);
    CREATE TABLE IF NOT EXISTS remembered (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "seq, id, object, created, customer, parent, body, hidden"
_BY_ID = f"SELECT {_COLUMNS} FROM objects WHERE seq = ? AND id = ?"  # noqa: S608 (a constant)
_SEQ_DIGITS = 8
_KNOWN_MAX = 10_000
_encode = json.Encoder().encode
_decode = json.decode


class Entry(Struct):
    """One object: what the API shows of it, and what it does not."""

    seq: int
    id: str
    object: str
    created: int
    customer: str | None
    parent: str | None
    body: dict[str, Any]
    hidden: dict[str, Any]


_Row = tuple[int, str, str, int, str | None, str | None, bytes, bytes]


class Answer(Struct):
    """What was answered under an idempotency key."""

    key: str
    path: str
    parameters: bytes
    status: int
    body: bytes
    at: float


class Record:
    """The open record; see the module for how it is used. `path` may be `:memory:`."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA page_size = 8192")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 8000")
        self._db.execute("PRAGMA synchronous = FULL")  # an answered request survives a power cut
        self._db.executescript(_SCHEMA)
        (self._last,) = self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM objects").fetchone()
        self._seed = seed.to_bytes(8, "big", signed=True)
        self._working: dict[str, Entry] = {}
        self._read: dict[str, Entry] = {}
        self._encoded: dict[str, bytes] = {}
        self._rows: dict[str, _Row] = {}
        self._added: dict[str, _Row] = {}  # rows of the request that need no encoding
        self._fresh = set[str]()  # those of the rows, or of what is worked on, that the file does not have
        self._known: dict[str, _Row] = {}  # rows that were read, until they change
        self._answers: dict[str, Answer] = {}
        self._statements: list[tuple[str, tuple[Any, ...]]] = []
        self._pending: list[tuple[str, tuple[Any, ...]]] = []

    def new_id(self, prefix: str) -> str:
        """An id that was never used, the same for the same seed and the same order of requests."""
        self._last += 1
        random = blake2b(self._last.to_bytes(8, "big"), key=self._seed, digest_size=8).hexdigest()
        return f"{prefix}_{self._last:0{_SEQ_DIGITS}x}{random}"

    def new(
        self,
        prefix: str,
        body: dict[str, Any],
        created: int,
        *,
        customer: str | None = None,
        parent: str | None = None,
        hidden: dict[str, Any] | None = None,
        object_id: str | None = None,
    ) -> Entry:
        """A new object, with its id in front."""
        object_id = object_id or self.new_id(prefix)
        body = {"id": object_id, **body, "created": created}
        self._fresh.add(object_id)
        entry = Entry(_seq_of(object_id), object_id, body["object"], created, customer, parent, body, hidden or {})
        self._working[object_id] = entry
        return entry

    def add_encoded(self, object_id: str, kind: str, created: int, body: bytes, hidden: bytes) -> None:
        """A new object that is encoded already."""
        self._fresh.add(object_id)
        self._added[object_id] = _seq_of(object_id), object_id, kind, created, None, None, body, hidden

    def get(self, object_id: str) -> Entry | None:
        """An object; call `put` after changing it."""
        if entry := self._working.get(object_id):
            return entry
        if entry := self._read.get(object_id):
            return entry
        row = self._rows.get(object_id) or self._known.get(object_id)
        if row is None:
            row = self._db.execute(_BY_ID, (_seq_of(object_id), object_id)).fetchone()
            if row is None:
                return None
            self._know(row)
        entry = self._read[object_id] = _entry(row)
        return entry

    def _know(self, row: _Row) -> None:
        if len(self._known) > _KNOWN_MAX:
            self._known.clear()
        self._known[row[1]] = row

    def put(self, entry: Entry) -> None:
        """An object that was changed."""
        self._working[entry.id] = entry
        self._encoded.pop(entry.id, None)

    def shown(self, entry: Entry) -> bytes:
        """The object as JSON, encoded once."""
        body = self._encoded.get(entry.id)
        if body is None:
            body = self._encoded[entry.id] = _encode(entry.body)
        return body

    def do(self, statement: str, *values: object) -> None:
        """A statement for the transaction of this batch."""
        self._pending.append((statement, values))

    def keep(self) -> None:
        """What the request changed is part of the batch."""
        for e in self._working.values():
            body = self._encoded.get(e.id) or _encode(e.body)
            self._known.pop(e.id, None)
            self._rows[e.id] = e.seq, e.id, e.object, e.created, e.customer, e.parent, body, _encode(e.hidden)
        self._rows |= self._added
        self._statements += self._pending
        self.forget()

    def forget(self) -> None:
        """What the request changed is dropped."""
        self._working.clear()
        self._added.clear()
        self._read.clear()
        self._encoded.clear()
        self._pending.clear()

    def answer_of(self, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        if answer := self._answers.get(key):
            return answer
        query = "SELECT key, path, parameters, status, body, at FROM answers WHERE key = ?"
        row = self._db.execute(query, (key,)).fetchone()
        return Answer(*row) if row else None

    def remember(self, answer: Answer) -> None:
        """Keep an answer under its idempotency key."""
        self._answers[answer.key] = answer

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query finds, in the record and in the batch."""
        self._write()
        return self._db.execute(query, values).fetchall()

    def entries(self, where: str, values: Iterable[Any], order: str, limit: int) -> Iterator[Entry]:
        """The objects of a condition, in the record and in the batch."""
        query = f"SELECT {_COLUMNS} FROM objects WHERE {where} ORDER BY {order} LIMIT {limit}"  # noqa: S608 (constants)
        return map(_entry, self.rows(query, *values))

    def commit(self) -> None:
        """Write the batch as one transaction, synced when this returns."""
        if self._rows or self._answers or self._statements or self._db.in_transaction:
            self._write()
            self._db.execute("COMMIT")

    def abandon(self) -> None:
        """Drop the batch; nothing of it was written."""
        self.forget()
        self._fresh.clear()
        self._known.clear()
        self._rows.clear()
        self._answers.clear()
        self._statements.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _write(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        if self._rows:
            fresh = [row for object_id, row in self._rows.items() if object_id in self._fresh]
            changed = [row for object_id, row in self._rows.items() if object_id not in self._fresh]
            self._db.executemany("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", fresh)
            self._db.executemany("REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?)", changed)
            self._fresh.difference_update(self._rows)
            self._rows.clear()
        if self._answers:
            self._db.executemany(
                "INSERT OR REPLACE INTO answers (key, path, parameters, status, body, at) VALUES (?, ?, ?, ?, ?, ?)",
                [(a.key, a.path, a.parameters, a.status, a.body, a.at) for a in self._answers.values()],
            )
            self._answers.clear()
        for statement, values in self._statements:
            self._db.execute(statement, values)
        self._statements.clear()


def _seq_of(object_id: str) -> int:
    """The seq that an id names; 0 for what is no id of ours."""
    try:
        return int(object_id.rpartition("_")[2][:_SEQ_DIGITS], 16)
    except ValueError:
        return 0


def _entry(row: _Row) -> Entry:
    seq, object_id, name, created, customer, parent, body, hidden = row
    return Entry(seq, object_id, name, created, customer, parent, _decode(body), _decode(hidden))
