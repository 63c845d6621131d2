"""The database schema: created and upgraded by `baohao migrate`, checked by every role before it starts."""

from typing import Any

import psycopg
from eventsourcing.persistence import IntegrityError
from psycopg import Connection

from adapters.bindings import BINDINGS_TABLE
from adapters.control import (
    CONTROL_ROW,
    CONTROL_TABLE,
)
from adapters.differences import DIFFERENCES_TABLE
from adapters.directory.tables import DIRECTORY_TABLES, PASSKEY_TABLES
from adapters.gateways.pace import PACE_ROW, PACE_TABLE
from adapters.grants import grant_rights
from adapters.inbox import INBOX_TABLE
from adapters.notices.tables import NOTICE_TABLES
from adapters.parked import PARKED_TABLE
from adapters.pooler import refuse_transaction_pooler
from adapters.roles.lease import LEADERS_TABLE
from adapters.roles.tables import DUE_SENT_TABLE, PUBLISHED_TABLE
from adapters.schema_steps import STEPS, clear_away
from adapters.web.api.tokens import API_TOKENS_TABLE
from adapters.web.console.tables import OPERATOR_TABLES, RECORD_FORGOTTEN
from adapters.web.payments.issuer import ISSUERS_TABLE
from engine.errors import SchemaError
from engine.store.recorder import CardRecorder, datastore
from projections.audit.seals import SEALS_TABLE
from projections.follow import FOLLOWERS_TABLE
from projections.live import create_tables, missing_tables
from projections.parked_cards import PARKED_CARDS_TABLE, SKIPPED_FACTS_TABLE

SCHEMA_VERSION = 14
"""The version that this program needs; each version adds a step to `migrate` from the one before."""


def migrate(database_url: str, application_url: str | None = None) -> int:
    """As the owner, bring the database to SCHEMA_VERSION if it is not there; returns the version found.

    The role of `application_url`, if that is not the owner, gets its rights each time, and has to be let in.
    Raises SchemaError.
    """
    refuse_transaction_pooler(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtextextended('baohao.migrate', 0))")
        found = _version(connection)
        if found > SCHEMA_VERSION:
            raise SchemaError(_mismatch(found))
        if found < SCHEMA_VERSION:
            clear_away(connection)
            _create_events(database_url)
            for step in STEPS[found - 1 :] if found else (_create,):
                with connection.transaction():
                    step(connection)
        for model in missing_tables(connection):
            for statement in model.create():
                connection.execute(statement)
        if application_url is not None:
            grant_rights(connection, application_url)
            check_schema(application_url)
        return found


def _create_events(database_url: str) -> None:
    """Create the log and the tables beside it where missing, and replace all functions."""
    store = datastore(database_url, pool_size=1)
    try:
        CardRecorder(store).create_table()
    except IntegrityError as error:
        message = "the log holds an attempt twice, which no version of this program does; nothing was changed"
        raise SchemaError(f"{message}; find out how it came there, then ask for help: {error}") from error
    finally:
        store.close()


def _create(connection: Connection[Any]) -> None:
    for statement in (
        FOLLOWERS_TABLE,
        CONTROL_TABLE,
        CONTROL_ROW,
        PARKED_TABLE,
        DUE_SENT_TABLE,
        PUBLISHED_TABLE,
        LEADERS_TABLE,
        PARKED_CARDS_TABLE,
        SKIPPED_FACTS_TABLE,
        PACE_TABLE,
        PACE_ROW,
        INBOX_TABLE,
        BINDINGS_TABLE,
        DIFFERENCES_TABLE,
        DIRECTORY_TABLES,
        PASSKEY_TABLES,
        NOTICE_TABLES,
        API_TOKENS_TABLE,
        OPERATOR_TABLES,
        RECORD_FORGOTTEN,
        ISSUERS_TABLE,
        SEALS_TABLE,
        "CREATE TABLE schema_version (version integer NOT NULL)",
    ):
        connection.execute(statement)
    connection.execute("INSERT INTO schema_version VALUES (%s)", (SCHEMA_VERSION,))
    create_tables(connection)


def check_schema(database_url: str) -> None:
    """Raise SchemaError unless the database is at SCHEMA_VERSION, and the role may use it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        try:
            found = _version(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            message = f"the role {connection.info.user} has no rights in the database"
            raise SchemaError(f"{message}; run `baohao migrate` with BAOHAO_OWNER_DATABASE_URL set") from error
        if found != SCHEMA_VERSION:
            raise SchemaError(_mismatch(found))
        if missing := missing_tables(connection):
            raise SchemaError(f"the read model {missing[0].name} has no table yet; run `baohao migrate`")


def _version(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return 0
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    return int(row[0]) if row else 0


def _mismatch(found: int) -> str:
    if found > SCHEMA_VERSION:
        return f"the database is at schema {found}, newer than this program's {SCHEMA_VERSION}; upgrade the program"
    return f"the database is at schema {found}, this program needs {SCHEMA_VERSION}; run `baohao migrate`"
