"""Questions for the gateway: about which attempt or refund, by which call, and until when."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from engine.card.asking import Span, sent_within
from engine.card.attempt import Attempt, ChargeAttempted, OutcomeSource
from engine.card.card import Card
from engine.card.gap import LOOK_BACK
from engine.card.refunds import Refund, RefundStarted
from engine.ports import ChargeRequest, Gateway, GatewayAnswer, GatewayRequest, ListChargesRequest, RefundRequest
from engine.provider import Provider
from engine.rules import Gap
from engine.store.streams import Stream

QuestionKind = Literal["charge", "look_up", "refund", "look_up_refund", "charges"]
"""The call of the gateway by which a question is asked."""


class Question(NamedTuple):
    """A question for the gateway, and the stream as it is when it is asked."""

    stream: Stream
    request: GatewayRequest
    learned: OutcomeSource
    """How the outcome will have been learned; `looked_up` must never cause a charge."""
    cause: str
    sent_within: Span | None = None
    """Before and after that a charge must not be sent; None for what may be asked at any time."""

    @property
    def card_id(self) -> UUID:
        """The card that it is about."""
        return self.stream.card_id

    @property
    def kind(self) -> QuestionKind:
        """The call by which it is asked."""
        if isinstance(self.request, RefundRequest):
            return "look_up_refund" if self.learned == "looked_up" else "refund"
        if isinstance(self.request, ListChargesRequest):
            return "charges"
        return "look_up" if self.learned == "looked_up" else "charge"


def about_charge(
    stream: Stream, card: Card, attempt: Attempt, learned: OutcomeSource, cause: str, provider: Provider
) -> Question:
    """The question that sends an attempt or asks for its outcome; what the holder pays on a page is never sent."""
    request = charge_request(card.card_id, attempt, card.term.number + 1, attempt.pending_ref)
    if attempt.page_until is not None:
        learned = "looked_up"
    return Question(stream, request, learned, cause, sent_within(attempt, provider))


def charge_request(
    card_id: UUID, attempt: Attempt | ChargeAttempted, term_number: int, gateway_ref: str | None = None
) -> ChargeRequest:
    """The same request whenever it is sent; `term_number` counts for a renewal."""
    return ChargeRequest(
        attempt_id=attempt.attempt_id,
        card_id=card_id,
        purpose=f"renewal:{term_number}" if attempt.top_up is None else f"top_up:{attempt.top_up}",
        token=attempt.token,
        amount=attempt.amount,
        attempted_at=attempt.attempted_at if isinstance(attempt, Attempt) else attempt.at,
        gateway_ref=gateway_ref,
    )


def about_refund(stream: Stream, refund: Refund, cause: str) -> Question:
    """The question that sends a refund or asks for its outcome."""
    request = refund_request(stream.card_id, refund)
    return Question(stream, request, "sent" if refund.pending_ref is None else "looked_up", cause)


def refund_request(card_id: UUID, refund: Refund | RefundStarted) -> RefundRequest:
    """The same request whenever the refund is asked for."""
    return RefundRequest(
        refund_id=refund.refund_id,
        attempt_id=refund.attempt_id,
        card_id=card_id,
        gateway_ref=refund.gateway_ref,
        amount=refund.amount,
    )


def about_gap(stream: Stream, gap: Gap, cause: str) -> Question:
    """The question for all charges of a card that a restored log may have lost."""
    request = ListChargesRequest(since=gap.since - LOOK_BACK, card_id=stream.card_id)
    return Question(stream, request, "looked_up", cause)


def ask(gateway: Gateway, question: Question, at: datetime) -> Awaitable[GatewayAnswer]:
    """The gateway's answer to a question that is asked at `at`; raises GatewayMisuseError."""
    request = question.request
    if isinstance(request, RefundRequest):
        return gateway.refund(request, at) if question.kind == "refund" else gateway.look_up_refund(request, at)
    if isinstance(request, ListChargesRequest):
        return gateway.list_charges(request, at)
    return gateway.look_up(request, at) if question.kind == "look_up" else gateway.charge(request, at)
