"""The live read models, updated together, and their comparison with a replay of the log."""

from typing import Any
from uuid import uuid4

from psycopg import Connection, sql

from projections.cards import CARDS
from projections.cases import CASES
from projections.charges import CHARGES
from projections.due import DUE
from projections.follow import Follower, follow
from projections.ledger import LEDGER
from projections.read_model import ReadModel

MODELS: tuple[ReadModel[Any], ...] = (CARDS, DUE, CHARGES, LEDGER, CASES)
LIVE = Follower("read_models", MODELS)


def create_tables(connection: Connection[Any], schema: str = "public") -> None:
    """Create the tables of all read models in `schema`."""
    for model in MODELS:
        for statement in model.create(schema):
            connection.execute(statement)


def differences(connection: Connection[Any], batch: int) -> dict[str, int]:
    """Replay the whole log and count, per read model, the rows that differ from the live ones.

    Meaningful while nothing is appended. The replay has a schema of its own, which is dropped afterwards.
    """
    name = f"replay_{uuid4().hex[:12]}"
    schema = sql.Identifier(name)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    try:
        create_tables(connection, name)
        while follow(connection, Follower(name, MODELS, name), batch).facts:
            pass
        return {model.name: _difference(connection, model.name, schema) for model in MODELS}
    finally:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
        connection.execute("DELETE FROM followers WHERE name = %s", (name,))
        connection.execute("DELETE FROM parked_cards WHERE follower = %s", (name,))


def _difference(connection: Connection[Any], table: str, schema: sql.Identifier) -> int:
    """Rows that only one side has, compared as text so that each byte counts."""
    query = sql.SQL(
        """
        SELECT count(*) FROM (SELECT t::text AS row FROM public.{0} t) AS live
        FULL JOIN (SELECT t::text AS row FROM {1}.{0} t) AS replayed USING (row)
        WHERE live.row IS NULL OR replayed.row IS NULL
        """
    ).format(sql.Identifier(table), schema)
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
