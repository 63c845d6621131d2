"""What was really tried: each charge that a history holds, what became of it, and which kind of try it was."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from engine.card.allowing import PaymentMethodAllowed
from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown, ChargePending
from engine.card.decline import ChargeFailed
from engine.card.facts import CardFact
from engine.card.methods import MethodKind, PaymentMethodBound, PaymentMethodUpdated
from engine.card.payments import ChargeSucceeded
from engine.declines import Consequence

FIRST = "first"
"""What a try follows that follows no decline."""
_AT_ONCE = timedelta(0)


class Answer(NamedTuple):
    """What an issuer says: paid, or declined with these codes."""

    code: str | None = None
    """None: paid."""
    advice_code: str | None = None
    network_code: str | None = None
    consequence: Consequence | None = None
    """Of a decline."""


PAID = Answer()


class Kind(NamedTuple):
    """What kind of try it is: tries of one kind are taken to be approved equally often."""

    after: str
    """The consequence of the last decline of the same method for the same purpose; FIRST if there was none."""
    days: int
    """Since the first of those declines, as the first day of a span of days."""
    method: MethodKind


_SPANS = (0, 1, 2, 4, 6, 9, 16, 31)


def span_of(since: timedelta) -> int:
    """The first day of the span that holds so long a time; spans grow, as tries become few."""
    return max(first for first in _SPANS if first <= max(since.days, 0))


class Tried(NamedTuple):
    """A charge that was tried, and what became of it."""

    attempt_id: UUID
    at: datetime
    answer: Answer | None
    """None: nobody knows to this day."""
    known_after: timedelta
    """How long its outcome was unknown; zero where the first call was answered …"""
    unanswered: int
    """… and how often it was asked for in vain."""
    pending: bool
    """Whether it had been accepted meanwhile; else there was no answer."""
    kind: Kind
    top_up: bool


class Tries(NamedTuple):
    """The tries of one card by payment token, oldest first; and when a token was bound, updated or allowed again."""

    by_token: dict[str, list[Tried]]
    renewed_at: dict[str, list[datetime]]


class _Declined(NamedTuple):
    since: datetime
    after: Consequence


class Declines:
    """By purpose and method, since when and how tries were declined; the same for what was tried and is replayed."""

    def __init__(self) -> None:
        self._declined: dict[tuple[object, str], _Declined] = {}

    def kind(self, purpose: object, token: str, method: MethodKind, at: datetime) -> Kind:
        """The kind of a try that is made now."""
        declined = self._declined.get((purpose, token))
        if declined is None:
            return Kind(FIRST, 0, method)
        return Kind(declined.after, span_of(at - declined.since), method)

    def answered(self, purpose: object, token: str, answer: Answer, at: datetime) -> None:
        """Remember a decline, and forget those of what is paid."""
        if answer.consequence is None:
            self._declined.pop((purpose, token), None)
        else:
            before = self._declined.get((purpose, token))
            self._declined[purpose, token] = _Declined(before.since if before else at, answer.consequence)


@dataclass(slots=True)
class _Waiting:
    """A try whose outcome is to come."""

    attempted: ChargeAttempted
    kind: Kind
    unanswered: int = 0
    pending: bool = False


def tries_of(facts: Iterable[CardFact]) -> Tries:  # noqa: C901 (one row per kind)
    """The tries in a card's history."""
    declines, found = Declines(), Tries({}, {})
    kinds: dict[str, MethodKind] = {}
    tokens: dict[str, str] = {}
    waiting: dict[UUID, _Waiting] = {}
    for fact in facts:
        match fact:
            case PaymentMethodBound(method=method) | PaymentMethodUpdated(method=method):
                kinds[method.token], tokens[method.method_id] = method.kind, method.token
                found.renewed_at.setdefault(method.token, []).append(fact.at)
            case PaymentMethodAllowed(method_id=method_id) if method_id in tokens:
                found.renewed_at.setdefault(tokens[method_id], []).append(fact.at)
            case ChargeAttempted(attempt_id=attempt_id, token=token):
                kind = declines.kind(_purpose(fact), token, kinds.get(token, "credit_card"), fact.at)
                waiting[attempt_id] = _Waiting(fact, kind)
            case ChargeOutcomeUnknown(attempt_id=attempt_id) | ChargePending(attempt_id=attempt_id):
                if attempt_id in waiting:
                    waiting[attempt_id].unanswered += 1
                    waiting[attempt_id].pending = isinstance(fact, ChargePending)
            case ChargeSucceeded(attempt_id=attempt_id) | ChargeFailed(attempt_id=attempt_id):
                if attempt_id in waiting:  # else the first word was another, and counts
                    _settle(found, declines, waiting.pop(attempt_id), fact)
            case _:
                pass
    for one in waiting.values():
        _add(found, one, None, _AT_ONCE)
    for tries in found.by_token.values():
        tries.sort(key=lambda one: one.at)
    return found


def _settle(found: Tries, declines: Declines, waiting: _Waiting, outcome: ChargeSucceeded | ChargeFailed) -> None:
    attempted, answer = waiting.attempted, PAID
    if isinstance(outcome, ChargeFailed):
        answer = Answer(outcome.code, outcome.advice_code, outcome.network_code, outcome.consequence)
    _add(found, waiting, answer, _AT_ONCE if outcome.learned == "sent" else outcome.at - attempted.at)
    declines.answered(_purpose(attempted), attempted.token, answer, outcome.at)


def _add(found: Tries, waiting: _Waiting, answer: Answer | None, known_after: timedelta) -> None:
    attempted = waiting.attempted
    tried = Tried(
        attempted.attempt_id,
        attempted.at,
        answer,
        known_after,
        waiting.unanswered,
        waiting.pending,
        waiting.kind,
        attempted.top_up is not None,
    )
    found.by_token.setdefault(attempted.token, []).append(tried)


def _purpose(attempted: ChargeAttempted) -> object:
    return attempted.term_number if attempted.top_up is None else f"top_up:{attempted.top_up}"
