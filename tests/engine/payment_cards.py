"""Tries of payment cards and their outcomes, as facts and as appends, and the rows of the tables."""

from datetime import timedelta
from uuid import uuid4

from msgspec.structs import replace

from engine.actor import actor
from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.evolve import replay
from engine.card.payments import ChargeSucceeded
from engine.declines import Consequence
from engine.money import Money
from engine.store.streams import Append, Stream
from tests.engine.samples import MONTH_PRICE, OPENS_AT, PAYING, attempted, failed, succeeded

AT = OPENS_AT
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TICK = timedelta(microseconds=1)
YEAR_PRICE = Money(minor=15000, currency="CNY")
CARD = replay(None, uuid4(), PAYING)


def tries(
    at=AT, fingerprint="fp", brand="mastercard", amount=MONTH_PRICE, *, again=False, last_rung=True
) -> ChargeAttempted:
    """A try that may use all of a limit, as a last rung may, unless it says otherwise."""
    of_card = {"fingerprint": fingerprint, "brand": brand, "follows_decline": again, "last_rung": last_rung}
    return replace(attempted(at=at, amount=amount), attempt_id=uuid4(), **of_card)


def declined(attempt, at=None, code="do_not_honor", consequence=Consequence.RETRY) -> ChargeFailed:
    of_attempt = {"attempt_id": attempt.attempt_id, "fingerprint": attempt.fingerprint}
    return replace(failed(at=at or attempt.at, code=code), **(of_attempt | {"consequence": consequence}))


def approved(attempt) -> ChargeSucceeded:
    return replace(succeeded(at=attempt.at), attempt_id=attempt.attempt_id)


def append(*facts, stream=None, command=None) -> Append:
    return Append(
        stream or Stream(uuid4(), None, 0, None), facts, CARD, None, "cause", actor("system", "tests"), command
    )


TABLES = ("card_events", "card_events_snapshots", "card_events_tries", "card_events_blocked", "card_events_commands")


def limit_rows(connection) -> tuple[set, set]:
    rows = connection.execute(
        "SELECT attempt_id, fingerprint, amount, nullif(declined_at, 'infinity') FROM card_events_tries"
    ).fetchall()
    blocked = "SELECT fingerprint, nullif(until, 'infinity') FROM card_events_blocked"
    return set(rows), set(connection.execute(blocked).fetchall())


def contents(connection) -> dict[str, list]:
    return {name: connection.execute(f"SELECT t::text FROM {name} t ORDER BY 1").fetchall() for name in TABLES}
