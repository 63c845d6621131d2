"""What publisher and forwarder share: which facts they may tell, and the transaction that holds their position."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from psycopg import Connection

from engine.envelope import Recorded
from engine.errors import StandstillError, UnknownFactError
from engine.store.log import Read

log = structlog.get_logger()


@contextmanager
def transaction(connection: Connection[Any]) -> Iterator[None]:
    """One transaction around steps in other threads; `connection.transaction()` would be a nested one."""
    connection.execute("BEGIN")
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def tellable(read: Read, role: str) -> tuple[list[Recorded], int]:
    """The facts before the first one of an unknown name, and the position up to which they go.

    A fact that cannot be read for another reason is passed over, and named in the log. Raises StandstillError where
    the unknown one comes first.
    """
    facts: list[Recorded] = []
    for number, row in enumerate(read.rows):
        if isinstance(row, Recorded):
            facts.append(row)
        elif isinstance(row.error, UnknownFactError):
            if number == 0:
                raise StandstillError(
                    f"this program is too old: {row.error}; a newer program records it and knows whether it is "
                    f"public, so nothing is published until this {role} is upgraded"
                )
            return facts, row.position - 1
        else:
            skipped = {"position": row.position, "card_id": str(row.card_id), "error": str(row.error)}
            log.error("role.fact_skipped", role=role, **skipped)
    return facts, read.upto
