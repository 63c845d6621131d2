"""What is decided for one card at one version: on a wake, an answer of the gateway, a command, or changed rules."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from engine.actor import Actor
from engine.card.asking import AskCharge
from engine.card.attempt import ChargeAttempted, open_attempt_of
from engine.card.card import Card
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.found import close_gap
from engine.card.gap import ListCharges
from engine.card.next import Step, advance, deferred, move_for_late_wake, next_step, waits_for_open_tries, wakes_at
from engine.card.outcomes import record_answer
from engine.card.payments import Recall
from engine.card.recall import Past
from engine.card.refunding import AskRefund, record_refund_answer
from engine.card.refunds import RefundStarted
from engine.card.wait import Wait
from engine.card.waking import Deferred, Replanned
from engine.command_dispatch import decide
from engine.commands import ChangeHolder, Issued, RegisterCard
from engine.errors import BaohaoError, Refused
from engine.networks import Limited
from engine.ports import (
    Charged,
    ChargeRequest,
    ChargesFound,
    Declined,
    GatewayAnswer,
    ListChargesRequest,
    NotFound,
    Pending,
    RefundAccepted,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)
from engine.provider import Provider
from engine.questions import Question, about_charge, about_gap, about_refund
from engine.rules import Rules
from engine.store.streams import Append, CommandIdentity, Stream


class Decided(NamedTuple):
    """Facts to append and the question for the gateway after that, if there are any."""

    append: Append | None
    question: Question | None = None

    def with_event_ids(self, ids: Iterator[UUID]) -> "Decided":
        """The same with ids for its facts, so that what is answered to the question follows the last of them."""
        append, question = self
        if append is None or not append.facts:
            return self
        append = append._replace(event_ids=tuple(islice(ids, len(append.facts))))
        return Decided(append, None if question is None else question._replace(stream=append.stored))


Decision = Callable[[Stream, Mapping[str, Limited]], Decided]
"""Decides for a stream, without trying the methods (by id) that the network limits forbid now."""


def on_wake(cause: str, actor: Actor, rules: Rules, at: datetime) -> Decision:
    """Every step that is due, or a Deferred fact if there is none."""

    def decision(stream: Stream, limited: Mapping[str, Limited]) -> Decided:
        before = card_of(stream)
        late = move_for_late_wake(before, stream.wake_at, rules, at)
        card, facts, step = advance(replay(before, stream.card_id, late), rules, at, limited)
        facts = late + facts or deferred(step, stream.wake_at, at)
        return _decided(Append(stream, facts, card, wakes_at(step, at), cause, actor), step, rules.provider)

    return decision


def on_answer(
    question: Question,
    answer: GatewayAnswer,
    actor: Actor,
    rules: Rules,
    at: datetime,
    past: Past,
) -> Decision:
    """The outcome that the gateway's answer gives, and every step that is due after it.

    `past` is what the card itself does not remember.
    """
    cause = question.cause

    def decision(stream: Stream, limited: Mapping[str, Limited]) -> Decided:
        before = card_of(stream)
        late = move_for_late_wake(before, stream.wake_at, rules, at)
        outcome = _outcome(replay(before, stream.card_id, late), question, answer, rules, at, past)
        if not outcome:
            return Decided(None)
        outcome = late + outcome  # our own delay is told first: the new wake time would hide it
        if isinstance(waiting := outcome[-1], Deferred):  # until the gateway's list is complete
            after = replay(before, stream.card_id, outcome)
            return Decided(Append(stream, outcome, after, waiting.until, cause, actor))
        card = replay(before, stream.card_id, outcome)
        try:
            card, facts, step = advance(card, rules, at, limited)
        except BaohaoError:  # the outcome is recorded all the same; the next wake fails with this error again
            return Decided(Append(stream, outcome, card, at, cause, actor))
        return _decided(Append(stream, outcome + facts, card, wakes_at(step, at), cause, actor), step, rules.provider)

    return decision


def on_command(issued: Issued, rules: Rules, at: datetime, recall: Recall) -> Decision:
    """The facts of a command; it is recorded as accepted even if it changes nothing."""
    command, actor = issued
    identity = CommandIdentity(command.command_id, command.body_hash())

    def decision(stream: Stream, _: Mapping[str, Limited]) -> Decided:
        late = move_for_late_wake(stream.card, stream.wake_at, rules, at) if stream.card is not None else ()
        before = replay(stream.card, stream.card_id, late) if late else stream.card
        _check_whose(issued, before)
        facts = decide(command, before, rules, at, recall)
        if not facts:
            return Decided(Append(stream, (), card_of(stream), stream.wake_at, command.command_id, actor, identity))
        facts = late + facts  # the new wake time would hide that this one was late
        card = replay(stream.card, stream.card_id, facts)
        wake_at = wakes_at(next_step(card, rules, at), at)
        return Decided(Append(stream, facts, card, wake_at, command.command_id, actor, identity))

    return decision


def _check_whose(issued: Issued, card: Card | None) -> None:
    """Raise Refused `another_holder` for a holder's command about another's card.

    Pages judge that before; but a card may change hands between a page and its form. RegisterCard and ChangeHolder are
    exempt: their sender is not its holder yet.
    """
    kind, _, name = issued.actor.partition(":")
    if card is None or kind != "holder" or isinstance(issued.command, RegisterCard | ChangeHolder):
        return
    if name != card.custody.holder_id:
        raise Refused("another_holder", "the card is another holder's")


def on_replan(cause: str, actor: Actor, rules: Rules, at: datetime) -> Decision:
    """After a change of rules, a Replanned fact if the card wakes at another time than was planned."""

    def decision(stream: Stream, _: Mapping[str, Limited]) -> Decided:
        card = card_of(stream)
        step = next_step(card, rules, at)
        wake_at = wakes_at(step, at)
        is_due = stream.wake_at is not None and stream.wake_at <= at
        is_blocked = waits_for_open_tries(card) or (isinstance(step, Wait) and step.blocks_lapse)
        rechecks = is_blocked and stream.wake_at is not None
        if wake_at == stream.wake_at or is_due or rechecks:
            return Decided(None)
        reason = step.reason if isinstance(step, Wait) else "due"
        return Decided(Append(stream, (Replanned(reason=reason, until=wake_at, at=at),), card, wake_at, cause, actor))

    return decision


def card_of(stream: Stream) -> Card:
    """The card of a stream; raises BaohaoError where there is none."""
    if stream.card is None:
        raise BaohaoError(f"there is no card {stream.card_id}")
    return stream.card


def _outcome(
    card: Card, question: Question, answer: GatewayAnswer, rules: Rules, at: datetime, past: Past
) -> CardFacts:
    match question.request, answer:
        case ListChargesRequest(), ChargesFound() | Unclear():
            return close_gap(card, answer, rules, past, at)
        case (
            RefundRequest() as request,
            Refunded() | RefundDeclined() | RefundAccepted() | NotFound() | Unclear(),
        ):
            return record_refund_answer(card, request, answer, rules=rules, recall=past.charge, at=at)
        case ChargeRequest(attempt_id=attempt_id), Charged() | Declined() | Pending() | NotFound() | Unclear():
            learned, recall = question.learned, past.failed
            return record_answer(card, attempt_id, answer, learned=learned, rules=rules, recall=recall, at=at)
        case _:
            raise BaohaoError(f"{type(answer).__name__} is no answer to a {type(question.request).__name__}")


def _decided(append: Append, step: Step, provider: Provider) -> Decided:
    """The append, if it has facts, and the question that follows from it or from the step."""
    stream = append.stored if append.facts else append.stream
    question = _question(stream, append, step, provider)
    return Decided(append if append.facts else None, question)


def _question(stream: Stream, append: Append, step: Step, provider: Provider) -> Question | None:
    card, facts, cause = append.card, append.facts, append.cause
    if isinstance(step, AskCharge):
        return about_charge(stream, card, step.attempt, step.learned, cause, provider)
    if isinstance(step, AskRefund):
        return about_refund(stream, step.refund, cause)
    if isinstance(step, ListCharges):
        return about_gap(stream, step.gap, cause)
    for fact in facts:
        if isinstance(fact, ChargeAttempted):  # the one that was made now: all others would have waited for it
            attempt = open_attempt_of(card.attempts, fact.attempt_id)
            return about_charge(stream, card, attempt, "sent", cause, provider)
    if card.refunds and any(isinstance(fact, RefundStarted) for fact in facts):
        return about_refund(stream, card.refunds[-1], cause)
    return None
