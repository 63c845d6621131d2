"""The history of one card, made as the engine makes it: by commands, answers of the gateway and time."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from engine.card.asking import AskCharge
from engine.card.attempt import Attempt, Attempts, ChargeAttempted, open_attempt_of, open_attempts
from engine.card.card import Card
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.next import Step, advance, deferred, move_for_late_wake, next_step, wakes_at
from engine.card.outcomes import record_answer
from engine.card.recall import charge_in
from engine.card.refunding import record_refund_answer
from engine.card.refunds import Refund, RefundSucceeded
from engine.card.wait import Wait
from engine.card.waking import Replanned
from engine.command_dispatch import decide
from engine.errors import Refused
from engine.networks import Limited
from engine.ports import Charged, NotFound, RefundDeclined, Unclear
from engine.questions import refund_request
from tests.engine import samples
from tests.engine.samples import REGISTERED_AT, TWO_VERSIONS, bound, enabled, registered

VISA, VISA_AGAIN, DEBIT = (
    replace(method, fingerprint=None)  # else histories would limit one another
    for method in (samples.VISA, samples.VISA_AGAIN, samples.DEBIT)
)


class Appended(NamedTuple):
    """Facts that are stored together, the card after them, and when it wakes."""

    facts: CardFacts
    card: Card
    wake_at: datetime | None


class CardHistory:
    """The facts, wake time and question that the engine would store and ask."""

    def __init__(self, card_id: UUID, grace_days: int, reclaim_days: int) -> None:
        self.card_id = card_id
        self.rules = TWO_VERSIONS
        self.at = REGISTERED_AT
        self.card: Card | None = None
        self.wake_at: datetime | None = None
        self.question: AskCharge | None = None
        self.appends: list[Appended] = []
        self._append_command(
            (registered(grace_days=grace_days, reclaim_days=reclaim_days), bound(VISA), enabled(at=REGISTERED_AT))
        )

    @property
    def facts(self) -> CardFacts:
        return tuple(fact for append in self.appends for fact in append.facts)

    # Moves

    def passes(self, time: timedelta) -> None:
        """Time passes without a wake."""
        self.at += time

    def due(self) -> None:
        """It is woken at its wake time, or now if that has passed."""
        if self.wake_at is not None:
            self.at = max(self.at, self.wake_at)
            self.woken()

    def woken(self) -> None:
        """A wake message arrives, at any time."""
        late = move_for_late_wake(self.card, self.wake_at, self.rules, self.at)
        card, facts, step = advance(replay(self.card, self.card_id, late), self.rules, self.at)
        facts = late + facts or deferred(step, self.wake_at, self.at)
        self._append(facts, card, step)

    def answered(self, answer: Callable[[Card], Any]) -> None:
        """The gateway answers, sooner or later, once or twice."""
        attempt = self._asked_about()
        if attempt is None:
            return
        learned = self.question.learned if self.question else "sent"
        asked = replace(self.card, attempts=Attempts(attempt))
        about = {"learned": learned, "rules": self.rules, "at": self.at}
        outcome = record_answer(self.card, attempt.attempt_id, answer(asked), **about)
        card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
        self._append(outcome + facts, card, step)

    def _asked_about(self) -> Attempt | None:
        """The open attempt of the last question, or else the first one."""
        about = self.question.attempt.attempt_id if self.question else None
        found = open_attempts(self.card.attempts)
        return next((one for one in found if one.attempt_id == about), found[0] if found else None)

    def never_happened(self) -> None:
        """The outcome of the charge is unclear, and after days the gateway has no record of it."""
        self.answered(is_unclear)
        self.passes(timedelta(days=3))
        self.due()
        self.answered(finds_nothing)

    def refund_answered(self, answer: Callable[[Refund], Any]) -> None:
        """The gateway answers about a refund."""
        for refund in self.card.refunds[:1]:
            about = {"rules": self.rules, "recall": partial(charge_in, self.facts), "at": self.at}
            outcome = record_refund_answer(self.card, refund_request(self.card_id, refund), answer(refund), **about)
            card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
            self._append(outcome + facts, card, step)

    def refund_comes_back(self) -> None:
        """A refund that had succeeded fails days later."""
        for payment in self.card.payments:
            for refund_id in payment.refunded_by[:1]:
                back = next(
                    one for one in self.facts if isinstance(one, RefundSucceeded) and one.refund_id == refund_id
                )
                about = {"rules": self.rules, "recall": partial(charge_in, self.facts), "at": self.at}
                request, failed = refund_request(self.card_id, back), RefundDeclined(code="closed_account")
                outcome = record_refund_answer(self.card, request, failed, **about)
                card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
                self._append(outcome + facts, card, step)

    def late_success(self) -> None:
        """The gateway reports that an attempt recorded as failed succeeded."""
        for failed in self.card.attempts.closed[:1]:
            reply = Charged(attempt_id=failed.attempt_id, amount=failed.amount, gateway_ref=f"late-{failed.attempt_id}")
            about = {"learned": "late", "rules": self.rules, "at": self.at}
            outcome = record_answer(self.card, failed.attempt_id, reply, **about)
            card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
            self._append(outcome + facts, card, step)

    def command(self, kind: type, fields: Callable[[Card], dict[str, Any]]) -> None:
        """A command is given, and may be refused."""
        command = kind(command_id="any", card_id=self.card_id, **fields(self.card))
        with suppress(Refused):
            self._append_command(decide(command, self.card, self.rules, self.at, partial(charge_in, self.facts)))

    def limited(self) -> None:
        """A wake message arrives while network limits forbid every try."""
        limits = dict.fromkeys(("visa", "debit", "paypal"), Limited("retries_30d", self.at + timedelta(days=3)))
        card, facts, step = advance(self.card, self.rules, self.at, limits)
        self._append(facts or deferred(step, self.wake_at, self.at), card, step)

    def replanned(self) -> None:
        """The card is replanned."""
        step = next_step(self.card, self.rules, self.at)
        wake_at = wakes_at(step, self.at)
        if isinstance(step, Wait) and not step.blocks_lapse:
            self._append((Replanned(reason=step.reason, until=wake_at, at=self.at),), self.card, step)

    def stops(self) -> None:
        """The operator stops all charging."""
        self.rules = replace(self.rules, charging_stopped=True)

    def resumes(self) -> None:
        """The operator resumes charging."""
        self.rules = replace(self.rules, charging_stopped=False)

    # Appending

    def _append_command(self, facts: CardFacts) -> None:
        if facts:
            card = replay(self.card, self.card_id, facts)
            self._append(facts, card, next_step(card, self.rules, self.at))

    def _append(self, facts: CardFacts, card: Card, step: Step) -> None:
        sent = bool(facts) and isinstance(facts[-1], ChargeAttempted)
        if isinstance(step, AskCharge):
            self.question = step
        elif sent:
            self.question = AskCharge(open_attempt_of(card.attempts, facts[-1].attempt_id), "sent")
        if facts:
            self.card, self.wake_at = card, wakes_at(step, self.at)
            self.appends.append(Appended(facts, card, self.wake_at))


def is_unclear(_: Card | Refund) -> Unclear:
    return Unclear(reason="timeout")


def finds_nothing(_: Card) -> NotFound:
    return NotFound()
