"""The gateway's own record of money moved, against the facts: nobody is charged unknown to us, nobody twice."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker


def check_record(checker: "Checker", record: Path) -> None:
    """Money moved and given back, by the provider's books."""
    with closing(sqlite3.connect(record)) as db:
        moved = db.execute(_MOVED).fetchall()
        refunds = dict(db.execute("SELECT refund_id, SUM(minor) FROM refunds WHERE arrived GROUP BY refund_id"))
    _check_refunds(checker, set(refunds))
    kept: Counter[tuple[str, str]] = Counter()
    for key, card_id, purpose, minor, refunded in moved:
        one, card = checker.tries.get(key), UUID(card_id)
        if one is None:
            checker.say("lost_fact", card, None, f"the gateway charged {key}, which is not stored")
            continue
        if one.outcome is not None and one.outcome != "charged":
            checker.say("lost_fact", card, None, f"the gateway charged {key}, but it is stored as {one.outcome}")
        if refunded > minor:
            checker.say("refund", card, None, f"{refunded} went back of {minor} that were charged as {key}")
        if not refunded and one.given_back - one.refunding < minor:
            kept[card_id, purpose] += one.outcome is not None
    for (card_id, purpose), times in kept.items():
        if times > 1:
            checker.say("double_charge", UUID(card_id), None, f"the gateway charged {purpose} {times} times")
    charged = {key for key, *_ in moved}
    for key, one in checker.tries.items():
        if one.outcome == "charged" and key not in charged:
            checker.say(
                "outcome", one.card_id, None, f"attempt {key} is stored as charged, the gateway has no such charge"
            )


def _check_refunds(checker: "Checker", arrived: set[str]) -> None:
    for refund_id in sorted(checker.refunded - arrived):
        checker.say("refund", None, None, f"refund {refund_id} is stored as done, the gateway has no such refund")
    for refund_id in sorted(arrived - checker.refunds):
        checker.say("refund", None, None, f"the gateway made refund {refund_id}, which nobody decided")


_MOVED = """
    SELECT m.key, m.card_id, m.purpose, m.minor, COALESCE(SUM(r.minor), 0)
    FROM movements m LEFT JOIN refunds r ON r.movement = m.id AND r.arrived
    GROUP BY m.id ORDER BY m.id
"""
