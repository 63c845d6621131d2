"""What a follower may take of the facts that it has read: those before one that only a newer program knows."""

import structlog

from engine.envelope import Recorded
from engine.errors import StandstillError, UnknownFactError
from engine.store.log import Read

log = structlog.get_logger()


def known_facts(read: Read, role: str, what_waits: str) -> tuple[list[Recorded], int]:
    """The facts before the first one of an unknown name, and the position up to which they go.

    A fact that cannot be read for another reason is passed over, and named in the log. Raises StandstillError where
    the unknown one comes first; `what_waits` ends its sentence.
    """
    facts: list[Recorded] = []
    for number, row in enumerate(read.rows):
        if isinstance(row, Recorded):
            facts.append(row)
        elif isinstance(row.error, UnknownFactError):
            if number == 0:
                message = f"this program is too old: {row.error}; a newer program records it"
                raise StandstillError(f"{message} and {what_waits} until this {role} is upgraded")
            return facts, row.position - 1
        else:
            skipped = {"position": row.position, "card_id": str(row.card_id), "error": str(row.error)}
            log.error("role.fact_skipped", role=role, **skipped)
    return facts, read.upto
