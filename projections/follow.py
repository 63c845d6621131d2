"""The one loop of the followers: read a batch, fold per key, write rows and position in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from engine.store.log import read_log
from projections.read_model import ReadModel, fold_batch

BATCH = 1000
"""Facts that a follower handles in one transaction."""

FOLLOWERS_TABLE = """
    CREATE TABLE IF NOT EXISTS followers (
        name text PRIMARY KEY,
        position bigint NOT NULL  -- every fact up to here is in the follower's rows
    )
"""


@dataclass(frozen=True)
class Follower:
    """Read models that follow the log together, under one name with one position."""

    name: str
    models: tuple[ReadModel[Any], ...]
    schema: str = "public"


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: how many facts, up to which position."""

    facts: int
    position: int
    changed: Sequence[str]
    """The read models with changed rows."""


def lock_position(connection: Connection[Any], name: str) -> int:
    """The follower's position, its row locked until the transaction ends: that lock fences off a second process."""
    connection.execute("INSERT INTO followers VALUES (%s, 0) ON CONFLICT (name) DO NOTHING", (name,), prepare=True)
    row = connection.execute(
        "SELECT position FROM followers WHERE name = %s FOR UPDATE", (name,), prepare=True
    ).fetchone()
    return int(row[0]) if row else 0


def save_position(connection: Connection[Any], name: str, position: int) -> None:
    """Set the follower's position, in the same transaction that writes its rows."""
    connection.execute("UPDATE followers SET position = %s WHERE name = %s", (position, name), prepare=True)


def follow(connection: Connection[Any], follower: Follower, limit: int) -> Progress:
    """One step: up to `limit` facts after the position become rows, all or nothing.

    The commit does not wait for the disk: what a crash loses is folded again from the log.
    """
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        position = lock_position(connection, follower.name)
        facts = read_log(connection, position, limit)
        if not facts:
            return Progress(0, position, ())
        changed: list[str] = []
        for model in follower.models:
            rows = fold_batch(model, facts, lambda keys, m=model: m.rows(connection, follower.schema, keys))
            model.write(connection, follower.schema, rows)
            if rows:
                changed.append(model.name)
        save_position(connection, follower.name, facts[-1].position)
        return Progress(len(facts), facts[-1].position, changed)


def positions(connection: Connection[Any]) -> dict[str, int]:
    """The position of each follower."""
    return dict(connection.execute("SELECT name, position FROM followers ORDER BY name").fetchall())
