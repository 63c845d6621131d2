"""Lives of single cards for the tests of what-if: given rules and an issuer, then the facts of a card."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from engine.card.event import Event
from engine.ports import Charged, ChargeRequest, Declined, Refunded
from engine.rules import Rules
from projections.whatif.figures import Figures
from projections.whatif.histories import Past, Span
from projections.whatif.replay import Course, replay
from tests.engine.recorded_history import History
from tests.engine.samples import CARD_ID, REGISTERED_AT, RULES, local

SINCE, UNTIL = REGISTERED_AT - timedelta(days=1), local("2026-05-20 00:00")
Says = Callable[[datetime], str | None]
"""An issuer: the code by which it declines at a time; None: it pays."""


def by_ladder(*days: int, then_every: int = 366, **others: object) -> Rules:
    """The rules with another retry ladder."""
    changed = {"version": f"ladder {days}", "ladder_days": days, "ladder_then_every_days": then_every, **others}
    return replace(RULES, policy=RULES.policy.model_copy(update=changed))


class Life(History):
    """A card whose charges are answered at once."""

    def until(self, at: datetime, says: Says) -> "Life":
        """Wakes the card up to that time."""
        while self.wake_at is not None and self.wake_at < at:
            self.question = None
            self.wakes(max(self.wake_at, self.at))
            self.is_answered(says)
        return self

    def is_answered(self, says: Says) -> None:
        while (asked := self.question) is not None:
            self.answered(self._answer(says), timedelta(0))
            if self.question is asked:
                self.question = None

    def _answer(self, says: Says):
        request = self.question.request
        if not isinstance(request, ChargeRequest):
            return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref="back")
        code = says(self.at)
        if code is not None:
            return Declined(code=code)
        return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ref")

    @property
    def facts(self) -> list[Event]:
        return [one.fact for one in self.records]


def past_of(*histories: Sequence[Event], since: datetime = SINCE, until: datetime = UNTIL) -> Past:
    """Cards with these histories."""
    past = Past(Span(since, until), Figures(since))
    for number, facts in enumerate(histories):
        past.add(UUID(int=CARD_ID.int + number), list(facts))
    return past


def replayed(past: Past, rules: Rules, seed: int = 1) -> Course:
    return replay(past, rules, seed=seed)
