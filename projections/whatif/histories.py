"""Real histories, read from the log a few cards at a time, and what a replay keeps of them.

A card's facts before the replay begins make its state; of those after it what people and the outside did is kept, and
what was tried with which answer. The facts themselves are let go of at once, once they are counted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from engine.card import facts as of_cards
from engine.card.card import Card
from engine.card.evolve import replay
from engine.card.facts import CardFact
from engine.card.limits import effects_of
from engine.envelope import Recorded, card_fact
from engine.errors import BaohaoError, CorruptHistoryError
from engine.networks import LimitBook, LimitEffects
from engine.operations import OPERATIONS_ID, ChargingResumed, ChargingStopped, PaymentCardAllowed
from engine.store.log import Unreadable, head, read_rows, read_streams
from projections.whatif.figures import Figures, SoFar
from projections.whatif.given import charge_named, is_given
from projections.whatif.issuer import Shares
from projections.whatif.tried import Tries, tries_of

_CARDS_AT_A_TIME = 100
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


class NothingToReplayError(BaohaoError):
    """No history is there to be replayed; the message says why."""


class Span(NamedTuple):
    """The time that is replayed: from an instant on, up to another."""

    since: datetime
    until: datetime


class History(NamedTuple):
    """A card as a replay begins it: as it was then, and what came to it from outside since."""

    card_id: UUID
    card: Card | None
    """None: it was registered later."""
    so_far: SoFar
    given: tuple[CardFact, ...]
    charged: frozenset[UUID]
    """Charges made before, of those that given facts name."""
    named: frozenset[UUID]
    """All charges that given facts name."""
    lost_unpaid: bool
    """Whether the carrier took the number while the card was not paid: it is taken to leave one that is paid."""


class Given(NamedTuple):
    """What operators did for all cards: from when to when all charging was stopped, and payment cards allowed again."""

    stops: tuple[tuple[datetime, datetime], ...] = ()
    allowed: tuple[PaymentCardAllowed, ...] = ()


NOTHING_GIVEN = Given()


@dataclass
class Past:
    """All that is replayed, and what really happened."""

    span: Span
    happened: Figures
    operators: Given = NOTHING_GIVEN
    histories: list[History] = field(default_factory=list[History])
    tries: dict[UUID, Tries] = field(default_factory=dict[UUID, Tries])
    shares: Shares = field(default_factory=Shares)
    limits: list[LimitEffects] = field(default_factory=list[LimitEffects])
    """What was tried before, as far as network limits still count it."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Cards that cannot be replayed, by the reason."""

    def add(self, card_id: UUID, facts: Sequence[CardFact]) -> None:
        """Take one more card with its history, or count it as left out."""
        facts = [one for one in facts if one.at < self.span.until]
        why = why_left_out(facts)
        if why is not None:
            self.left_out[why] += 1
            return
        since = self.span.since
        before = [one for one in facts if one.at < since]
        after = [one for one in facts if one.at >= since]
        try:
            card = replay(None, card_id, before) if before else None
        except CorruptHistoryError:
            self.left_out["their facts make no card"] += 1
            return
        self._count(card_id, before, after)
        tries = tries_of(facts)
        self.tries[card_id] = tries
        for tried in tries.by_token.values():
            self.shares.add(tried)
        given = tuple(one for one in after if is_given(one))
        named = frozenset(one for fact in given if (one := charge_named(fact)) is not None)
        charged = frozenset(
            one.attempt_id for one in before if isinstance(one, of_cards.ChargeSucceeded) and one.attempt_id in named
        )
        so_far = SoFar()
        Figures(since).take(so_far, before)  # none of them counts
        self.histories.append(History(card_id, card, so_far, given, charged, named, _lost_unpaid(facts)))

    def _count(self, card_id: UUID, before: Sequence[CardFact], after: Sequence[CardFact]) -> None:
        """Count what happened to a card, and keep what limits the first tries of a replay."""
        self.happened.take(SoFar(), [*before, *after])
        effects = effects_of(card_id, tuple(before))
        if effects.tries or effects.outcomes or effects.blocks or effects.delays:
            self.limits.append(effects)
        self.happened.take_tries(effects)
        self.happened.take_tries(effects_of(card_id, tuple(after)))

    def limit_book(self) -> LimitBook:
        """The network limits as they stood when the replay begins."""
        book = LimitBook()
        for effects in self.limits:
            book.write(effects)
        for one in self.operators.allowed:
            if one.at < self.span.since:
                book.write(LimitEffects(OPERATIONS_ID, allowed=(one.fingerprint,)))
        return book


def _lost_unpaid(facts: Iterable[CardFact]) -> bool:
    is_unpaid = False
    for fact in facts:
        match fact:
            case of_cards.GraceStarted() | of_cards.Suspended():
                is_unpaid = True
            case of_cards.CardRenewed():
                is_unpaid = False
            case of_cards.NumberReclaimed(by="carrier"):
                return is_unpaid
            case _:
                pass
    return False


def why_left_out(facts: Sequence[CardFact]) -> str | None:
    """Why a card cannot be replayed; None if it can."""
    if not facts:
        return "registered after the days that are replayed"
    if not isinstance(facts[0], of_cards.CardRegistered):
        return "their facts make no card"
    for fact in facts:
        match fact:
            case of_cards.CaseOpened() | of_cards.NumberConfirmed():
                return "a person looked into them"
            case of_cards.ChargeSucceeded(learned="late" | "resolved") | of_cards.ChargeFailed(learned="resolved"):
                return "an outcome came from a person, or after another"
            case of_cards.ChargeFound() | of_cards.GapClosed():
                return "the log was restored, and lacks facts of them"
            case of_cards.ChargeAttempted(page_until=datetime()):
                return "the holder paid on the provider's page"
            case of_cards.TermUndone():
                return "a paid term was undone"
            case of_cards.RefundFailed() | of_cards.RefundReturned():
                return "a refund failed"
            case _:
                pass
    return None


def span_of_log(connection: Connection[Any], since: datetime | None, until: datetime | None) -> Span:
    """The time to replay, as far as the log goes: by default all of it; raises NothingToReplayError."""
    rows = (*read_rows(connection, 0, 1), *read_rows(connection, head(connection) - 1, 1))
    ends = [one.fact.at for one in rows if isinstance(one, Recorded)]
    if not ends:
        raise NothingToReplayError("the log is empty: there is no history to replay")
    known_until = max(ends) + _SECOND  # what comes later has not happened, and compares with nothing
    span = Span(since or min(ends), min(until or known_until, known_until))
    if span.since >= span.until:
        days = " ".join(
            f"{word} {day:%Y-%m-%d}"
            for word, day in (("from", since), ("to", until and until - _MICROSECOND))
            if day is not None
        )
        raise NothingToReplayError(
            f"nothing is left to replay {days}: the log goes from {min(ends):%Y-%m-%d} to {max(ends):%Y-%m-%d}"
        )
    return span


def cards_of(connection: Connection[Any], plan: str | None, most: int) -> list[UUID]:
    """The first cards by their ids, up to so many: those of the log, or of a plan, as the read model `cards` has it."""
    if plan is None:
        rows = connection.execute(
            "SELECT originator_id FROM card_events WHERE originator_version = 1 AND originator_id <> %s "
            "ORDER BY originator_id LIMIT %s",
            (OPERATIONS_ID, most),
        )
    else:
        rows = connection.execute("SELECT card_id FROM cards WHERE plan = %s ORDER BY card_id LIMIT %s", (plan, most))
    return [card_id for (card_id,) in rows]


def read_past(
    connection: Connection[Any], card_ids: Sequence[UUID], span: Span, progress: Callable[[int, int], None]
) -> Past:
    """The histories of the cards; `progress` is told how many of how many are read."""
    past = Past(span, Figures(span.since), operators_facts(connection, span))
    upto = head(connection)
    for first in range(0, len(card_ids), _CARDS_AT_A_TIME):
        progress(first, len(card_ids))
        some = card_ids[first : first + _CARDS_AT_A_TIME]
        for card_id, rows in _by_card(read_streams(connection, some, upto)):
            facts = [card_fact(one) for one in rows if isinstance(one, Recorded)]
            if rows[-1].version != len(facts):
                past.left_out["a fact of them is missing or cannot be read"] += 1
            else:
                past.add(card_id, facts)
    progress(len(card_ids), len(card_ids))
    return past


def _by_card(rows: Iterable[Recorded | Unreadable]) -> Iterator[tuple[UUID, Sequence[Recorded | Unreadable]]]:
    """The rows of each card together."""
    together: list[Recorded | Unreadable] = []
    for row in rows:
        if together and together[-1].card_id != row.card_id:
            yield together[-1].card_id, together
            together = []
        together.append(row)
    if together:
        yield together[-1].card_id, together


def operators_facts(connection: Connection[Any], span: Span) -> Given:
    """What operators did for all cards."""
    begun: datetime | None = None
    stops: list[tuple[datetime, datetime]] = []
    allowed: list[PaymentCardAllowed] = []
    for row in read_streams(connection, [OPERATIONS_ID], head(connection)):
        match row:
            case Recorded(fact=ChargingStopped(at=at)):
                begun = begun or at
            case Recorded(fact=ChargingResumed(at=at)) if begun is not None:
                stops.append((begun, at))
                begun = None
            case Recorded(fact=PaymentCardAllowed() as fact):
                allowed.append(fact)
            case _:
                pass
    if begun is not None:
        stops.append((begun, span.until))
    return Given(tuple(stops), tuple(allowed))
