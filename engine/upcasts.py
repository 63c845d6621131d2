"""Old shapes of stored facts, read as today's.

What is stored is never rewritten. A changed shape or meaning gets a new version of the stored name; the old one stays
here for ever, with a pure function from its JSON to today's. Such a function contains the old rules that it needs,
since the rules elsewhere may change.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.facts import CardFact

Json = dict[str, Any]
"""A fact as its JSON object."""


class Upcast(NamedTuple):
    """What a stored name is read as today, and how its JSON becomes that of today."""

    kind: type[CardFact]
    change: Callable[[Json], Json]


def charge_failed_v1(fact: Json) -> Json:
    """Version 1 left to the reader whether the attempt happened, counts as a decline, and ends its method."""
    happened = fact["code"] not in ("never_happened", "not_charged")
    ends_method = fact["consequence"] in (
        "fix_details",
        "new_method",
        "holder_present",
        "never",
        "mandate_withdrawn_method",
        "mandate_withdrawn_card",
    )
    counts = happened and fact["consequence"] != "alarm"
    return {**fact, "happened": happened, "counts": counts, "ends_method": ends_method}


def deadlines_moved_v1(fact: Json) -> Json:
    """Durations of a year or more were once stored with their years, of 365 days each."""
    return {**fact, "by": _YEARS.sub(_in_days, fact["by"])}


_YEARS = re.compile(r"^P(\d+)Y(?:(\d+)D)?")


def _in_days(found: re.Match[str]) -> str:
    years, days = (int(part or 0) for part in found.groups())
    return f"P{365 * years + days}D"


UPCASTS: dict[str, Upcast] = {
    "charge_failed.v1": Upcast(ChargeFailed, charge_failed_v1),
    "deadlines_moved.v1": Upcast(DeadlinesMoved, deadlines_moved_v1),
}
"""By stored name; all others need none."""
