#!/usr/bin/env python3
"""An example of a finance system: a journal of money that moved, a CSV file per day; run it as often as you like.

    finance_journal.py nats://localhost:4222 FOLDER

It takes what is new since its last run, and writes the files of the days that changed. Keep the folder.
"""

import asyncio
import csv
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from follow_events import follow, place_of, void_after

SIGNS = {
    "charge_succeeded": 1,
    "charge_refunded": -1,
    "refund_returned": 1,
    "charge_disputed": -1,
    "dispute_won": 1,
    "balance_paid_out": -1,
}
"""Events by which money comes to us, or goes; what moves between balance and terms is none of them."""
IDLE_S = 2
COLUMNS = ("at", "event_id", "event", "card_id", "attempt_id", "minor", "currency")
ENTRIES = """
    SELECT at, event_id, event, card_id, attempt_id, minor, currency FROM entries WHERE day = ? ORDER BY position
"""
TABLES = """
    CREATE TABLE IF NOT EXISTS entries (
        position INTEGER PRIMARY KEY, day TEXT, at TEXT, event_id TEXT, event TEXT, card_id TEXT, attempt_id TEXT,
        minor INTEGER, currency TEXT
    );
    CREATE TABLE IF NOT EXISTS place (single INTEGER PRIMARY KEY CHECK (single = 1), epoch INTEGER, position INTEGER);
    CREATE TABLE IF NOT EXISTS changed_days (day TEXT PRIMARY KEY);
    INSERT OR IGNORE INTO place VALUES (1, 0, 0);
"""


class Journal:
    """The journal in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._db = folder, sqlite3.connect(folder / "journal.sqlite3")
        self._db.executescript(TABLES)

    def __call__(self, headers: Mapping[str, str], data: Any) -> None:
        """Take one event; what was taken before changes nothing."""
        with self._db:
            last = self._db.execute("SELECT epoch, position FROM place").fetchone()
            if place_of(headers) <= last:
                return
            if (position := void_after(headers, last)) is not None:
                void = "SELECT day FROM entries WHERE position > ?"
                self._db.execute(f"INSERT OR IGNORE INTO changed_days {void}", (position,))
                self._db.execute("DELETE FROM entries WHERE position > ?", (position,))
            self._db.execute("UPDATE place SET epoch = ?, position = ?", place_of(headers))
            event = headers["ce-type"].split(".")[1]
            if event in SIGNS:
                self._enter(event, headers, data)

    def _enter(self, event: str, headers: Mapping[str, str], data: Any) -> None:
        amount, at = data["amount"], headers["ce-time"]
        what = (at, headers["ce-id"], event, headers["ce-subject"], data.get("attempt_id"))
        row = (headers["ce-position"], at[:10], *what, SIGNS[event] * amount["minor"], amount["currency"])
        self._db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._db.execute("INSERT OR IGNORE INTO changed_days VALUES (?)", (at[:10],))

    def write(self) -> None:
        """Write the days that changed; a file is replaced as a whole."""
        for (day,) in self._db.execute("SELECT day FROM changed_days").fetchall():
            file = self._folder / f"journal-{day}.csv"
            with file.with_suffix(".part").open("w", newline="", encoding="utf-8") as part:
                rows = csv.writer(part)
                rows.writerow(COLUMNS)
                rows.writerows(self._db.execute(ENTRIES, (day,)))
            file.with_suffix(".part").replace(file)
            with self._db:
                self._db.execute("DELETE FROM changed_days WHERE day = ?", (day,))
            print(file, flush=True)


if __name__ == "__main__":
    journal = Journal(Path(sys.argv[2]))
    asyncio.run(follow(sys.argv[1], "finance-journal", journal, IDLE_S))
    journal.write()
