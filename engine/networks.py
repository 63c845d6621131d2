"""What the card networks allow per payment card, over all cards of all holders.

A payment card is known by its fingerprint; what has none (wallets) has no limit. A try counts from its intent, while it
is open and may still be declined, and from its decline on until the decline has left the window: so no interleaving
of cards can exceed a limit. An approval takes its own try out and resets nothing. The last third of a limit is kept for
last rungs, so that what is tried early takes no other card its last chance. Source: the networks' facts, strictest
reading. PostgreSQL does the same inside the append (store/limits_sql.py), LimitBook in memory.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple
from uuid import UUID

from engine.money import Money

EDITION = "2026-12"
"""The edition of the limits below; raise it with them."""

Network = Literal["mastercard", "other"]


class NetworkLimit(NamedTuple):
    """At most `most` counted tries per fingerprint (`per_amount`: and amount) that are open or declined in `window`."""

    name: str
    network: Network
    window: timedelta
    most: int
    per_amount: bool = False

    @property
    def most_early(self) -> int:
        """How many may count for a try that is no last rung."""
        return self.most - self.most // 3


NETWORK_LIMITS = (
    NetworkLimit("mastercard_24h", "mastercard", timedelta(hours=24), 10),
    NetworkLimit("mastercard_amount_30d", "mastercard", timedelta(days=30), 35, per_amount=True),
    NetworkLimit("retries_30d", "other", timedelta(days=30), 15),
)
NEVER = "never"
"""What blocks a fingerprint for every card, after a code that says so, until an operator allows it again."""
DELAYED = "delayed"
"""What leaves a fingerprint alone for every card, for as long as an issuer's advice said."""
OPEN_FOR = timedelta(minutes=10)
"""When to look again if only open tries are in the way."""
KEPT = timedelta(days=60)
"""Declines, and ends of delays, so old are forgotten when their fingerprint is tried again.

Twice the longest window: so a try of a clock that is ahead by less than a month forgets nothing that still counts.
"""


class PaymentCardTry(NamedTuple):
    """A try of a payment card; `declined_at` is None while it is open."""

    attempt_id: UUID
    fingerprint: str
    network: Network
    amount: Money
    at: datetime
    counts: bool
    """Mastercard counts every try that may be declined, the others only those that follow a decline."""
    declined_at: datetime | None = None
    last_rung: bool = False
    """No rung comes after it before the number is lost."""


class LimitEffects(NamedTuple):
    """What one append changes in the limits: outcomes of earlier tries and blocks take effect before its tries."""

    card_id: UUID
    tries: tuple[PaymentCardTry, ...] = ()
    outcomes: Mapping[UUID, datetime | None] = MappingProxyType({})
    """By attempt, when it was declined; None: it does not count any more (approved, or it uses up nothing)."""
    blocks: tuple[str, ...] = ()
    """Fingerprints that may never be tried again."""
    delays: Mapping[str, datetime] = MappingProxyType({})
    """Fingerprints to be left alone, each until when."""
    allowed: tuple[str, ...] = ()
    """Fingerprints that may be tried again, whatever blocked or delayed them."""


class Limited(NamedTuple):
    """Why an append was not stored: a limit's name, NEVER or DELAYED; and when the try may be made (None: never)."""

    rule: str
    until: datetime | None
    open_only: bool = False
    """Declines alone leave room: it is full of tries whose outcome nobody knows yet, which is our own trouble."""


def decline_reported(one: PaymentCardTry, declined_at: datetime) -> PaymentCardTry:
    """The declined try; a decline that is reported twice counts from the first report on."""
    return one if one.declined_at is not None else one._replace(declined_at=declined_at)


class LimitBook:
    """The limits in memory: checks and writes in one step what PostgreSQL keeps in its tables."""

    def __init__(self) -> None:
        self.blocked: set[str] = set()
        self.delayed: dict[str, datetime] = {}
        self._tries: defaultdict[str, dict[UUID, PaymentCardTry]] = defaultdict(dict)
        self._fingerprints: dict[UUID, str] = {}

    @property
    def tries(self) -> list[PaymentCardTry]:
        """The tries that are kept because they count."""
        return [one for tries in self._tries.values() for one in tries.values()]

    def append(self, effects: LimitEffects) -> Limited | None:
        """Check and write the effects of an append; returns the limit that forbids it, and then writes nothing."""
        for wanted in effects.tries:
            limited = self._limited(wanted, effects) if wanted.declined_at is None else None
            if limited is not None:
                return limited
        self.write(effects)
        return None

    def write(self, effects: LimitEffects) -> None:
        """Write the effects of an append that is stored already."""
        for attempt_id, declined_at in effects.outcomes.items():
            self._settle(attempt_id, declined_at)
        self.blocked.update(effects.blocks)
        for fingerprint, until in effects.delays.items():
            self.delayed[fingerprint] = max(until, self.delayed.get(fingerprint, until))
        for fingerprint in effects.allowed:
            self.blocked.discard(fingerprint)
            self.delayed.pop(fingerprint, None)
        for one in effects.tries:
            if one.counts:
                self._forget_old(one)
            if (one.counts or one.declined_at is None) and self._delay_is_old(one):
                del self.delayed[one.fingerprint]
        for one in effects.tries:
            if one.counts and one.attempt_id not in self._fingerprints:
                self._fingerprints[one.attempt_id] = one.fingerprint
                self._tries[one.fingerprint][one.attempt_id] = one

    def _settle(self, attempt_id: UUID, declined_at: datetime | None) -> None:
        fingerprint = self._fingerprints.get(attempt_id)
        if fingerprint is None:
            return
        tries = self._tries[fingerprint]
        if declined_at is None:
            del tries[attempt_id], self._fingerprints[attempt_id]
        else:
            tries[attempt_id] = decline_reported(tries[attempt_id], declined_at)

    def _delay_is_old(self, one: PaymentCardTry) -> bool:
        until = self.delayed.get(one.fingerprint)
        return until is not None and until <= one.at - KEPT

    def _forget_old(self, one: PaymentCardTry) -> None:
        tries = self._tries[one.fingerprint]
        for attempt_id, old in list(tries.items()):
            if old.declined_at is not None and old.declined_at <= one.at - KEPT:
                del tries[attempt_id], self._fingerprints[attempt_id]

    def _limited(self, wanted: PaymentCardTry, effects: LimitEffects) -> Limited | None:
        if wanted.fingerprint in self.blocked or wanted.fingerprint in effects.blocks:
            return Limited(NEVER, None)
        broken = self._delays(wanted, effects)
        if wanted.counts:
            counted = self._counted(wanted.fingerprint, effects)
            limits = (limit for limit in NETWORK_LIMITS if limit.network == wanted.network)
            broken += [one for limit in limits if (one := _broken(limit, wanted, counted)) is not None]
        return max(broken, key=lambda one: (not one.open_only, one.until, one.rule), default=None)

    def _delays(self, wanted: PaymentCardTry, effects: LimitEffects) -> list[Limited]:
        known = self.delayed.get(wanted.fingerprint), effects.delays.get(wanted.fingerprint)
        return [Limited(DELAYED, until) for until in known if until is not None and until > wanted.at]

    def _counted(self, fingerprint: str, effects: LimitEffects) -> list[PaymentCardTry]:
        """The tries of a payment card as they were if the append were written."""
        counted = [one for one in effects.tries if one.fingerprint == fingerprint and one.counts]
        for one in self._tries[fingerprint].values():
            declined_at = effects.outcomes.get(one.attempt_id, _UNCHANGED)
            if declined_at is not None:
                counted.append(one if declined_at is _UNCHANGED else decline_reported(one, declined_at))
        return counted


_UNCHANGED = datetime.max.replace(tzinfo=UTC)  # stands for "the append has no outcome of this try"


def _broken(limit: NetworkLimit, wanted: PaymentCardTry, counted: Iterable[PaymentCardTry]) -> Limited | None:
    """The limit, if `wanted`, itself among `counted`, does not fit; and when it does."""
    since = wanted.at - limit.window
    in_window = [
        one.declined_at
        for one in counted
        if (one.declined_at is None or one.declined_at > since)
        and (not limit.per_amount or one.amount == wanted.amount)
    ]
    most = limit.most if wanted.last_rung else limit.most_early
    too_many = len(in_window) - most
    if too_many <= 0:
        return None
    declines = sorted(declined_at for declined_at in in_window if declined_at is not None)
    open_only = len(declines) < most
    waits_for_declines = not open_only and too_many <= len(declines)
    until = declines[too_many - 1] + limit.window if waits_for_declines else wanted.at + OPEN_FOR
    return Limited(limit.name, until, open_only)
