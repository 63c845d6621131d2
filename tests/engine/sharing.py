"""Cards of several holders that share one payment card, lived through wake by wake over a recorder in memory."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from engine.actor import actor
from engine.application import Engine
from engine.card.card import Card
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.methods import PaymentMethod
from engine.commands import ConfirmNumber, Issued
from engine.ports import Answer, Charged, ChargeRequest, Declined, Unclear
from engine.questions import Question
from engine.store.streams import Append, Store, Stream
from tests.engine.samples import OPENS_AT, POLICY, RULES, VISA, bound, enabled, registered
from tests.simulation.memory import MemoryRecorder

SYSTEM = actor("system", "tests")
Gateway = Callable[[ChargeRequest, datetime], Answer]


def charges(request: ChargeRequest, _: datetime) -> Charged:
    return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=f"ref-{request.attempt_id}")


def has_no_money(*_: object) -> Declined:
    return Declined(code="insufficient_funds")


def is_silent(*_: object) -> Unclear:
    return Unclear(reason="timeout")


class Sharing:
    """Cards that pay month by month with the same payment card, all charged in the same second."""

    def __init__(self, count: int, method: PaymentMethod = VISA, grace_days: int = 0, reclaim_days: int = 5) -> None:
        self.due: dict[UUID, datetime | None] = {}
        self.recorder = MemoryRecorder(lambda: OPENS_AT, due=self.due.__setitem__)
        self.store = Store(self.recorder)
        self.engine = Engine(self.store, SYSTEM)
        self.ids = [UUID(int=POLICY.charge_spread_s * number) for number in range(1, count + 1)]
        keep = registered(grace_days=grace_days, reclaim_days=reclaim_days)
        for card_id in self.ids:
            self.record(card_id, keep, bound(method), enabled(), wake_at=OPENS_AT)

    def record(self, card_id: UUID, *facts: Event, wake_at: datetime) -> None:
        stream = self.store.load_many([card_id])[card_id]
        assert isinstance(stream, Stream)
        card = replay(stream.card, card_id, facts)
        assert not self.store.append_many([Append(stream, facts, card, wake_at, "test", SYSTEM)]).limited

    def live(self, until: datetime, gateway: Gateway) -> None:
        """Wake the cards when they are due, up to `until`; the gateway answers at once."""
        while (at := min((one for one in self.due.values() if one), default=until)) < until:
            woken = [card_id for card_id, wake_at in self.due.items() if wake_at == at]
            result = self.engine.wake({card_id: f"due {card_id}" for card_id in woken}, RULES, at)
            while result.questions:
                answers = [(question, self._answer(question, gateway, at)) for question in result.questions]
                result = self.engine.record(answers, RULES, at)
            assert not result.failed

    def confirm(self, card_id: UUID, at: datetime) -> None:
        """A person says that the number still exists."""
        command = ConfirmNumber(command_id=f"confirm {card_id}", card_id=card_id, evidence="the carrier's list")
        [facts] = self.engine.execute([Issued(command, actor("operator", "tests"))], RULES, at)
        assert isinstance(facts, tuple)
        assert facts

    def _answer(self, question: Question, gateway: Gateway, at: datetime) -> Answer:
        assert isinstance(question.request, ChargeRequest)
        return gateway(question.request, at)

    def facts(self, card_id: UUID) -> CardFacts:
        return tuple(one.fact for one in self.store.history(card_id))

    def card(self, card_id: UUID) -> Card:
        return replay(None, card_id, self.facts(card_id))

    def statuses(self) -> list[str]:
        return [self.card(card_id).status for card_id in self.ids]
