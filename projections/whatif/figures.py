"""Figures of one course of things, from facts alone: the same code counts what happened and what is replayed."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from engine.card import facts as of_cards
from engine.card.facts import CardFact
from engine.money import Money
from engine.networks import NETWORK_LIMITS, LimitEffects, NetworkLimit, PaymentCardTry

_RUNGS_NAMED = 7


@dataclass(slots=True)
class SoFar:
    """What later facts of a card are counted by: terms by their numbers, and the last attempt."""

    due: int = -1
    declined: int = -1
    rung: str = ""


class Headroom(NamedTuple):
    """How near payment cards came to a network limit: `least_left` tries of `most` were left to the nearest one."""

    rule: str
    most: int
    payment_cards: int
    """With counted declines."""
    least_left: int
    last_third: int
    """Payment cards of which only the last third was left, kept for last rungs, or less."""
    full: int
    """Payment cards that used all."""


@dataclass(slots=True)
class Figures:
    """Counts of facts from `since` on; money in minor units by currency; by month: what happened in it."""

    since: datetime
    due: int = 0
    """Terms whose renewal opened."""
    renewed: int = 0
    declined: int = 0
    """Terms that met a decline."""
    recovered: int = 0
    """Of them, those that were paid all the same."""
    suspended: int = 0
    lost: int = 0
    switched_off: int = 0
    attempts: int = 0
    declines: int = 0
    withheld: int = 0
    """Tries that a rule forbade: a network limit, or an issuer's advice."""
    cases: int = 0
    """Questions for a person, whom a replay does not have: their cards wait for an answer to its end."""
    recovered_by: Counter[str] = field(default_factory=Counter[str])
    """Recovered terms by what paid: a rung, a pass that the holder caused, the balance."""
    charged: Counter[str] = field(default_factory=Counter[str])
    refunded: Counter[str] = field(default_factory=Counter[str])
    renewed_in: Counter[str] = field(default_factory=Counter[str])
    suspended_in: Counter[str] = field(default_factory=Counter[str])
    lost_in: Counter[str] = field(default_factory=Counter[str])
    _open: dict[UUID, PaymentCardTry] = field(default_factory=dict[UUID, PaymentCardTry])
    _declined: dict[str, list[PaymentCardTry]] = field(default_factory=dict[str, list[PaymentCardTry]])

    def take(self, so_far: SoFar, facts: Iterable[CardFact]) -> None:
        """Count more facts of a card, in their order."""
        for fact in facts:
            self._take(so_far, fact, counts=fact.at >= self.since)

    def _take(self, so_far: SoFar, fact: CardFact, *, counts: bool) -> None:  # noqa: C901, PLR0912 (one row per kind)
        match fact:
            case of_cards.RenewalStarted(term_number=number) if number > so_far.due:
                so_far.due = number
                self.due += counts
            case of_cards.ChargeAttempted():
                so_far.rung = _pass_of(fact)
                self.attempts += counts
            case of_cards.ChargeFailed(counts=True):
                self.declines += counts
                if fact.top_up is None and fact.term_number > so_far.declined:
                    so_far.declined = fact.term_number
                    self.declined += counts
            case of_cards.ChargeWithheld():
                self.withheld += counts
            case of_cards.CaseOpened():
                self.cases += counts
            case of_cards.CardRenewed() if counts:
                self._renewed(so_far, fact)
            case of_cards.Suspended() if counts:
                self.suspended += 1
                self.suspended_in[_month(fact.at)] += 1
            case of_cards.NumberReclaimed() if counts:
                self.lost += 1
                self.lost_in[_month(fact.at)] += 1
            case of_cards.AutoRenewSwitchedOff() if counts:
                self.switched_off += 1
            case of_cards.ChargeSucceeded(amount=Money(minor=minor, currency=currency)) if counts:
                self.charged[currency] += minor
            case of_cards.RefundSucceeded(amount=Money(minor=minor, currency=currency)) if counts:
                self.refunded[currency] += minor
            case of_cards.RefundRecorded(amount=Money(minor=minor, currency=currency)) if counts:
                self.refunded[currency] += minor
            case _:
                pass

    def _renewed(self, so_far: SoFar, fact: of_cards.CardRenewed) -> None:
        self.renewed += 1
        self.renewed_in[_month(fact.at)] += 1
        if so_far.declined == fact.term.number:
            self.recovered += 1
            self.recovered_by["the balance" if fact.attempt_id is None else so_far.rung] += 1

    def take_tries(self, effects: LimitEffects) -> None:
        """Count what an append means for the network limits; also before `since`, as far as it still counts then."""
        for one in effects.tries:
            if one.counts and one.declined_at is not None:
                self._declined.setdefault(one.fingerprint, []).append(one)
            elif one.counts:
                self._open[one.attempt_id] = one
        for attempt_id, declined_at in effects.outcomes.items():
            tried = self._open.pop(attempt_id, None)
            if tried is not None and declined_at is not None:
                self._declined.setdefault(tried.fingerprint, []).append(tried._replace(declined_at=declined_at))

    def headroom(self) -> list[Headroom]:
        """How near payment cards came to each network limit, at most, by a decline since then."""
        return [_headroom(limit, self._declined, self.since) for limit in NETWORK_LIMITS]


def _pass_of(fact: of_cards.ChargeAttempted) -> str:
    """By which pass over the methods a try was made."""
    if fact.reason in ("holder_asked", "new_method", "new_terms"):
        return "the holder"
    return f"rung {fact.rung}" if fact.rung <= _RUNGS_NAMED else "later rungs"


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"


def _headroom(limit: NetworkLimit, declined: Mapping[str, list[PaymentCardTry]], since: datetime) -> Headroom:
    used: list[int] = []
    for tries in declined.values():
        groups: dict[object, list[datetime]] = {}
        for one in tries:
            if one.network == limit.network and one.declined_at is not None:
                groups.setdefault(one.amount if limit.per_amount else None, []).append(one.declined_at)
        most = max((_most_within(sorted(times), limit, since) for times in groups.values()), default=0)
        if most:
            used.append(most)
    left = [max(limit.most - one, 0) for one in used]
    return Headroom(
        limit.name,
        limit.most,
        len(used),
        min(left, default=limit.most),
        sum(one >= limit.most_early for one in used),
        sum(one == 0 for one in left),
    )


def _most_within(times: list[datetime], limit: NetworkLimit, since: datetime) -> int:
    """The most declines in one window that ends since then; what comes before counts within it."""
    counts = (place + 1 - bisect_right(times, time - limit.window) for place, time in enumerate(times) if time >= since)
    return max(counts, default=0)
