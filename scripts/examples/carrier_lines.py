#!/usr/bin/env python3
"""An example of a carrier: switches lines off and on as cards are suspended and reinstated; keeps them in SQLite.

    carrier_lines.py nats://localhost:4222 lines.sqlite3

The place in the stream is kept in the same transaction as the lines: killed at any moment, it goes on rightly.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Mapping

from follow_events import follow, place_of, void_after

STATES = {
    "card_registered": "on",
    "card_suspended": "off",
    "card_reinstated": "on",
    "card_reclaimed": "ended",
    "card_closed": "ended",
}
"""The state of a line after an event; grace, charges and reminders change nothing for a carrier."""
TABLES = """
    CREATE TABLE IF NOT EXISTS changes (position INTEGER PRIMARY KEY, card_id TEXT, at TEXT, state TEXT);
    CREATE TABLE IF NOT EXISTS place (single INTEGER PRIMARY KEY CHECK (single = 1), epoch INTEGER, position INTEGER);
    INSERT OR IGNORE INTO place VALUES (1, 0, 0);
    CREATE VIEW IF NOT EXISTS lines AS
        SELECT card_id, state, at, max(position) AS position FROM changes GROUP BY card_id;
"""


class Lines:
    """The lines of a database."""

    def __init__(self, file: str) -> None:
        self._db = sqlite3.connect(file)
        self._db.executescript(TABLES)

    def __call__(self, headers: Mapping[str, str], _data: object) -> None:
        """Take one event; what was taken before changes nothing."""
        with self._db:
            last = self._db.execute("SELECT epoch, position FROM place").fetchone()
            if place_of(headers) <= last:
                return
            if (position := void_after(headers, last)) is not None:
                self._db.execute("DELETE FROM changes WHERE position > ?", (position,))
            self._db.execute("UPDATE place SET epoch = ?, position = ?", place_of(headers))
            event = headers["ce-type"].split(".")[1]
            if event in STATES:
                change = (headers["ce-position"], headers["ce-subject"], headers["ce-time"], STATES[event])
                self._db.execute("INSERT INTO changes VALUES (?, ?, ?, ?)", change)
                print(headers["ce-subject"], STATES[event], flush=True)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], "carrier-lines", Lines(sys.argv[2])))
