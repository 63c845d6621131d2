"""The follower of the outbox: facts of the log become notices to send, each once, with the position they go up to."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args
from uuid import UUID

import structlog
from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import tuple_row

from adapters.known_facts import known_facts
from adapters.notices.kinds import kind_of
from adapters.notices.outbox import NewNotice, put_notices
from engine.card.custody import CardRegistered, HolderChanged
from engine.card.refunds import RefundRecorded
from engine.envelope import Fact, Recorded, names_of, read_fact
from engine.errors import CorruptHistoryError
from engine.notices import NOTICE_FACTS, Notice, notice_of
from engine.store.log import read_others
from projections.follow import lock_position, save_position

log = structlog.get_logger()

FOLLOWER = "notices"
TAKEN_OVER_WITHIN = timedelta(days=1)
"""What an operator records of a card so soon after registering it, its holder had agreed to elsewhere."""
_OF_TAKING_OVER = frozenset({"switched_on", "method_bound", "method_updated", "auto_top_up_set"})
_WITHOUT_NOTICE = sorted({name for kind in get_args(Fact) for name in names_of(kind)} - NOTICE_FACTS)


class Followed(NamedTuple):
    """What one step did: how many notices it added, up to which position, and whether there may be more."""

    added: int
    position: int
    more: bool


def follow_notices(connection: Connection[Any], now: datetime, limit: int) -> Followed:
    """One step: up to `limit` facts after the position become notices, all or nothing.

    `now` is business time: a notice that is no news any more by then is left out. Raises StandstillError at a fact that
    only a newer program knows, after the facts before it were followed.
    """
    with connection.transaction():
        position = lock_position(connection, FOLLOWER)
        read = read_others(connection, _WITHOUT_NOTICE, position, limit)
        facts, upto = known_facts(read, "notifier", "knows whether holders are told of it, so no notice is made")
        added = put_notices(connection, _new(connection, facts, now))
        if upto > position:
            save_position(connection, FOLLOWER, upto)
    return Followed(added, upto, len(read.rows) == limit or upto < read.upto)


def _new(connection: Connection[Any], facts: Sequence[Recorded], now: datetime) -> list[NewNotice]:
    """The notices of facts that are still news, by each channel that their kind takes."""
    fresh: list[tuple[Recorded, Notice]] = []
    for fact in facts:
        notice = _notice_of(fact)
        if notice is not None and notice.at + kind_of(notice.kind).news_for > now:
            fresh.append((fact, notice))
    card_ids = {notice.card_id for _, notice in fresh}
    registered, changes = _registered(connection, card_ids), _holders(connection, card_ids)
    new: list[NewNotice] = []
    for fact, notice in fresh:
        began = registered.get(notice.card_id)
        if began is None or not _is_of_taking_over(fact, notice, began):
            before = [one for version, one in changes.get(notice.card_id, ()) if version < fact.version]
            new += _by_channel(notice, before[-1] if before else None, fact.cause)
    return new


def _notice_of(fact: Recorded) -> Notice | None:
    """The notice of a fact; that of a refund which our support made by hand says so."""
    notice = notice_of(fact)
    if notice is None or not isinstance(fact.fact, RefundRecorded):
        return notice
    return replace(notice, values={**notice.values, "by": "support"})


def _by_channel(notice: Notice, holder_id: str | None, correlation_id: str) -> list[NewNotice]:
    kind = kind_of(notice.kind)
    return [
        NewNotice(
            notice.key,
            channel,
            holder_id,
            notice.card_id,
            notice.kind,
            notice.at,
            notice.values,
            notice.at + kind.news_for,
            correlation_id,
        )
        for channel in (("email", "sms") if kind.also_sms else ("email",))
    ]


def _is_of_taking_over(fact: Recorded, notice: Notice, began: Recorded) -> bool:
    """Whether it belongs to an import: the holder learns nothing new by it."""
    by_operators = fact.actor.startswith("operator:") and began.actor.startswith("operator:")
    return by_operators and notice.kind in _OF_TAKING_OVER and notice.at - began.fact.at < TAKEN_OVER_WITHIN


def _holders(connection: Connection[Any], card_ids: set[UUID]) -> Mapping[UUID, Sequence[tuple[int, str]]]:
    """Of each card, from which version on it had which holder, oldest first.

    A fact concerns the holder before it: that a card went to another one, its holder until then learns.
    """
    found: dict[UUID, list[tuple[int, str]]] = {}
    if not card_ids:
        return found
    names = [name for kind in (CardRegistered, HolderChanged) for name in names_of(kind)]
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id = ANY (%b) AND topic = ANY (%b) ORDER BY originator_id, originator_version
            """,
            (list(card_ids), names),
        )
        for card_id, version, topic, state in cursor:
            try:
                fact = read_fact(0, card_id, version, topic, state).fact
            except CorruptHistoryError:  # the sender says so: it loads the whole card
                continue
            if isinstance(fact, CardRegistered | HolderChanged):
                found.setdefault(card_id, []).append((version, fact.holder_id))
    return found


def _registered(connection: Connection[Any], card_ids: set[UUID]) -> Mapping[UUID, Recorded]:
    """The first fact of each card."""
    if not card_ids:
        return {}
    found: dict[UUID, Recorded] = {}
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            """
            SELECT originator_id, originator_version, topic, state FROM card_events
            WHERE originator_id = ANY (%b) AND originator_version = 1
            """,
            (list(card_ids),),
        )
        for card_id, version, topic, state in cursor:
            try:
                found[card_id] = read_fact(0, card_id, version, topic, state)
            except CorruptHistoryError:  # the sender says so: it loads the whole card
                continue
    return found
