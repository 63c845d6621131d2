"""The live read models, updated together, and their comparison with a replay of the log."""

from typing import Any
from uuid import uuid4

from psycopg import Connection, sql

from projections.cards import CARDS
from projections.cases import CASES
from projections.charges import CHARGES
from projections.due import DUE
from projections.follow import follow
from projections.ledger import LEDGER
from projections.lifecycle import LIFECYCLE
from projections.read_model import Follower, ReadModel
from projections.recovery import RECOVERY
from projections.terms import TERMS

MODELS: tuple[ReadModel[Any], ...] = (CARDS, DUE, CHARGES, LEDGER, CASES, LIFECYCLE, RECOVERY, TERMS)
LIVE = Follower("read_models", MODELS)

ASIDE = "pg_temp"
"""The schema of the session's temporary tables, for which nobody needs a right to create schemas."""


def create_tables(connection: Connection[Any], schema: str = "public") -> None:
    """Create the tables of all read models in `schema`."""
    for model in MODELS:
        for statement in model.create(schema):
            connection.execute(statement)


def missing_tables(connection: Connection[Any]) -> list[ReadModel[Any]]:
    """The read models that this program has added since, which have no table yet."""
    query = "SELECT name FROM unnest(%s::text[]) AS of (name) WHERE to_regclass('public.' || name) IS NULL"
    names = {name for (name,) in connection.execute(query, ([model.name for model in MODELS],))}
    return [model for model in MODELS if model.name in names]


def differences(connection: Connection[Any], batch: int) -> dict[str, int]:
    """Replay the whole log and count, per read model, the rows that differ from the live ones.

    Meaningful while nothing is appended. The replay has temporary tables, which are dropped afterwards.
    """
    name = f"replay_{uuid4().hex[:12]}"
    try:
        create_tables(connection, ASIDE)
        while follow(connection, Follower(name, MODELS, ASIDE), batch).fact_count:
            pass
        return {model.name: _difference(connection, model.name) for model in MODELS}
    finally:
        for model in MODELS:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(ASIDE, model.name)))
        connection.execute("DELETE FROM followers WHERE starts_with(name, %s)", (f"{name}.",))
        connection.execute("DELETE FROM parked_cards WHERE follower = %s", (name,))


def _difference(connection: Connection[Any], table: str) -> int:
    """Rows that only one side has, compared as text so that each byte counts."""
    query = sql.SQL(
        """
        SELECT count(*) FROM (SELECT t::text AS row FROM public.{0} t) AS live
        FULL JOIN (SELECT t::text AS row FROM {1}.{0} t) AS replayed USING (row)
        WHERE live.row IS NULL OR replayed.row IS NULL
        """
    ).format(sql.Identifier(table), sql.Identifier(ASIDE))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
