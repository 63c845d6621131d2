"""A further month of an old log, without faults and commands: cards wake at their wake times, the gateway answers.

Only this file runs the engine: a change of the engine's steps changes `_performed` and `_fill`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from msgspec.structs import replace

from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.simulated_record import IN_MEMORY
from engine.actor import actor
from engine.application import Engine, StepResult
from engine.card.attempt import ChargeAttempted
from engine.card.limits import effects_of
from engine.envelope import Recorded, card_fact, read_fact
from engine.pipeline import Ask, GatewayReply, ReadClock, Record, Step, Wake, renew
from engine.ports import ChargeRequest
from engine.questions import Question, ask
from engine.rules import Rules
from engine.store.port import StoredFact, Write
from engine.store.streams import Store
from tests.simulation.memory import MemoryRecorder, Row

TICK = timedelta(minutes=5)
"""Cards that fall due within one tick are woken together, by wake time and id."""
MONTH = timedelta(days=30)
STOPPED = (timedelta(days=10), timedelta(days=13))
"""From when to when in that month all charging is stopped."""
SEED = 21
"""Of the gateway, as it was while the log was made."""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_BUDGET = timedelta(seconds=20)


def continued(log: Sequence[Row], rules: Rules, begins: datetime) -> list[Row]:
    """The rows appended to `log` in the month from `begins` on; deterministic."""
    return _Month(log, rules, begins).run()


class _Month:
    """The recorder that holds the log, when each card is due, and the gateway."""

    def __init__(self, log: Sequence[Row], rules: Rules, begins: datetime) -> None:
        self._rules = rules
        self._begins = self._now = begins
        self._end = begins + MONTH
        self._due: dict[UUID, datetime | None] = {}
        self._rows: list[Row] = []
        self._recorder = MemoryRecorder(lambda: self._now, self._rows.append, self._due.__setitem__)
        _fill(self._recorder, log)
        self._rows.clear()
        self._engine = Engine(Store(self._recorder), actor("system", "consumer"))
        self._gateway = _gateway_with_attempts_of(log)

    def run(self) -> list[Row]:
        while (tick := self._next_tick()) <= self._end:
            self._now = tick
            self._settle([card_id for _, card_id in self._due_until(tick)])
        return self._rows

    def _due_until(self, at: datetime) -> list[tuple[datetime, UUID]]:
        return sorted((wake_at, card_id) for card_id, wake_at in self._due.items() if wake_at and wake_at <= at)

    def _next_tick(self) -> datetime:
        first = min(wake_at for wake_at in self._due.values() if wake_at is not None)
        return max(first + (_EPOCH - first) % TICK, self._now + TICK)

    def _settle(self, card_ids: Sequence[UUID]) -> None:
        """Run the engine's pipeline; requests that the gateway calls wrong are not parked."""
        pipeline, sent = renew(dict.fromkeys(card_ids, "due")), None
        while True:
            try:
                sent = self._performed(pipeline.send(sent))
            except StopIteration:
                return

    def _performed(self, step: Step) -> object:
        match step:
            case Wake(causes):
                return self._healthy(self._engine.wake(causes, self._rules_now(), self._now))
            case ReadClock():
                return self._now
            case Ask(questions, _):
                return [(question, self._asked(question)) for question in questions]
            case Record(answers):
                return self._healthy(self._engine.record(answers, self._rules_now(), self._now))

    def _healthy(self, result: StepResult) -> StepResult:
        assert not result.failed, result.failed
        return result

    def _rules_now(self) -> Rules:
        begins, ends = (self._begins + after for after in STOPPED)
        return replace(self._rules, charging_stopped=begins <= self._now < ends)

    def _asked(self, question: Question) -> GatewayReply:
        request = question.request
        if isinstance(request, ChargeRequest) and question.kind == "charge":
            (reply,) = self._gateway.charge_all([request], self._now)
            return reply
        return _at_once(ask(self._gateway, question, self._now))


def _fill(recorder: MemoryRecorder, log: Sequence[Row]) -> None:
    """Store every append of the log as it was, with its effects on the network limits."""
    append: list[Row] = []
    for row in log:
        append.append(row)
        recorded = read_fact(*row)
        if not recorded.last:
            continue
        events = [StoredFact(*one[1:]) for one in append]
        refusals = recorder.append_many([Write(row.card_id, append[0].version, events)])
        assert not refusals.conflicts
        recorder.limits.write(effects_of(row.card_id, tuple(card_fact(read_fact(*one)) for one in append)))
        append = []
    assert not append


def _gateway_with_attempts_of(log: Sequence[Row]) -> SimulatedGateway:
    """A gateway that has received every attempt in the log once, when it was decided."""
    gateway = SimulatedGateway(IN_MEMORY, SEED, _BUDGET)
    for row in log:
        if row.topic.startswith("charge_attempted."):
            recorded = read_fact(*row)
            gateway.charge_all([_request(recorded)], recorded.fact.at)
    return gateway


def _request(recorded: Recorded) -> ChargeRequest:
    attempt = cast("ChargeAttempted", recorded.fact)
    return ChargeRequest(
        attempt_id=attempt.attempt_id,
        card_id=recorded.card_id,
        purpose=f"renewal:{attempt.term_number}" if attempt.top_up is None else f"top_up:{attempt.top_up}",
        token=attempt.token,
        amount=attempt.amount,
        attempted_at=attempt.at,
    )


def _at_once(call):
    """The result of a call that never waits, without an event loop."""
    try:
        call.__await__().send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError
