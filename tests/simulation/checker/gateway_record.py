"""The gateway's own record of money moved, compared with the facts: each charge is known, and none is made twice."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from uuid import UUID

from tests.simulation.checker.findings import Findings

_MOVEMENTS = """
    SELECT m.key, m.card_id, m.purpose, m.minor, COALESCE(SUM(r.minor), 0)
    FROM movements m LEFT JOIN refunds r ON r.movement = m.id AND r.arrived
    GROUP BY m.id ORDER BY m.id
"""


def check_record(findings: Findings, record: Path) -> None:
    """Compare charges and refunds with the SQLite file of the gateway."""
    with closing(sqlite3.connect(record)) as db:
        movements = db.execute(_MOVEMENTS).fetchall()
        refunds = dict(db.execute("SELECT refund_id, SUM(minor) FROM refunds WHERE arrived GROUP BY refund_id"))
    _check_refunds(findings, set(refunds))
    _check_charges(findings, movements)
    recorded = {key for key, *_ in movements}
    for key, attempt in findings.attempts.items():
        if attempt.outcome == "charged" and key not in recorded:
            sentence = f"attempt {key} is stored as charged, but the gateway has no such charge"
            findings.violation("outcome", attempt.card_id, sentence)


def _check_charges(findings: Findings, movements: list[tuple[str, str, str, int, int]]) -> None:
    kept: Counter[tuple[str, str]] = Counter()
    for key, card_id, purpose, minor, refunded in movements:
        attempt, card = findings.attempts.get(key), UUID(card_id)
        if attempt is None:
            findings.violation("lost_fact", card, f"the gateway charged {key}, which is not stored")
            continue
        if attempt.outcome is not None and attempt.outcome != "charged":
            findings.violation("lost_fact", card, f"the gateway charged {key}, but it is stored as {attempt.outcome}")
        if refunded > minor:
            findings.violation("refund", card, f"{refunded} went back of {minor} that were charged as {key}")
        if not refunded and not attempt.is_undone and attempt.given_back - attempt.refunding + attempt.disputed < minor:
            kept[card_id, purpose] += attempt.outcome is not None
    for (card_id, purpose), times in kept.items():
        if times > 1:
            findings.violation("double_charge", UUID(card_id), f"the gateway charged {purpose} {times} times")


def _check_refunds(findings: Findings, made: set[str]) -> None:
    for refund_id in sorted(findings.refunds_succeeded - made):
        findings.violation("refund", None, f"refund {refund_id} is stored as done, but the gateway has no such refund")
    for refund_id in sorted(made - findings.refunds_started.keys()):
        findings.violation("refund", None, f"the gateway made refund {refund_id}, which was never decided")
