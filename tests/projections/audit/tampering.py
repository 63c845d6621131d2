"""What the owner of a database could do to a log that was sealed: one random manipulation, and what has to be named."""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection


class Row(NamedTuple):
    """A row of the log."""

    position: int
    card_id: UUID
    version: int
    name: str
    state: bytes


Named = set[tuple[str, int]]
"""Kind and position of the findings that must be among those of a verification."""


def rows_of(connection: Connection[Any]) -> list[Row]:
    query = "SELECT notification_id, originator_id, originator_version, topic, state FROM card_events ORDER BY 1"
    return [Row(*row) for row in connection.execute(query)]


def flip_a_byte(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    row = chance.choice(rows)
    place = chance.randrange(len(row.state))
    state = bytearray(row.state)
    state[place] ^= 1 << chance.randrange(8)
    _update(connection, row.position, "state = %s", bytes(state))
    return {("altered", row.position)}


def alter_another_field(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    row = chance.choice(rows)
    field, value = chance.choice(
        [
            ("originator_id", UUID(int=chance.getrandbits(128))),
            ("originator_version", row.version + chance.randrange(1000, 2000)),
            ("topic", row.name + "x"),
        ]
    )
    _update(connection, row.position, f"{field} = %s", value)
    return {("altered", row.position)}


def delete_rows(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    start = chance.randrange(len(rows))
    gone = rows[start : start + chance.choice((1, 1, 2, 40))]
    positions = [row.position for row in gone]
    connection.execute("DELETE FROM card_events WHERE notification_id = ANY(%s)", (positions,))
    return {("removed", position) for position in positions}


def insert_a_row(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    free = sorted({row.position + step for row in rows for step in (-1, 1)} - {row.position for row in rows})
    free = [position for position in (0, *free) if position <= rows[-1].position]
    position, row = chance.choice(free), chance.choice(rows)
    _insert(connection, row._replace(position=position, version=row.version + 5000))
    return {("inserted", position)}


def double_a_row(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    connection.execute("DROP INDEX card_events_notification_id_idx")
    row = chance.choice(rows)
    _insert(connection, row._replace(version=row.version + 7000))
    return {("inserted", row.position)}


def swap_two_rows(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    one, other = chance.sample(rows, 2)
    for position, to in ((one.position, -1), (other.position, one.position), (-1, other.position)):
        _update(connection, position, "notification_id = %s", to)
    return {("moved", one.position), ("moved", other.position)}


def swap_two_states(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    one, other = chance.sample(rows, 2)
    _update(connection, one.position, "state = %s", other.state)
    _update(connection, other.position, "state = %s", one.state)
    return {("altered", one.position), ("altered", other.position)}


def cut_the_end(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    kept = chance.randrange(1, len(rows))
    connection.execute("DELETE FROM card_events WHERE notification_id > %s", (rows[kept - 1].position,))
    return {("removed", row.position) for row in rows[kept:]}


def cut_the_end_and_its_seals(connection: Connection[Any], chance: Random, rows: list[Row]) -> Named:
    """Only a head that somebody kept outside shows it."""
    cut_the_end(connection, chance, rows)
    connection.execute("DELETE FROM seals WHERE position > (SELECT max(notification_id) FROM card_events)")
    return {("cut", 0)}


Manipulation = Callable[[Connection[Any], Random, list[Row]], Named]
MANIPULATIONS: tuple[Manipulation, ...] = (
    *(flip_a_byte, alter_another_field, delete_rows, insert_a_row, double_a_row, swap_two_rows, swap_two_states),
    *(cut_the_end, cut_the_end_and_its_seals),
)


def _update(connection: Connection[Any], position: int, change: Any, value: object) -> None:
    connection.execute(f"UPDATE card_events SET {change} WHERE notification_id = %s", (value, position))


def _insert(connection: Connection[Any], row: Row) -> None:
    connection.execute(
        "INSERT INTO card_events (notification_id, originator_id, originator_version, topic, state) "
        "VALUES (%s, %s, %s, %s, %s)",
        row,
    )
