"""What the application's role may do in the database, which belongs to its owner.

The roles and commands can add to the log and read it. Nothing in the database is theirs, so they cannot alter a table,
disable a trigger, or leave behind what would run when the owner comes to migrate.
"""

from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from adapters.directory.tables import DIRECTORY
from adapters.web.console.tables import OPERATOR_RIGHTS
from engine.errors import SchemaError
from engine.store.recorder import CARD_EVENTS
from projections.live import MODELS

_ADD = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE, DELETE"
_REBUILD = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"

RIGHTS: dict[str, LiteralString] = {
    CARD_EVENTS: _ADD,
    f"{CARD_EVENTS}_commands": _ADD,
    f"{CARD_EVENTS}_snapshots": _REBUILD,
    f"{CARD_EVENTS}_tries": _REBUILD,
    f"{CARD_EVENTS}_blocked": _REBUILD,
    **dict.fromkeys((model.name for model in MODELS), _REBUILD),
    "followers": _CHANGE,
    "parked_cards": _CHANGE,
    "skipped_facts": _ADD,
    "parked": _CHANGE,
    "control": _CHANGE,
    "due_sent": _CHANGE,
    "published": _CHANGE,
    "leaders": _CHANGE,
    "gateway_pace": "SELECT, UPDATE",
    "inbox": _CHANGE,
    "bindings": _CHANGE,
    "differences": _CHANGE,
    "outbox": _CHANGE,
    "optional_notices": _CHANGE,
    "api_tokens": _CHANGE,
    "receipt_issuers": _ADD,
    "seals": _ADD,
    **OPERATOR_RIGHTS,
    **dict.fromkeys(DIRECTORY, _CHANGE),
    "directory_secret": "SELECT",
    "schema_version": "SELECT",
}
"""Table → rights of the application; every table that `migrate` creates is named."""
_NUMBERED = ((CARD_EVENTS, "notification_id"), ("parked", "parked_id"))
"""Tables whose rows take a number from a sequence."""


def grant_rights(owner: Connection[Any], application_url: str) -> None:
    """Give the role of `application_url` its rights and no others; create it if it is missing.

    May be repeated. Does nothing where it is the owner itself. Raises SchemaError for a role that may do more.
    """
    name = _user_of(application_url)
    if name == owner.info.user:
        return
    with owner.transaction():
        _create_role(owner, name, conninfo_to_dict(application_url).get("password"))
        _refuse_mighty(owner, name)
        role = sql.Identifier(name)
        owner.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        for table, rights in RIGHTS.items():
            names = {"table": sql.Identifier("public", table), "role": role}
            owner.execute(sql.SQL("REVOKE ALL ON {table} FROM {role}").format(**names))
            owner.execute(sql.SQL("GRANT {} ON {table} TO {role}").format(sql.SQL(rights), **names))
        for table, column in _NUMBERED:
            found = owner.execute("SELECT pg_get_serial_sequence(%s, %s)", (f"public.{table}", column)).fetchone()
            if found and found[0]:
                sequence = sql.Identifier(*found[0].split("."))
                owner.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, role))


def _user_of(database_url: str) -> str:
    """The user that a connection string names, or else the one that libpq takes."""
    named = conninfo_to_dict(database_url).get("user")
    defaults = {option.keyword: option.val for option in Conninfo.get_defaults()}
    return str(named or (defaults[b"user"] or b"").decode())


def _create_role(owner: Connection[Any], name: str, password: object) -> None:
    """Create the role if it is missing; only the password's hash leaves this process."""
    if owner.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).rowcount:
        return
    statement = sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name))
    if password:
        secret = owner.pgconn.encrypt_password(str(password).encode(), name.encode(), b"scram-sha-256").decode()
        statement = sql.SQL("{} PASSWORD {}").format(statement, sql.Literal(secret))
    try:
        owner.execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        message = f"there is no role {name}, and {owner.info.user} may not create it"
        raise SchemaError(f"{message}; have an administrator run: CREATE ROLE {name} LOGIN, with a password") from error


def _refuse_mighty(owner: Connection[Any], name: str) -> None:
    row = owner.execute("SELECT pg_has_role(%s, current_user, 'MEMBER')", (name,)).fetchone()
    if row and row[0]:
        message = f"the application's role {name} is a superuser or a member of {owner.info.user}"
        raise SchemaError(f"{message}, so that it could change the log; name another role in DATABASE_URL")
