"""Gateway codes and what may be done next; the table is declines.csv (see its `why` column)."""

import csv
from enum import StrEnum
from importlib import resources


class Consequence(StrEnum):
    """What a decline code allows us to do next."""

    RETRY = "retry"
    RETRY_SOON = "retry_soon"
    RETRY_AFTER_24H = "retry_after_24h"
    FIX_DETAILS = "fix_details"
    NEW_METHOD = "new_method"
    HOLDER_PRESENT = "holder_present"
    NEVER = "never"
    MANDATE_WITHDRAWN_METHOD = "mandate_withdrawn_method"
    MANDATE_WITHDRAWN_CARD = "mandate_withdrawn_card"
    ALARM = "alarm"
    RECONCILE = "reconcile"


NEVER_HAPPENED = "never_happened"
"""Our own code for an attempt that the gateway's complete list does not have; it uses up nothing."""

METHOD_ENDS = frozenset(
    {
        Consequence.FIX_DETAILS,
        Consequence.NEW_METHOD,
        Consequence.NEVER,
        Consequence.MANDATE_WITHDRAWN_METHOD,
        Consequence.MANDATE_WITHDRAWN_CARD,
    }
)
"""After these the method is not tried again before the holder changes something."""


def _read_table() -> dict[str, Consequence]:
    text = (resources.files("engine") / "declines.csv").read_text("utf-8")
    return {row["code"]: Consequence(row["next"]) for row in csv.DictReader(text.splitlines())}


CONSEQUENCES = _read_table()


def consequence_of(code: str) -> Consequence:
    """What may be done after `code`; a code nobody knows is retried as generic (networks: order of authority)."""
    return CONSEQUENCES.get(code, Consequence.RETRY)
