"""Whether the promises held, from outside: the gateway's record, the table of facts, the public stream.

It imports nothing of the engine and reads by plain SQL. Each fact also goes through the simulation's checker, which
keeps its own model of each card.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tests.faults.stranger import MARK
from tests.faults.stream import SUBJECT, Message
from tests.simulation.checker import Checker

_RENAMED = {
    "charge_failed.v2": "charge_failed.v1",
    "grace_started.v1": "card_grace_started.v1",
    "suspended.v1": "card_suspended.v1",
    "reinstated.v1": "card_reinstated.v1",
    "number_reclaimed.v1": "card_reclaimed.v1",
    "refund_succeeded.v1": "charge_refunded.v1",
    "refund_recorded.v1": "charge_refunded.v1",
    "dispute_recorded.v1": "charge_disputed.v1",
}
_AS_STORED = """
    card_registered holder_changed zone_changed card_held card_released card_closed deadlines_moved number_confirmed
    auto_renew_enabled auto_renew_switched_off period_changed price_change_announced
    payment_method_bound payment_method_updated payment_method_removed
    renewal_started card_renewed term_undone reminder_due
    charge_attempted charge_withheld charge_succeeded charge_outcome_unknown charge_pending case_opened
    auto_top_up_set auto_top_up_stopped top_up_started top_up_failed
    balance_credited balance_debited balance_paid_out refund_started refund_failed refund_returned dispute_won
"""
PUBLIC = {f"{name}.v1": f"{name}.v1" for name in _AS_STORED.split()} | _RENAMED
"""Stored names of the facts that others are told, and the type under which they are."""
_OUTCOMES = {"charge_succeeded.v1": "charged", "charge_failed.v2": "failed"}
_INTENTS = ("charge_attempted.v1", "charge_found.v1")
_SAID = ("id", "position", "subject", "cardversion", "type")
_EPOCH = "baohao.epoch_started.v1"
_FACTS = "SELECT notification_id, originator_id, originator_version, topic, state FROM card_events ORDER BY 1"
_MOVEMENTS = """
    SELECT m.key, m.card_id, m.purpose, m.currency, m.minor, r.refund_id, r.minor
    FROM movements m LEFT JOIN refunds r ON r.movement = m.id AND r.arrived ORDER BY m.id
"""


class Fact(NamedTuple):
    """A row of the table of facts."""

    position: int
    card_id: UUID
    version: int
    topic: str
    state: bytes
    stored: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """The fact itself, without its envelope."""
        return self.stored["fact"]

    @property
    def where(self) -> str:
        """For people."""
        return f"card {self.card_id}, fact {self.version} ({self.topic}) at position {self.position}"


@dataclass(frozen=True)
class Evidence:
    """What is compared."""

    seed: int
    record: Path
    facts: Sequence[Fact]
    messages: Sequence[Message]
    notices: Mapping[int, str]
    """What holders are told of a fact, as JSON, by its position."""
    minimum_charges: Mapping[str, int]
    now: datetime
    restored: bool = False
    """Whether the log lost facts and found charges again, of which the model of a card knows nothing."""

    def violations(self) -> list[str]:
        """Every broken promise as a sentence."""
        found = [*self._money(), *self._published(), *self._asleep()]
        found += () if self.restored else self._by_the_model()
        return [f"seed {self.seed}: {one}" for one in found]

    def _money(self) -> Iterator[str]:
        with closing(sqlite3.connect(self.record)) as db:
            movements = db.execute(_MOVEMENTS).fetchall()
        outcomes = {one.body["attempt_id"]: one for one in self.facts if one.topic in _OUTCOMES}
        charged = {key: one for key, one in outcomes.items() if one.topic == "charge_succeeded.v1"}
        attempts = {one.body["attempt_id"]: one for one in self.facts if one.topic in _INTENTS}
        refunds = {one.body["refund_id"] for one in self.facts if one.topic == "refund_succeeded.v1"}
        kept: Counter[tuple[str, str]] = Counter()
        moved: Counter[str] = Counter()
        for key, card_id, purpose, currency, minor, refund_id, back in movements:
            kept[card_id, purpose] += refund_id is None
            moved[currency] += (minor if key in outcomes else 0) - (back or 0)
            if key not in attempts:
                yield f"the gateway charged {key} of card {card_id}, which was never decided"
            elif key in outcomes and key not in charged:
                yield f"the gateway charged {key}, but it is stored as failed: {outcomes[key].where}"
            if refund_id is not None and refund_id not in refunds:
                yield f"the gateway made refund {refund_id} of {key}, of which no fact says that it is done"
        for (card_id, purpose), times in kept.items():
            if times > 1:
                yield f"card {card_id} was charged {times} times for {purpose}"
        yield from _not_moved(charged, {row[0]: row for row in movements}, refunds, {row[5] for row in movements})
        stored = _totals(self.facts)
        if +moved != +stored:
            yield f"the gateway has {dict(moved)}, the facts say {dict(stored)}"

    def _published(self) -> Iterator[str]:
        """Each public fact is on the stream once, in the order of the log, and nothing else of ours is."""
        public = [one for one in self.facts if _is_public(one)]
        ours = still_said(self.messages)
        times = Counter(one.headers["ce-id"] for one in ours)
        known = {one.stored["event_id"]: one for one in public}
        for event_id, one in known.items():
            if times[event_id] != 1:
                yield f"{one.where} was published {times[event_id]} times"
        for message in ours:
            event_id, position, card_id, version, kind = (message.headers[f"ce-{name}"] for name in _SAID)
            fact = known.get(event_id)
            if fact is None:
                yield f"message {event_id} ({kind}) is about no public fact"
                continue
            told = (int(position), card_id, int(version), kind, message.subject)
            named = PUBLIC[fact.topic]
            subject = f"{SUBJECT}.card.{fact.card_id}.{named.removesuffix('.v1')}"
            if told != (fact.position, str(fact.card_id), fact.version, f"baohao.{named}", subject):
                yield f"message {event_id} says {told}, but is about {fact.where}"
        if [_position(one) for one in ours] != sorted(map(_position, ours)):
            yield "public messages are not in the order of the log"

    def _asleep(self) -> Iterator[str]:
        """At rest no card has a time in the past at which it should have been woken."""
        last = {one.card_id: one for one in self.facts}
        for one in last.values():
            wake_at = one.stored["wake_at"]
            if wake_at is not None and datetime.fromisoformat(wake_at) <= self.now:
                yield f"{one.where} wakes at {wake_at}, and it is {self.now.isoformat()}"

    def _by_the_model(self) -> Iterator[str]:
        checker = Checker(self.seed, self.minimum_charges)
        for number, one in enumerate(self.facts, 1):  # positions of appends that were taken back are missing
            checker.row(number, one.card_id, one.version, one.topic, one.state)
            if one.position in self.notices:
                checker.notice(self.notices[one.position])
        checker.finish(self.record, self.now)
        yield from (f"{one.kind}: {one.sentence}" for one in checker.violations)


def still_said(messages: Sequence[Message]) -> list[Message]:
    """What readers hold for true: our messages, without what a later epoch of the stream has taken back."""
    kept: list[tuple[int, Message]] = []
    for one in messages:
        if MARK in one.headers:
            continue
        if one.headers["ce-type"] == _EPOCH:
            kept = [(position, other) for position, other in kept if position <= _position(one)]
        else:
            kept.append((_position(one), one))
    return [one for _, one in kept]


def facts_of(connection: psycopg.Connection[Any]) -> list[Fact]:
    """The whole table of facts in order."""
    return [Fact(*row, stored=json.loads(row[4])) for row in connection.execute(_FACTS)]


def public_facts(facts: Sequence[Fact]) -> int:
    """How many messages the stream should hold."""
    return sum(map(_is_public, facts))


def _is_public(fact: Fact) -> bool:
    """A refund of which a person found that nothing went back is told to nobody."""
    return fact.topic in PUBLIC and not (fact.topic == "refund_recorded.v1" and not fact.body["amount"]["minor"])


def _position(message: Message) -> int:
    return int(message.headers["ce-position"])


def _not_moved(
    charged: Mapping[str, Fact], moved: Mapping[str, Any], refunds: set[str], refunded: set[str | None]
) -> Iterator[str]:
    for key, one in charged.items():
        amount = one.body["amount"]
        if key not in moved:
            yield f"{one.where} says that {key} was charged, but the gateway has no such charge"
        elif (amount["currency"], amount["minor"]) != tuple(moved[key][3:5]):
            yield f"{one.where} says {amount}, the gateway {moved[key][3:5]}"
    for refund_id in sorted(refunds - refunded):
        yield f"refund {refund_id} is stored as done, but the gateway has no such refund"


def _totals(facts: Sequence[Fact]) -> Counter[str]:
    """What was charged and not refunded by currency, as the facts say."""
    totals: defaultdict[str, int] = defaultdict(int)
    for one in facts:
        sign = {"charge_succeeded.v1": 1, "refund_succeeded.v1": -1}.get(one.topic, 0)
        if sign:
            totals[one.body["amount"]["currency"]] += sign * one.body["amount"]["minor"]
    return Counter(totals)
