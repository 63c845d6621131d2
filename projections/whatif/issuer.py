"""What issuers would have said: as they did at about that time, and by chance, seeded, where the past is silent.

In this order, for a charge of one card's payment token at an instant:

1. *recorded*: a charge that was really tried up to TOLERANCE away got this answer; of several the very same try, by
   its number for the term, or else one of the same sort (for a term, a top-up), or else the nearest one. For how long,
   or for how many questions, that was unknown is repeated. The amount may differ: an answer is taken not to depend on
   it;
2. *recorded* too: the last real answer before it ended the token (a "never", an expired card), and nobody renewed the
   token since;
3. *inferred*: a first try for a term gets the answer to the nearest real first try, up to FIRST_NEAR away; a later one
   that of the real tries before and after it, if they had the same and one of them is up to NEAR away;
4. *sampled*: if these two had different answers, and the one before is up to NEAR away, one of the two is drawn, the
   nearer in time the likelier; else one is drawn from all that were really given to tries of the same kind: what they
   follow, the days since the first decline, the kind of method. A kind with fewer than SAMPLE_LEAST tries is widened:
   first by all methods, then by all days, then to all first tries or all others. The same seed, token, purpose and day
   draw the same.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Literal
from uuid import UUID

from engine.card.methods import MethodKind
from engine.declines import NO_CHARGE_MADE, Consequence
from engine.ports import Answer as GatewayAnswer
from engine.ports import Charged, ChargeRequest, Declined, Pending, Unclear
from projections.whatif.tried import FIRST, PAID, Answer, Declines, Kind, Tried, Tries

TOLERANCE = timedelta(hours=12)
NEAR = timedelta(days=7)
FIRST_NEAR = timedelta(days=15)
SAMPLE_LEAST = 20

Source = Literal["recorded", "inferred", "sampled"]
SOURCES: tuple[Source, ...] = ("recorded", "inferred", "sampled")
_ENDING = frozenset(
    {
        Consequence.NEVER,
        Consequence.NEW_METHOD,
        Consequence.FIX_DETAILS,
        Consequence.MANDATE_WITHDRAWN_METHOD,
    }
)
_Wide = tuple[str | bool | int, ...]


class Shares:
    """How often tries of each kind got which answer; wider kinds include narrower ones."""

    def __init__(self) -> None:
        self._answers: dict[_Wide, Counter[Answer]] = {}
        self._listed: dict[_Wide, list[tuple[int, Answer]]] = {}

    def add(self, tries: Iterable[Tried]) -> None:
        """Learn from real tries that an issuer answered."""
        for one in tries:
            if one.answer is not None and one.answer.code not in NO_CHARGE_MADE:
                for wide in (*_widened(one.kind), ()):
                    self._answers.setdefault(wide, Counter())[one.answer] += 1

    def draw(self, kind: Kind, chance: float) -> Answer:
        """The answer at that place, from 0 to 1, of those that tries of this kind got; paid come first.

        With nothing at all to learn from, it is paid.
        """
        counts = [self._answers[wide] for wide in (*_widened(kind), ()) if wide in self._answers]
        enough = next((one for one in counts if one.total() >= SAMPLE_LEAST), counts[-1] if counts else Counter())
        left = chance * enough.total()
        for answer, count in sorted(enough.items(), key=lambda one: tuple(part or "" for part in one[0])):
            left -= count
            if left < 0:
                return answer
        return PAID


def _widened(kind: Kind) -> Iterator[_Wide]:
    yield kind
    yield kind.after, kind.days
    yield (kind.after,)
    yield (kind.after == FIRST,)


@dataclass(slots=True)
class _Given:
    """An answer, and how long or how often it is not given; None: never."""

    answer: Answer | None
    known_at: datetime
    unanswered: int = 0
    pending: bool = False


class Issuer:
    """Answers the charges of one run; counts where the answers came from."""

    def __init__(self, tries: Mapping[UUID, Tries], shares: Shares, seed: int) -> None:
        self.sources: Counter[Source] = Counter()
        self._tries = tries
        self._shares = shares
        self._seed = str(seed).encode()
        self._declines: dict[UUID, Declines] = {}
        self._given: dict[UUID, _Given] = {}

    def answer(self, request: ChargeRequest, method: MethodKind, at: datetime) -> GatewayAnswer:
        """The answer to a question that is asked now about a charge, however often it is asked."""
        given = self._given.get(request.attempt_id)
        if given is None:
            given = self._given[request.attempt_id] = self._decide(request, method)
        if given.answer is None or (at < given.known_at and given.unanswered > 0):
            given.unanswered -= 1
            if given.pending:
                return Pending(attempt_id=request.attempt_id, gateway_ref=f"whatif_{request.attempt_id}")
            return Unclear(reason="timeout")
        del self._given[request.attempt_id]
        self._of(request.card_id).answered(request.purpose, request.token, given.answer, at)
        if given.answer.code is None:
            ref = f"whatif_{request.attempt_id}"
            return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=ref)
        return Declined(
            code=given.answer.code, advice_code=given.answer.advice_code, network_code=given.answer.network_code
        )

    def _of(self, card_id: UUID) -> Declines:
        return self._declines.setdefault(card_id, Declines())

    def _decide(self, request: ChargeRequest, method: MethodKind) -> _Given:
        at, tries = request.attempted_at, self._tries[request.card_id]
        tried = tries.by_token.get(request.token, [])
        near = _nearest(tried, request, at)
        if near is not None:
            self.sources["recorded"] += 1
            return _Given(near.answer, at + near.known_after, near.unanswered, near.pending)
        known = _ended(tried, tries.renewed_at.get(request.token, []), at)
        source: Source = "recorded"
        if known is None:
            kind = self._of(request.card_id).kind(request.purpose, request.token, method, at)
            known, source = self._supposed(kind, tried, at, self._chance(request))
        self.sources[source] += 1
        return _Given(known, at)

    def _supposed(self, kind: Kind, tried: list[Tried], at: datetime, chance: float) -> tuple[Answer, Source]:
        """The answer where none is recorded, and whether chance decided."""
        if kind.after == FIRST:
            first = _first(tried, at)
            return (self._shares.draw(kind, chance), "sampled") if first is None else (first, "inferred")
        around = _around(tried, at)
        if around is None:
            return self._shares.draw(kind, chance), "sampled"
        before, after = around
        if before.answer == after.answer:
            return before.answer or PAID, "inferred"
        if at - before.at > NEAR:  # what was then says nothing of a try after a decline now
            return self._shares.draw(kind, chance), "sampled"
        passed = (at - before.at) / (after.at - before.at)
        return (after if chance < passed else before).answer or PAID, "sampled"

    def _chance(self, request: ChargeRequest) -> float:
        """A number in [0, 1), the same for the same question, whatever was asked before it."""
        asked = f"{request.card_id}:{request.purpose}:{request.token}:{request.attempted_at:%Y-%m-%d}"
        return int.from_bytes(blake2b(asked.encode(), key=self._seed, digest_size=6).digest()) / 2**48


def _nearest(tried: list[Tried], request: ChargeRequest, at: datetime) -> Tried | None:
    """The very same try, by its number for the term; or else one of the same sort, or else the one nearest to it."""
    first = bisect_left(tried, at - TOLERANCE, key=_when)
    last = bisect_right(tried, at + TOLERANCE, key=_when)
    is_top_up = request.purpose.startswith("top_up")

    def unlike(one: Tried) -> tuple[bool, bool, timedelta]:
        return one.attempt_id != request.attempt_id, one.top_up != is_top_up, abs(one.at - at)

    return min(tried[first:last], key=unlike, default=None)


def _ended(tried: list[Tried], renewed_at: list[datetime], at: datetime) -> Answer | None:
    """The answer that ended the token before then, unless it was renewed since."""
    before = tried[: bisect_left(tried, at, key=_when)]
    if not before or before[-1].answer is None or before[-1].answer.consequence not in _ENDING:
        return None
    return None if any(before[-1].at < renewed <= at for renewed in renewed_at) else before[-1].answer


def _first(tried: list[Tried], at: datetime) -> Answer | None:
    """The answer to the nearest real first try."""
    firsts = [one for one in tried if one.kind.after == FIRST and abs(one.at - at) <= FIRST_NEAR]
    nearest = min(firsts, key=lambda one: abs(one.at - at), default=None)
    return None if nearest is None else nearest.answer


def _around(tried: list[Tried], at: datetime) -> tuple[Tried, Tried] | None:
    """The real tries before and after, if both were answered and one of them is near."""
    answered = [one for one in tried if one.answer is not None]
    place = bisect_left(answered, at, key=_when)
    if not 0 < place < len(answered):
        return None
    before, after = answered[place - 1], answered[place]
    return (before, after) if min(at - before.at, after.at - at) <= NEAR else None


def _when(one: Tried) -> datetime:
    return one.at
