"""Calls to the simulated gateway, and what is in its record."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from engine.money import Money
from engine.ports import Charged, ChargeRequest, Unclear

ROOT = Path(__file__).parents[3]
NOON = datetime(2027, 2, 28, 12, tzinfo=UTC)
BUDGET = timedelta(seconds=20)
TIMEOUT = Unclear(reason="timeout")
UNAVAILABLE = Unclear(reason="gateway_unavailable")


def request(name="a", behaviour="good", *, minor=990, currency="EUR", purpose="renewal:1"):
    return ChargeRequest(
        attempt_id=uuid5(NAMESPACE_OID, f"attempt {name}"),
        card_id=uuid5(NAMESPACE_OID, f"card {name}"),
        purpose=purpose,
        token=f"sim:{behaviour}:{name}",
        amount=Money(minor=minor, currency=currency),
        attempted_at=NOON,
    )


def charge(gateway, *requests, at=NOON):
    """The answers, in order, of calls made at the same time; one request has one answer, an error is raised."""

    async def together():
        return await asyncio.gather(*(gateway.charge(r, at) for r in requests), return_exceptions=len(requests) > 1)

    answers = asyncio.run(together())
    return answers if len(requests) > 1 else answers[0]


def look_up(gateway, request, at=NOON):
    return asyncio.run(gateway.look_up(request, at))


def movements(record):
    with closing(sqlite3.connect(record)) as db:
        return db.execute("SELECT key, at FROM movements ORDER BY id").fetchall()


def charged(request):
    digest = blake2b(request.attempt_id.bytes, digest_size=6).hexdigest()
    return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=f"sim_{digest}")
