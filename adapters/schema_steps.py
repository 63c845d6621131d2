"""How a database came from each version of the schema to the next; run by `baohao migrate`."""

from typing import Any

from psycopg import Connection, sql

from adapters.bindings import BINDINGS_TABLE
from adapters.clock import recorded_now
from adapters.control import (
    CONTROL_BY,
    CONTROL_CHARGED_THROUGH,
    CONTROL_CLOCK,
    CONTROL_GATEWAY,
    CONTROL_RESTORE,
)
from adapters.differences import DIFFERENCES_TABLE
from adapters.directory.tables import DIRECTORY_TABLES, PASSKEY_TABLES
from adapters.gateways.pace import PACE_ROW, PACE_TABLE
from adapters.inbox import INBOX_TABLE
from adapters.notices.tables import NOTICE_TABLES
from adapters.parked import PARKED_12, PARKED_TABLE
from adapters.roles.lease import LEADERS_TABLE
from adapters.roles.tables import PUBLISHED_EPOCH, PUBLISHED_TABLE
from adapters.web.api.tokens import API_TOKENS_TABLE
from adapters.web.console.tables import OPERATOR_TABLES, RECORD_FORGOTTEN
from adapters.web.payments.issuer import ISSUERS_TABLE
from engine.operations import OPERATIONS_ID, ChargingStopped
from engine.store.appending import random_event_ids, stored_fact
from engine.store.limits_rebuild import rebuild_limits
from engine.store.parameters import fact_columns
from projections.audit.seals import SEALS_TABLE
from projections.live import LIVE, create_tables
from projections.parked_cards import PARKED_CARDS_TABLE, SKIPPED_FACTS_TABLE

_READ_MODELS_1 = ("cards", "due", "charges", "ledger")
_APPEND_1 = """
    card_events_append(
        uuid[], bigint[], text[], bytea[], uuid[], bigint[], uuid[], bigint[], integer[], bytea[]
    )
"""
"""The function of version 1."""
_FUNCTIONS_2 = """
    card_events_append(
        uuid[], bigint[], text[], bytea[], uuid[], bigint[], uuid[], bigint[], integer[], bytea[],
        uuid[], text[], bytea[], bigint[], integer[], timestamptz, jsonb, text[],
        uuid[], uuid[], text[], text[], text[], timestamptz[], timestamptz[],
        uuid[], uuid[], timestamptz[], uuid[], text[]
    ),
    card_events_limit(
        uuid[], uuid[], jsonb, text[], uuid[], uuid[], text[], text[], text[], timestamptz[], timestamptz[],
        uuid[], uuid[], timestamptz[], uuid[], text[]
    ),
    card_events_settle(uuid, uuid[], uuid[], uuid[], timestamptz[]),
    card_events_broken(jsonb, text[], text[], text[], timestamptz[])
"""
"""The functions of version 2 that version 3 replaces."""
_FUNCTIONS_3 = """
    card_events_append(uuid[], bigint[], text[], bytea[], bytea[], jsonb, timestamptz, jsonb),
    card_events_limit(uuid[], uuid[], card_events_try[], card_events_outcome[], card_events_block[], jsonb),
    card_events_broken(card_events_try[], jsonb)
"""
"""The functions of version 3 that return less than those of version 4."""
_TYPES_4 = """
    DO $$ BEGIN
        IF to_regtype('card_events_try') IS NOT NULL THEN
            ALTER TYPE card_events_try DROP ATTRIBUTE IF EXISTS last_rung, ADD ATTRIBUTE last_rung boolean;
            ALTER TYPE card_events_block
                DROP ATTRIBUTE IF EXISTS until, DROP ATTRIBUTE IF EXISTS allowed,
                ADD ATTRIBUTE until timestamptz, ADD ATTRIBUTE allowed boolean;
        END IF;
        ALTER TABLE IF EXISTS card_events_blocked
            ADD COLUMN IF NOT EXISTS until timestamptz NOT NULL DEFAULT 'infinity';
    END $$
"""
"""What the types and the table of version 3 do not have."""
_TYPE_10 = """
    DO $$ BEGIN
        IF to_regtype('card_events_stream') IS NOT NULL THEN
            ALTER TYPE card_events_stream DROP ATTRIBUTE IF EXISTS after, ADD ATTRIBUTE after text;
        END IF;
    END $$
"""
"""What the type of version 9 does not have."""
_FOLLOWERS_11 = """
    ALTER TABLE followers
        ADD COLUMN IF NOT EXISTS version integer,
        ADD COLUMN IF NOT EXISTS paused_at timestamptz,
        ADD COLUMN IF NOT EXISTS paused_by text,
        ADD COLUMN IF NOT EXISTS paused_why text,
        ADD COLUMN IF NOT EXISTS failed_at timestamptz,
        ADD COLUMN IF NOT EXISTS failure text
"""
_READ_MODELS_10 = ("cards", "due", "charges", "ledger", "cases")
"""They had one position together."""
_MIGRATION = "migration"
"""Actor and cause of a fact that the migration records."""


def _from_1_to_2(connection: Connection[Any]) -> None:
    """Added network limits and accepted commands; the read models changed shape and are rebuilt from the log."""
    connection.execute(f"DROP FUNCTION IF EXISTS {_APPEND_1}")
    for name in _READ_MODELS_1:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    create_tables(connection)
    connection.execute("DELETE FROM followers WHERE name = %s", (LIVE.name,))
    rebuild_limits(connection)
    connection.execute("UPDATE schema_version SET version = 2")


def _from_2_to_3(connection: Connection[Any]) -> None:
    """An append takes fewer parameters; stopped charging is a fact, recorded here if it is stopped now."""
    connection.execute(f"DROP FUNCTION IF EXISTS {_FUNCTIONS_2}")
    connection.execute(CONTROL_BY)
    row = connection.execute(
        "UPDATE control SET charging_stopped_by = %s WHERE charging_stopped_at IS NOT NULL "
        "RETURNING charging_stopped_at, charging_stopped_why",
        (_MIGRATION,),
    ).fetchone()
    if row is not None:
        fact = ChargingStopped(reason=row[1], at=row[0])
        stored = stored_fact(
            OPERATIONS_ID,
            1,
            next(random_event_ids(1)),
            recorded_now(),
            _MIGRATION,
            _MIGRATION,
            None,
            last=True,
            fact=fact,
        )
        connection.execute(
            "SELECT card_events_insert(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])", fact_columns([stored])
        )
    connection.execute("UPDATE schema_version SET version = 3")


def clear_away(connection: Connection[Any]) -> None:
    """Drop the functions of version 3 whose result has grown, which cannot be replaced; extend types and table."""
    with connection.transaction():
        connection.execute(f"DROP FUNCTION IF EXISTS {_FUNCTIONS_3}")
        connection.execute(_TYPES_4)
        connection.execute(_TYPE_10)


def _from_3_to_4(connection: Connection[Any]) -> None:
    """Limits keep a part for last rungs, and tell open tries from declines; advice delays hold for all cards."""
    rebuild_limits(connection)
    connection.execute("UPDATE schema_version SET version = 4")


def _from_4_to_5(connection: Connection[Any]) -> None:
    """Snapshots prove themselves, leaders hold a lease, an attempt is recorded once; cards are parked for a model.

    Snapshots without a checksum are removed. The events stream has epochs.
    """
    connection.execute("DELETE FROM card_events_snapshots")
    for statement in (LEADERS_TABLE, PARKED_CARDS_TABLE, PUBLISHED_TABLE, PUBLISHED_EPOCH):
        connection.execute(statement)
    connection.execute("UPDATE schema_version SET version = 5")


def _from_5_to_6(connection: Connection[Any]) -> None:
    """The control row tells what a clock that was ahead did, and what a restore may have lost."""
    connection.execute(CONTROL_CLOCK)
    connection.execute(CONTROL_RESTORE)
    connection.execute("UPDATE schema_version SET version = 6")


def _from_6_to_7(connection: Connection[Any]) -> None:
    """All processes together keep the pace of requests to the provider; what it notifies us of is kept."""
    for statement in (PACE_TABLE, PACE_ROW, INBOX_TABLE, BINDINGS_TABLE, CONTROL_GATEWAY):
        connection.execute(statement)
    connection.execute("UPDATE schema_version SET version = 7")


def _from_7_to_8(connection: Connection[Any]) -> None:
    """Holders have accounts, and are sent notices; programs have tokens."""
    connection.execute(DIRECTORY_TABLES)
    connection.execute(NOTICE_TABLES)
    connection.execute(API_TOKENS_TABLE)
    connection.execute(CONTROL_CHARGED_THROUGH)
    create_tables(connection)  # an index of cards by holder
    connection.execute("UPDATE schema_version SET version = 8")


def _from_8_to_9(connection: Connection[Any]) -> None:
    """Holders have passkeys; operators have accounts of their own; cards change hands, which none has yet."""
    connection.execute(PASSKEY_TABLES)
    connection.execute(OPERATOR_TABLES)
    connection.execute("ALTER TABLE cards ADD COLUMN IF NOT EXISTS holder_since timestamptz")
    create_tables(connection)  # indexes of charges and ledger by time
    connection.execute("UPDATE schema_version SET version = 9")


def _from_9_to_10(connection: Connection[Any]) -> None:
    """A stream goes on only from the fact on which it was decided; receipts name issuers; records are forgotten."""
    connection.execute("ALTER TABLE codes ADD COLUMN IF NOT EXISTS redeemed_at timestamptz")
    connection.execute(ISSUERS_TABLE)
    connection.execute(RECORD_FORGOTTEN)
    create_tables(connection)
    connection.execute("UPDATE schema_version SET version = 10")


def _from_10_to_11(connection: Connection[Any]) -> None:
    """What reconciling finds is kept; the log is sealed.

    Each read model has a position of its own, and the version of its fold; it may be paused.
    """
    connection.execute(DIFFERENCES_TABLE)
    connection.execute(_FOLLOWERS_11)
    connection.execute(
        "INSERT INTO followers (name, position, version) SELECT %(name)s || '.' || model, position, 1 "
        "FROM followers, unnest(%(models)s::text[]) AS model WHERE name = %(name)s ON CONFLICT DO NOTHING",
        {"name": LIVE.name, "models": list(_READ_MODELS_10)},
    )
    connection.execute("DELETE FROM followers WHERE name = %s", (LIVE.name,))
    connection.execute(SKIPPED_FACTS_TABLE)
    connection.execute(SEALS_TABLE)
    connection.execute("UPDATE schema_version SET version = 11")


def _from_11_to_12(connection: Connection[Any]) -> None:
    """Of a parked message is kept how it came."""
    connection.execute(PARKED_TABLE)  # version 1 has none
    connection.execute(PARKED_12)
    connection.execute("UPDATE schema_version SET version = 12")


def _from_12_to_13(connection: Connection[Any]) -> None:
    """A notice names what led to it."""
    connection.execute("ALTER TABLE outbox ADD COLUMN IF NOT EXISTS correlation_id text")
    connection.execute("UPDATE schema_version SET version = 13")


def _from_13_to_14(connection: Connection[Any]) -> None:
    """The time at which facts are recorded is set when they are appended, and never falls: the function's work."""
    connection.execute("UPDATE schema_version SET version = 14")


STEPS = (
    _from_1_to_2,
    _from_2_to_3,
    _from_3_to_4,
    _from_4_to_5,
    _from_5_to_6,
    _from_6_to_7,
    _from_7_to_8,
    _from_8_to_9,
    _from_9_to_10,
    _from_10_to_11,
    _from_11_to_12,
    _from_12_to_13,
    _from_13_to_14,
)
"""Each from one version to the next."""
