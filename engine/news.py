"""News from the gateway: which question is worth asking now, before its time, since something happened there."""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from uuid import UUID

from engine.card.attempt import ChargeAttempted, open_attempt
from engine.card.card import Card
from engine.card.event import Event
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundReturned, RefundStarted, RefundSucceeded
from engine.provider import Provider
from engine.questions import Question, about_charge, charge_request, refund_request
from engine.store.streams import Stream

History = Callable[[], Iterable[Event]]
"""Reads all facts of the card, oldest first."""


class News(NamedTuple):
    """That something happened to a charge, or to its refund if one is named; what it was has to be looked up."""

    card_id: UUID
    attempt_id: UUID
    refund_id: UUID | None
    cause: str


def question_about(news: News, stream: Stream, history: History, provider: Provider) -> Question | None:
    """The look-up that the news call for; None where nothing more can be learned of it."""
    if stream.card is None:
        return None
    if news.refund_id is not None:
        return _about_refund(news.refund_id, stream, stream.card, history, news.cause)
    attempt = open_attempt(stream.card.attempts, news.attempt_id)
    if attempt is not None:
        return about_charge(stream, stream.card, attempt, "looked_up", news.cause, provider)
    if any(one.attempt_id == news.attempt_id for one in stream.card.payments):
        return None
    return _about_closed(news.attempt_id, stream, history, news.cause)


def _about_closed(attempt_id: UUID, stream: Stream, history: History, cause: str) -> Question | None:
    """A charge that was recorded as not made may have been made after all."""
    about = [fact for fact in history() if getattr(fact, "attempt_id", None) == attempt_id]
    attempted = next((fact for fact in about if isinstance(fact, ChargeAttempted)), None)
    if attempted is None or any(isinstance(fact, ChargeSucceeded) for fact in about):
        return None
    return Question(stream, charge_request(stream.card_id, attempted, attempted.term_number), "looked_up", cause)


def _about_refund(refund_id: UUID, stream: Stream, card: Card, history: History, cause: str) -> Question | None:
    """A refund is under way, or has succeeded and may have come back."""
    under_way = next((one for one in card.refunds if one.refund_id == refund_id), None)
    if under_way is not None:
        refund = None if under_way.refused else under_way
    else:
        about = [fact for fact in history() if getattr(fact, "refund_id", None) == refund_id]
        came_back = any(isinstance(fact, RefundReturned) for fact in about)
        arrived = any(isinstance(fact, RefundSucceeded) for fact in about) and not came_back
        refund = next((fact for fact in about if isinstance(fact, RefundStarted)), None) if arrived else None
    return Question(stream, refund_request(stream.card_id, refund), "looked_up", cause) if refund is not None else None
