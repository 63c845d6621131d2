"""Consumers at work: they run the engine's own pipeline, and what can go wrong between any two of its steps does."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from uuid import UUID

from msgspec.structs import replace

from engine.application import Engine, StepResult
from engine.errors import CorruptHistoryError
from engine.pipeline import (
    Ask,
    GatewayReply,
    Parked,
    Pipeline,
    ReadClock,
    Record,
    Step,
    Wake,
    renew,
    resume_asking,
    resume_recording,
)
from engine.ports import ChargeRequest, GatewayAnswer
from engine.questions import Question
from engine.rules import Rules
from engine.store.appending import EventIds
from engine.store.streams import Store, Stream
from tests.simulation.agenda import Agenda, on_grid
from tests.simulation.checker import Checker
from tests.simulation.faults import CALL_FAULTS, WAKE_FAULTS, CallFault, WorkerFault
from tests.simulation.gateway import DelayedRequest, FaultyGateway
from tests.simulation.memory import CrashError, Trouble, TroubledRecorder
from tests.simulation.moment import Moment
from tests.simulation.people import OPERATOR

LATER = tuple(timedelta(seconds=s) for s in (25, 25, 10_800, 32_400, 97_200))
_PAUSES = tuple(timedelta(seconds=s) for s in (25, 25, 10_800, 93_600))
_SKEWS = tuple(timedelta(seconds=s) for s in (-90, -3, 4, 75))
_AHEAD = tuple(timedelta(hours=h) for h in (26, 30, 100))
_PARKED_FOR = tuple(timedelta(hours=h) for h in (3, 12, 30))
_TRUTH_AFTER = timedelta(hours=20)
"""When it becomes known that a charge was made which the gateway had called declined."""
_TRIES_TO_READ = 2
_BATCH = 500

Late = tuple[Question, int]
"""A question that a process held back, and the position of the log in whose light it was decided."""


def _numbered() -> EventIds:
    """Event ids that are the same whenever the same world is lived through."""
    numbers = count(1)
    return lambda _: (UUID(int=number) for number in numbers)


class UnsteadyStore(Store):
    """The store; the histories of some cards cannot be read for a number of times."""

    unreadable: dict[UUID, int]

    def __init__(self, recorder: TroubledRecorder, checker: Checker) -> None:
        super().__init__(recorder, sleep=lambda _: None, event_ids=_numbered())
        self.unreadable = {}
        self._checker = checker

    def load_many(self, card_ids: Sequence[UUID]) -> Mapping[UUID, Stream | CorruptHistoryError]:
        """See Store; what cannot be read is told to the checker, and when it can be read again."""
        loaded = super().load_many(card_ids)
        return {one: self._read(one, loaded[one]) for one in loaded} if self.unreadable else loaded

    def _read(self, card_id: UUID, stream: Stream | CorruptHistoryError) -> Stream | CorruptHistoryError:
        if card_id not in self.unreadable:
            return stream
        if not self.unreadable[card_id]:
            self._checker.readable(card_id)
            return stream
        self.unreadable[card_id] -= 1
        self._checker.unreadable(card_id)
        return CorruptHistoryError(f"card {card_id} cannot be read for the moment")


@dataclass(slots=True)
class _Run:
    """One pipeline under way."""

    skew: timedelta = timedelta(0)
    """How far its clock is ahead when it decides …"""
    lasting: bool = False
    """… and at all other steps too."""
    trouble: Trouble = field(default_factory=Trouble)
    """Of the first append."""
    decided_at: int = 0
    """The position of the log in whose light the questions were decided …"""
    held: Mapping[int, int] = field(default_factory=dict[int, int])
    """… unless they were held back: by the request's identity."""
    charges: list[UUID] = field(default_factory=list[UUID])
    """Attempts of which the pipeline got to know something, if only that no answer came in time."""


@dataclass
class Workers:
    """All consumers of a world."""

    engine: Engine
    store: UnsteadyStore
    recorder: TroubledRecorder
    gateway: FaultyGateway
    agenda: Agenda
    checker: Checker
    moment: Moment
    rules: Callable[[datetime], Rules]
    interfere: Callable[[UUID], None]
    """Lets the card's holder want something at once."""
    parked: set[UUID] = field(default_factory=set[UUID])
    ahead_until: datetime | None = None
    """The latest time that a clock showed which was ahead, as other processes have noticed."""

    def wake(self, card_ids: Iterable[UUID]) -> None:
        """Wake many cards, each with its fate, and see them through."""
        groups: dict[WorkerFault | None, list[UUID]] = {}
        for card_id in card_ids:
            fate = self.moment.fault_for(WAKE_FAULTS, "wake", card_id.int)
            if fate in ("delayed", "doubled"):
                self.agenda.add(self.moment.after(self.moment.some(LATER, "later", card_id.int)), "wake", card_id)
            if fate in ("lost", "delayed"):
                continue
            groups.setdefault(None if fate == "doubled" else fate, []).append(card_id)
        for fate, group in groups.items():
            for batch in batches(group):
                self._wake(fate, batch)

    def go_on(self, asks: Sequence[Late], answers: Sequence[tuple[Question, GatewayAnswer]]) -> None:
        """See through what was held back by processes that stood still."""
        for batch in batches(answers):
            self._run(resume_recording(batch), _Run())
        for batch in batches(asks):
            held = {id(question.request): decided_at for question, decided_at in batch}
            self._run(resume_asking([question for question, _ in batch]), _Run(held=held))

    def replan(self, card_ids: Iterable[UUID], number: int) -> None:
        """The operator plans all cards anew."""
        at = self.moment.now
        for batch in batches(card_ids):
            result = self.engine.replan(batch, f"replan.{number}", OPERATOR, self.rules(at), at)
            for card_id, error in result.failed.items():
                self.checker.failed(card_id, f"the card could not be planned anew: {error!r}")

    def retry(self, card_ids: Iterable[UUID]) -> list[UUID]:
        """The operator lets parked cards try again."""
        again = list(dict.fromkeys(card_ids))
        self.parked.difference_update(again)
        return again

    def _wake(self, fate: WorkerFault | None, card_ids: list[UUID]) -> None:
        run = _Run(*self._skew(fate))
        run.trouble = Trouble(
            crash_before=fate == "crash_before_append",
            crash_after=fate == "crash_after_append",
            lost_reply=fate == "lost_reply",
            rival=partial(self._rival, card_ids) if fate == "rival" else None,
        )
        if fate in ("unreadable_once", "unreadable"):
            tries = 1 if fate == "unreadable_once" else _TRIES_TO_READ
            self.store.unreadable = dict.fromkeys(card_ids, tries)
        causes = dict.fromkeys(card_ids, f"{self.moment.now:%y%m%d%H%M%S} {fate or ''}")
        self._run(renew(causes), run)
        self.store.unreadable = {}
        if run.lasting:
            shown = self.moment.after(run.skew)
            self.ahead_until = max(shown, self.ahead_until or shown)

    def _skew(self, fate: WorkerFault | None) -> tuple[timedelta, bool]:
        """How far the worker's clock is ahead, and whether for longer than it decides."""
        if fate == "skewed":
            return self.moment.some(_SKEWS, "skew"), False
        if fate in ("clock_put_right", "clock_ahead"):
            ahead = self.moment.some(_AHEAD, "ahead")
            self.checker.window("clock_ahead", self.moment.now, self.moment.after(ahead))
            return ahead, fate == "clock_ahead"
        return timedelta(0), False

    def _rules_at(self, at: datetime) -> Rules:
        return replace(self.rules(at), clock_ahead_until=self.ahead_until)

    def _rival(self, card_ids: list[UUID]) -> None:
        """Another worker has the same cards, or their holders want something, between our loading and appending."""
        thinking = [card_id for card_id in card_ids if self.moment.share("rival", card_id.int) < 0.5]
        for card_id in thinking:
            self.interfere(card_id)
        others = {card_id: f"rival {self.moment.now:%y%m%d%H%M%S}" for card_id in card_ids if card_id not in thinking}
        self._run(renew(others), _Run(skew=timedelta(seconds=1)))

    # The runner of the pipeline

    def _run(self, pipeline: Pipeline, run: _Run) -> None:
        """Perform the steps to the end, or until the process is killed."""
        sent: object = None
        while True:
            try:
                sent = self._perform(pipeline.send(sent), run)
            except StopIteration as done:
                self._acknowledge(run, done.value)
                return
            except CrashError:
                return

    def _perform(self, step: Step, run: _Run) -> object:
        match step:
            case Wake(causes):
                return self._woken(causes, run)
            case ReadClock():
                return self._clock(run)
            case Ask(questions):
                return self._asked(questions, self.moment.now, run)
            case Record(answers):
                run.decided_at = self.recorder.position
                at = self._clock(run)
                return self.engine.record(answers, self._rules_at(at), at)

    def _clock(self, run: _Run) -> datetime:
        return self.moment.after(run.skew) if run.lasting else self.moment.now

    def _woken(self, causes: Mapping[UUID, str], run: _Run) -> StepResult:
        at = self.moment.after(run.skew)
        run.decided_at = self.recorder.position
        self.recorder.trouble, run.trouble = run.trouble, Trouble()
        try:
            return self.engine.wake(causes, self._rules_at(at), at)
        finally:
            self.recorder.trouble = Trouble()

    def _asked(self, questions: Sequence[Question], at: datetime, run: _Run) -> list[tuple[Question, GatewayReply]]:
        """The replies that the pipeline gets; a question or an answer that is held back goes on later."""
        going: list[Late] = []
        fates: list[CallFault | None] = []
        for question in questions:
            decided_at = run.held.get(id(question.request), run.decided_at)
            fate = self.moment.fault_for(CALL_FAULTS, "call", question.card_id.int, question.stream.version)
            if fate == "paused":
                pause = self.moment.some(_PAUSES, "pause", question.card_id.int)
                self.agenda.add(self.moment.after(pause), "ask", (question, decided_at))
            elif fate != "crash_before_call":
                going.append((question, decided_at))
                fates.append(fate)
        heard = self.gateway.ask(going, at, self.recorder.position, self.checker.request)
        self._held_up(self.gateway.take_delayed())
        for denied in self.gateway.take_denied():
            told_at = max(self.moment.now, min(at + _TRUTH_AFTER, self.moment.quiet_from))
            self.agenda.add(on_grid(told_at), "told", denied)
        replies = [
            (question, reply)
            for (question, reply), fate in zip(heard, fates, strict=True)
            if self._gets_through(question, reply, fate)
        ]
        run.charges += [
            question.request.attempt_id
            for question, reply in replies
            if isinstance(question.request, ChargeRequest) and not isinstance(reply, Exception)
        ]
        return replies

    def _gets_through(self, question: Question, reply: GatewayReply, fate: CallFault | None) -> bool:
        if fate in ("answer_delayed", "answer_twice") and reply is not None and not isinstance(reply, Exception):
            later = self.moment.some(LATER, "late", question.card_id.int)
            self.agenda.add(self.moment.after(later), "record", (question, reply))
        return fate not in ("answer_delayed", "crash_after_call")

    def _held_up(self, several: Sequence[DelayedRequest]) -> None:
        for held in several:
            arrives_at = max(self.moment.now, min(held.arrives_at, self.moment.quiet_from))  # its news come in time
            self.agenda.add(on_grid(arrives_at), "arrival", held)

    def _acknowledge(self, run: _Run, parked: Parked) -> None:
        self.checker.acknowledged(parked, map(str, run.charges))
        for card_id in parked:
            self.parked.add(card_id)
            self.agenda.add(on_grid(self.moment.after(self.moment.some(_PARKED_FOR, "parked"))), "retry", card_id)


def batches(many: Iterable[object]) -> Iterator[list]:
    """So many at a time as a worker takes together."""
    ones = list(many)
    for start in range(0, len(ones), _BATCH):
        yield ones[start : start + _BATCH]
