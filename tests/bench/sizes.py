"""Where the bytes of the database are: for each fact of the log, and what a renewal adds."""

from typing import Any, LiteralString

from psycopg import Connection

from projections.live import MODELS

_INDEXES: LiteralString = "SELECT pg_indexes_size(to_regclass(name)) FROM unnest(%s::text[]) AS of (name)"
_TABLES: LiteralString = "SELECT pg_table_size(to_regclass(name)) FROM unnest(%s::text[]) AS of (name)"
_BOTH: LiteralString = "SELECT pg_total_relation_size(to_regclass(name)) FROM unnest(%s::text[]) AS of (name)"
_PLACES: dict[str, tuple[LiteralString, tuple[str, ...]]] = {
    "log": (_TABLES, ("card_events",)),
    "indexes of the log": (_INDEXES, ("card_events",)),
    "snapshots": (_BOTH, ("card_events_snapshots",)),
    "commands and tries": (_BOTH, ("card_events_commands", "card_events_tries", "card_events_blocked")),
    "read models": (_BOTH, tuple(model.name for model in MODELS)),
    "outbox": (_BOTH, ("outbox",)),
    "seals": (_BOTH, ("seals",)),
}


def bytes_by_place(connection: Connection[Any]) -> dict[str, int]:
    """On the disk, with what updates have left behind."""
    return {
        place: sum(size for (size,) in connection.execute(query, (list(tables),)))
        for place, (query, tables) in _PLACES.items()
    }


def divided(sizes: dict[str, int], by: int) -> dict[str, float]:
    """For each of so many, and of all places together."""
    each = sizes | {"all": sum(sizes.values())}
    return {place: round(size / by, 1) for place, size in each.items()}
