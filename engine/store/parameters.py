"""A batch of writes as the parameters of the SQL function that appends it.

Facts and snapshots go as arrays of columns: for 768 facts arrays of composites take twice as long, JSON thrice. The
rest goes as one JSON value whose objects have the fields of the composite types in recorder_sql.py and limits_sql.py.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from msgspec import Struct, json

from engine.money import Money
from engine.networks import KEPT, NETWORK_LIMITS, OPEN_FOR, LimitEffects, PaymentCardTry
from engine.store.port import StoredFact, Write


class _Stream(Struct, omit_defaults=True, gc=False):
    card: UUID
    first_version: int
    after: UUID | None = None
    facts: int | None = None
    """Kept with the command."""
    command_id: str | None = None
    body_hash: bytes | None = None
    """In JSON as base64."""
    snapshot_version: int | None = None
    state_version: int | None = None


class _Try(Struct, omit_defaults=True, gc=False):
    card: UUID
    fingerprint: str
    attempt: UUID | None = None
    network: str | None = None
    """None: it does not count and is checked against blocks and delays only."""
    amount: str | None = None
    at: datetime | None = None
    declined: datetime | None = None
    last_rung: bool = False


class _Outcome(Struct, omit_defaults=True, gc=False):
    card: UUID
    attempt: UUID
    declined: datetime | None = None


class _Block(Struct, omit_defaults=True, gc=False):
    card: UUID
    fingerprint: str
    until: datetime | None = None
    allowed: bool | None = None


class _Writes(Struct, omit_defaults=True):
    streams: list[_Stream]
    tries: list[_Try]
    outcomes: list[_Outcome]
    blocks: list[_Block]
    incarnation: str | None = None


_encode = json.Encoder().encode


def append_parameters(
    writes: Sequence[Write], recorded_at: datetime | None, incarnation: str | None
) -> tuple[Any, ...]:
    """The parameters in the order of the statement APPEND."""
    effects = [write.limit_effects for write in writes if write.limit_effects is not None]
    described = _Writes(
        [_stream(write) for write in writes],
        [_try(each.card_id, one) for each in effects for one in each.tries if one.counts or one.declined_at is None],
        [_Outcome(each.card_id, *outcome) for each in effects for outcome in each.outcomes.items()],
        [block for each in effects if each.blocks or each.delays or each.allowed for block in _blocks(each)],
        incarnation,
    )
    facts = list(chain.from_iterable(write.facts for write in writes))
    return *fact_columns(facts), _snapshots(writes), _encode(described).decode(), recorded_at


def fact_columns(facts: Sequence[StoredFact]) -> tuple[list[UUID], list[int], list[str], list[bytes]]:
    """Stored facts as four columns."""
    return (
        [fact.card_id for fact in facts],
        [fact.version for fact in facts],
        [fact.topic for fact in facts],
        [fact.state for fact in facts],
    )


def amount_key(amount: Money) -> str:
    """An amount as the table of tries keeps it."""
    return f"{amount.currency} {amount.minor}"


def _snapshots(writes: Sequence[Write]) -> list[bytes | None]:
    states = [None if write.snapshot is None else write.snapshot.state for write in writes]
    return states if any(state is not None for state in states) else []


def _stream(write: Write) -> _Stream:
    stream = _Stream(write.card_id, write.first_version, write.after)
    if write.command is not None:
        stream.facts = len(write.facts)
        stream.command_id, stream.body_hash = write.command
    if write.snapshot is not None:
        stream.snapshot_version, stream.state_version = write.snapshot.version, write.snapshot.state_version
    return stream


def _try(card_id: UUID, one: PaymentCardTry) -> _Try:
    if not one.counts:
        return _Try(card_id, one.fingerprint, at=one.at)
    about = one.attempt_id, one.network, amount_key(one.amount), one.at, one.declined_at, one.last_rung
    return _Try(card_id, one.fingerprint, *about)


def _blocks(effects: LimitEffects) -> list[_Block]:
    return [
        *(_Block(effects.card_id, fingerprint) for fingerprint in effects.blocks),
        *(_Block(effects.card_id, fingerprint, until) for fingerprint, until in effects.delays.items()),
        *(_Block(effects.card_id, fingerprint, allowed=True) for fingerprint in effects.allowed),
    ]


def _interval(duration: timedelta) -> str:
    return f"{duration.total_seconds()} seconds"


LIMITS = json.encode(
    {
        "rules": [
            limit._asdict() | {"window": _interval(limit.window), "most_early": limit.most_early}
            for limit in NETWORK_LIMITS
        ],
        "open_for": _interval(OPEN_FOR),
        "kept": _interval(KEPT),
    }
).decode()
"""The limits of networks.py as the SQL functions read them."""
