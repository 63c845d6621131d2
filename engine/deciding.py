"""What is decided for one card in the light of one version of it: by time, by an answer, by a command."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from engine.card.attempt import Ask, Attempt, ChargeAttempted, OutcomeSource
from engine.card.card import Card, replay
from engine.card.facts import CardFacts
from engine.card.next import Step, advance, deferred, held_up, next_step, wakes_at
from engine.card.outcomes import record_answer
from engine.card.payments import Recall
from engine.card.refunds import GiveBack, Refund, RefundStarted, record_refund_answer
from engine.card.step import Wait
from engine.card.waking import Replanned
from engine.commands import Command, decide
from engine.errors import BaohaoError
from engine.networks import Limited
from engine.policy import Policy
from engine.ports import (
    Answer,
    Charged,
    ChargeRequest,
    Declined,
    NotFound,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)
from engine.rules import Rules
from engine.store.streams import Append, CommandMark, Stream

Request = ChargeRequest | RefundRequest
Said = Answer | RefundAnswer


class Question(NamedTuple):
    """A question for the gateway, and the stream in whose light it was asked."""

    stream: Stream
    request: Request
    learned: OutcomeSource
    """How the answer will have become known; `looked_up` must never cause a charge."""
    cause: str
    key_known_until: datetime | None = None
    """From then on a charge must not be sent, since the gateway may have forgotten its key; None for a refund."""

    def put_at(self, at: datetime) -> "Question":
        """The question as it may be put at `at`, however long it lay: a charge that is too late is only looked up."""
        if self.key_known_until is None or at < self.key_known_until:
            return self
        return self._replace(learned="looked_up")


class Decided(NamedTuple):
    """Facts to append, if there are any, and what is then to be asked of the gateway."""

    append: Append | None
    request: Request | None = None
    learned: OutcomeSource = "sent"
    key_known_until: datetime | None = None


Decision = Callable[[Stream, Mapping[str, Limited]], Decided]
"""A stream, and the methods (by id) that the network limits forbid to try now."""


def waking(rules: Rules, at: datetime, cause: str) -> Decision:
    """Time asks."""

    def decision(stream: Stream, limited: Mapping[str, Limited]) -> Decided:
        before = card_of(stream)
        late = held_up(before, stream.wake_at, rules.policy, at)
        card, facts, step = advance(replay(before, stream.card_id, late), rules, at, limited)
        facts = late + facts
        return _decided(stream, card, facts or deferred(step, stream.wake_at, at), step, rules.policy, at, cause)

    return decision


def answering(question: Question, said: Said, rules: Rules, at: datetime) -> Decision:
    """The gateway answered."""

    def decision(stream: Stream, limited: Mapping[str, Limited]) -> Decided:
        before = card_of(stream)
        outcome = _outcome(before, question, said, rules, at)
        if not outcome:
            return Decided(None)
        outcome = held_up(before, stream.wake_at, rules.policy, at) + outcome  # as for a command
        card = replay(before, stream.card_id, outcome)
        try:
            card, facts, step = advance(card, rules, at, limited)
        except BaohaoError:  # what came of the charge is kept all the same; the next wake fails with this again
            return Decided(Append(stream, outcome, card, at, question.cause))
        return _decided(stream, card, outcome + facts, step, rules.policy, at, question.cause)

    return decision


def commanding(command: Command, mark: CommandMark, rules: Rules, at: datetime, recall: Recall) -> Decision:
    """Somebody asks for something; that is remembered even if all is so already."""

    def decision(stream: Stream, _: Mapping[str, Limited]) -> Decided:
        late = held_up(stream.card, stream.wake_at, rules.policy, at) if stream.card is not None else ()
        before = replay(stream.card, stream.card_id, late) if late else stream.card
        facts = decide(command, before, rules, at, recall)
        if not facts:
            return Decided(Append(stream, (), card_of(stream), stream.wake_at, command.command_id, mark))
        facts = late + facts  # a new wake time must not hide that we were late for the old one
        card = replay(stream.card, stream.card_id, facts)
        wake_at = wakes_at(next_step(card, rules, at), at)
        return Decided(Append(stream, facts, card, wake_at, command.command_id, mark))

    return decision


def replanning(rules: Rules, at: datetime, cause: str) -> Decision:
    """Rules changed: a fact where the card wakes at another time than was planned."""

    def decision(stream: Stream, _: Mapping[str, Limited]) -> Decided:
        card = card_of(stream)
        step = next_step(card, rules, at)
        wake_at = wakes_at(step, at)
        is_due = stream.wake_at is not None and stream.wake_at <= at
        looks_again = isinstance(step, Wait) and step.blocks_lapse and stream.wake_at is not None
        if wake_at == stream.wake_at or is_due or looks_again:
            return Decided(None)
        reason = step.reason if isinstance(step, Wait) else "due"
        return Decided(Append(stream, (Replanned(reason=reason, until=wake_at, at=at),), card, wake_at, cause))

    return decision


def card_of(stream: Stream) -> Card:
    """The card of a stream; raises BaohaoError where there is none."""
    if stream.card is None:
        raise BaohaoError(f"there is no card {stream.card_id}")
    return stream.card


def _outcome(card: Card, question: Question, said: Said, rules: Rules, at: datetime) -> CardFacts:
    policy = rules.policy
    match question.request, said:
        case RefundRequest(refund_id=refund_id), Refunded() | RefundDeclined() | Unclear():
            return record_refund_answer(card, refund_id, said, policy=policy, at=at)
        case ChargeRequest(attempt_id=attempt_id), Charged() | Declined() | NotFound() | Unclear():
            return record_answer(card, attempt_id, said, learned=question.learned, policy=policy, at=at)
        case _:
            raise BaohaoError(f"{type(said).__name__} is no answer to a {type(question.request).__name__}")


def _decided(  # noqa: PLR0917 (what was decided, when and why)
    stream: Stream, card: Card, facts: CardFacts, step: Step, policy: Policy, at: datetime, cause: str
) -> Decided:
    append = Append(stream, facts, card, wakes_at(step, at), cause) if facts else None
    if isinstance(step, Ask):
        return _charging(append, card, step.attempt, step.learned, policy)
    if isinstance(step, GiveBack):
        return Decided(append, _refund_request(card, step.refund))
    if card.attempts.open is not None and any(isinstance(fact, ChargeAttempted) for fact in facts):
        return _charging(append, card, card.attempts.open, "sent", policy)
    if card.refunds and any(isinstance(fact, RefundStarted) for fact in facts):
        return Decided(append, _refund_request(card, card.refunds[-1]))
    return Decided(append)


def _charging(append: Append | None, card: Card, attempt: Attempt, learned: OutcomeSource, policy: Policy) -> Decided:
    return Decided(append, _charge_request(card, attempt), learned, attempt.attempted_at + policy.key_lifetime)


def _charge_request(card: Card, attempt: Attempt) -> ChargeRequest:
    purpose = f"renewal:{card.term.number + 1}" if attempt.top_up is None else f"top_up:{attempt.top_up}"
    return ChargeRequest(
        attempt_id=attempt.attempt_id,
        card_id=card.card_id,
        purpose=purpose,
        token=attempt.token,
        amount=attempt.amount,
    )


def _refund_request(card: Card, refund: Refund) -> RefundRequest:
    return RefundRequest(
        refund_id=refund.refund_id,
        attempt_id=refund.attempt_id,
        card_id=card.card_id,
        gateway_ref=refund.gateway_ref,
        amount=refund.amount,
    )
