"""One seeded world: the real engine over a recorder in memory and the simulated gateway, in virtual time.

It calls the engine's steps in the order in which the consumer does, wake → ask → record, lets go wrong whatever can
between any two of them, and holds no rule of renewal itself: cards are woken by the times stored with their facts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID

from msgspec import json

from engine import commands as asked
from engine.application import Engine, Settled
from engine.deciding import Question, Said
from engine.envelope import read_fact
from engine.errors import GatewayMisuseError, Refused
from engine.notices import NOTICE_FACTS, notice_of
from engine.ports import Charged
from engine.rules import Rules
from engine.store.appending import EventIds
from engine.store.streams import Store
from tests.simulation.agenda import Agenda, Jobs, on_grid
from tests.simulation.chance import Chance
from tests.simulation.checker import Checker
from tests.simulation.faults import CALL_FAULTS, COMMAND_FAULTS, KINDS, WAKE_FAULTS, Faults, Level
from tests.simulation.gateway import DelayedRequest, FaultyGateway
from tests.simulation.holders import REACTED_TO, Holders, other_body, resolve_attempt
from tests.simulation.lives import Life
from tests.simulation.market import BEGIN, POLICIES, catalogue, version_name
from tests.simulation.memory import CrashError, Row, Trouble, TroubledRecorder
from tests.simulation.people import People

LEASE = timedelta(hours=3)
"""A card that is still due so long after its message is sent again."""
QUIET = timedelta(days=16)
"""The end of each run, in which nothing new goes wrong and all must come to rest."""
_LATER = tuple(timedelta(seconds=s) for s in (25, 25, 10_800, 32_400, 97_200))
_PAUSES = tuple(timedelta(seconds=s) for s in (25, 25, 10_800, 93_600))
_SKEWS = tuple(timedelta(seconds=s) for s in (-90, -3, 4, 75))
_SECOND = timedelta(seconds=1)
_BATCH = 500

Ask = tuple[Question, int]
"""A question, and the position of the log in whose light it was decided."""


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    seed: int
    cards: int = 100
    years: float = 1.0
    level: Level = "low"
    kinds: frozenset[str] = frozenset(KINDS)
    slots: tuple[int, ...] | None = None
    """Only the cards of these places; None: all."""
    harsh: bool | None = None
    """Whether nearly every payment fails; None: at level high."""
    born_within_days: int = 60

    @property
    def is_harsh(self) -> bool:
        """Whether nearly every payment fails."""
        return self.level == "high" if self.harsh is None else self.harsh

    @property
    def end(self) -> datetime:
        """The last instant."""
        return on_grid(BEGIN + timedelta(days=365 * self.years))


@dataclass
class World:
    """Runs one plan; everything that the checker may know goes to it as it happens."""

    plan: Plan
    checker: Checker
    record: Path
    progress: Callable[[float], None] = lambda _: None
    remember: Callable[[bytes], None] = lambda _: None
    """Hears all stored bytes in their order."""
    begins: datetime = BEGIN
    now: datetime = BEGIN
    _tick: int = field(init=False, default=0)
    faults: Faults = field(init=False)
    _due: dict[UUID, datetime | None] = field(init=False, default_factory=dict["UUID", "datetime | None"])

    def __post_init__(self) -> None:
        plan = self.plan
        chance = self._chance = Chance(plan.seed)
        self.faults = Faults(chance, plan.level, plan.kinds)
        quiet_from = plan.end - QUIET
        windows = self.faults.windows(BEGIN, quiet_from)
        self._stops = [window for window in windows if window.kind == "charging_stop"]
        self._quiet_from = quiet_from
        self._third = (plan.end - BEGIN) / len(POLICIES)
        self._changes = plan.level != "none" and "policy_change" in plan.kinds
        self._agenda = Agenda(windows, plan.end)
        self._gateway = FaultyGateway(plan.seed, self.faults, windows)
        holders = Holders(chance, plan.cards, harsh=plan.is_harsh)
        self._people = People(chance, holders, self._agenda, quiet_from)
        self._recorder = TroubledRecorder(self._stored, self._falls_due)
        store = Store(self._recorder, "simulation", sleep=lambda _: None, event_ids=_numbered())
        self._engine = Engine(store, lambda: self.now)
        self._catalogue = catalogue()
        for window in windows:
            self.checker.window(window.kind, window.begins, window.ends)
        self._begin()

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Live through it; `stop` is asked after every step."""
        length = self.plan.end - BEGIN
        try:
            for at, jobs in self._agenda:
                self.now, self._tick = at, int(at.timestamp())
                self._step(jobs)
                self.progress((at - BEGIN) / length)
                if stop():
                    return
            self._gateway.save(self.record)
        finally:
            self._gateway.close()
        self.now = self.plan.end
        self.checker.finish(self.record, self.plan.end)

    def forget(self) -> None:
        """Let go of everything: to leave it to the collector costs a fiftieth of a world's time."""
        vars(self).clear()

    def slot_of(self, card_id: UUID) -> int:
        """The place in the world of a card."""
        return self._people.lives[card_id].slot

    def history(self, card_id: UUID) -> list[Row]:
        """What is stored of a card."""
        return self._recorder.rows(card_id)

    # What is to come

    def _begin(self) -> None:
        plan = self.plan
        for slot in plan.slots if plan.slots is not None else range(plan.cards):
            days = plan.born_within_days * self._chance.of("born", slot)
            self._agenda.add(on_grid(BEGIN + timedelta(days=days)), "birth", (slot, 0))
        if plan.level == "none":
            return
        for number in range(1, len(POLICIES)) if self._changes else ():
            self._agenda.add(on_grid(BEGIN + number * self._third), "replan", number)
        for half_year in range(int(2 * plan.years)) if "price_change" in plan.kinds else ():
            announced_at = BEGIN + timedelta(days=150 + 182 * half_year)
            self._agenda.add(on_grid(announced_at), "announce", version_name(half_year + 3))

    def _rules(self, at: datetime) -> Rules:
        policy = POLICIES[min(int((at - BEGIN) / self._third), len(POLICIES) - 1) if self._changes else 0]
        stopped = any(window.begins <= at < window.ends for window in self._stops)
        return Rules(policy, self._catalogue, charging_stopped=stopped)

    def _fault_for(self, kinds: Sequence[str], *about: object) -> str | None:
        return None if self.now >= self._quiet_from else self.faults.fault_for(kinds, *about, self._tick)

    # What happened

    def _stored(self, row: Row) -> None:
        self.remember(row.state)
        self.checker.row(*row)
        if row.topic in NOTICE_FACTS:
            self._tell(row)
        if row.topic in REACTED_TO:
            self._agenda.add(self.now, "news", row)

    def _tell(self, row: Row) -> None:
        notice = notice_of(read_fact(*row))
        if notice is not None:
            self.checker.notice(json.encode(notice).decode())

    def _falls_due(self, card_id: UUID, wake_at: datetime | None) -> None:
        self._due[card_id] = wake_at
        if wake_at is not None:
            self._agenda.add(on_grid(max(wake_at, self.now + _SECOND)), "check", card_id)

    def _step(self, jobs: Jobs) -> None:
        for slot, generation in jobs.get("birth", ()):
            self._people.add_card(slot, generation, self.now)
        for row in jobs.get("news", ()):
            self._people.react(row, self.now)
        for number in jobs.get("replan", ()):
            self._replan(number)
        for version in jobs.get("announce", ()):
            commands = [
                asked.AnnouncePriceChange(**life.ids(), version=version) for life in self._people.lives.values()
            ]
            self._execute_all(commands)
        for life in jobs.get("thought", ()):
            self._execute_all(self._people.random_commands(life, self._recorder.rows(life.card_id), self.now))
        self._execute_all(jobs.get("command", ()))
        self._execute_all([self._found(life, attempt_id) for life, attempt_id in jobs.get("person", ())])
        asks = self._wake_all(dict.fromkeys([*self._still_due(jobs.get("check", ())), *jobs.get("wake", ())]))
        for held in jobs.get("arrival", ()):
            self._arrived(held)
        asks += self._record([*jobs.get("record", ()), *jobs.get("told", ())])
        self._see_through([*jobs.get("ask", ()), *asks])

    def _still_due(self, checks: Iterable[UUID]) -> Iterable[UUID]:
        for card_id in dict.fromkeys(checks):
            wake_at = self._due[card_id]
            if wake_at is not None and wake_at <= self.now:
                self._agenda.add(self.now + LEASE, "check", card_id)
                yield card_id

    # People

    def _found(self, life: Life, attempt_id: UUID) -> asked.Command:
        answer = self._gateway.listed(attempt_id, self.now)
        return resolve_attempt(life, attempt_id, answer.gateway_ref if isinstance(answer, Charged) else None)

    def _execute_all(self, commands: Iterable[asked.Command]) -> None:
        groups: dict[str | None, list[asked.Command]] = {}
        for command in commands:
            fate = self._fault_for(COMMAND_FAULTS, "command", command.command_id)
            if fate in ("repeated", "reused"):
                later = self.now + self._some(_LATER, "again", command.command_id)
                self._agenda.add(later, "command", command if fate == "repeated" else other_body(command))
                fate = None
            groups.setdefault(fate, []).append(command)
        for fate, group in groups.items():
            for batch in _batches(group):
                self._execute(fate, batch)

    def _execute(self, fate: str | None, commands: list[asked.Command]) -> None:
        self._recorder.trouble = Trouble(
            crash_before=fate == "command_crash_before",
            crash_after=fate == "command_crash_after",
            lost_reply=fate == "command_lost_reply",
        )
        try:
            replies = self._engine.execute(commands, self._rules(self.now), self.now)
        except CrashError:  # whoever asked hears nothing, and asks again
            for command in commands:
                self._agenda.add(self.now + timedelta(seconds=25), "command", command)
            return
        finally:
            self._recorder.trouble = Trouble()
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, tuple):
                self.checker.accepted(command.command_id, command.card_id, command, reply)
            elif isinstance(reply, Refused):
                self.checker.refused(command.command_id, command, reply.code)
            else:
                self.checker.failed(command.card_id, f"{command.command} could not be decided: {reply!r}")

    # Workers

    def _replan(self, number: int) -> None:
        for batch in _batches(card_id for card_id in self._people.lives if self._recorder.rows(card_id)):
            self._asks(self._engine.replan(batch, f"replan.{number}", self._rules(self.now), self.now), 0)

    def _wake_all(self, card_ids: Iterable[UUID]) -> list[Ask]:
        """Wake many cards, each with its fate; the questions to the gateway are asked together."""
        groups: dict[str | None, list[UUID]] = {}
        for card_id in card_ids:
            fate = self._fault_for(WAKE_FAULTS, "wake", card_id.int)
            if fate in ("delayed", "doubled"):
                self._agenda.add(self.now + self._some(_LATER, "later", card_id.int), "wake", card_id)
            if fate not in ("lost", "delayed"):
                groups.setdefault(None if fate == "doubled" else fate, []).append(card_id)
        asks: list[Ask] = []
        for fate, group in groups.items():
            for batch in _batches(group):
                asks += self._wake(fate, batch)
        return asks

    def _wake(self, fate: str | None, card_ids: list[UUID]) -> list[Ask]:
        causes = dict.fromkeys(card_ids, f"{self.now:%y%m%d%H%M%S} {fate or ''}")
        at = self.now + (self._some(_SKEWS, "skew") if fate == "skewed" else timedelta(0))
        self._recorder.trouble = Trouble(
            crash_before=fate == "crash_before_append",
            crash_after=fate == "crash_after_append",
            lost_reply=fate == "lost_reply",
            rival=partial(self._rival, card_ids) if fate == "rival" else None,
        )
        loaded_at = self._recorder.position
        try:
            settled = self._engine.wake(causes, self._rules(at), at)
        except CrashError:
            return []
        finally:
            self._recorder.trouble = Trouble()
        return self._asks(settled, loaded_at)

    def _some(self, choices: Sequence[timedelta], *about: object) -> timedelta:
        return choices[int(self._chance.of(*about, self._tick) * len(choices))]

    def _rival(self, card_ids: list[UUID]) -> None:
        """Another worker has the same cards, or their holders want something, between our loading and appending."""
        thinking = [card_id for card_id in card_ids if self._chance.of("rival", card_id.int, self._tick) < 0.5]
        for card_id in thinking:
            self._execute(None, self._people.concurrent_commands(card_id, self._recorder.rows(card_id)))
        others = {card_id: f"rival {self.now:%y%m%d%H%M%S}" for card_id in card_ids if card_id not in thinking}
        at = self.now + timedelta(seconds=1)
        loaded_at = self._recorder.position
        self._see_through(self._asks(self._engine.wake(others, self._rules(at), at), loaded_at))

    def _see_through(self, asks: Sequence[Ask]) -> None:
        """Ask, record, and ask on, as long as there are questions."""
        while asks:
            asks = [(question.put_at(self.now), decided_at) for question, decided_at in asks]
            answers: list[tuple[Question, Said]] = []
            fates = [self._call_fate(question) for question, _ in asks]
            going = [ask for ask, fate in zip(asks, fates, strict=True) if fate not in ("crash_before_call", "paused")]
            heard = self._gateway.ask(going, self.now, self._recorder.position, self.checker.request)
            by_question = {id(question): answer for question, answer in heard}
            for (question, decided_at), fate in zip(asks, fates, strict=True):
                if fate == "paused":
                    pause = self._some(_PAUSES, "pause", question.stream.card_id.int)
                    self._agenda.add(self.now + pause, "ask", (question, decided_at))
                elif id(question) in by_question:
                    answers += self._answered(question, by_question[id(question)], fate)
            for held in self._gateway.take_delayed():
                arrives_at = max(self.now, min(held.arrives_at, self._quiet_from))  # so that its news come in time
                self._agenda.add(on_grid(arrives_at), "arrival", held)
            asks = self._record(answers)

    def _record(self, answers: Iterable[tuple[Question, Said]]) -> list[Ask]:
        asks: list[Ask] = []
        for batch in _batches(answers):
            loaded_at = self._recorder.position
            asks += self._asks(self._engine.record(batch, self._rules(self.now), self.now), loaded_at)
        return asks

    def _asks(self, settled: Settled, loaded_at: int) -> list[Ask]:
        """What is to be asked; who could not be decided is told of."""
        for card_id, error in settled.failed.items():
            self.checker.failed(card_id, f"the card could not be decided: {error!r}")
        return [(question, loaded_at) for question in settled.questions]

    def _call_fate(self, question: Question) -> str | None:
        return self._fault_for(CALL_FAULTS, "call", question.stream.card_id.int, question.stream.version)

    def _answered(
        self, question: Question, answer: Said | GatewayMisuseError, fate: str | None
    ) -> Iterable[tuple[Question, Said]]:
        if isinstance(answer, GatewayMisuseError):
            self.checker.failed(question.stream.card_id, f"the gateway calls our request wrong: {answer}")
            return
        if fate in ("answer_delayed", "answer_twice"):
            later = self._some(_LATER, "late", question.stream.card_id.int)
            self._agenda.add(self.now + later, "record", (question, answer))
        if fate not in ("answer_delayed", "crash_after_call"):
            yield question, answer

    def _arrived(self, held: DelayedRequest) -> None:
        """News of a charge that nobody expected any more comes from the provider, or through a person."""
        question, request = held.question, held.request
        self._gateway.deliver(held)
        answer = self._gateway.listed(request.attempt_id, self.now)
        if isinstance(answer, Charged) and self._chance.of("news", request.attempt_id) < 0.3:
            life = self._people.lives[request.card_id]
            self._agenda.add(on_grid(self.now + timedelta(hours=20)), "person", (life, request.attempt_id))
        else:
            self._agenda.add(on_grid(self.now + timedelta(hours=1)), "told", (question, answer))


def _numbered() -> EventIds:
    """Event ids that are the same whenever the same world is lived through."""
    numbers = count(1)
    return lambda _: (UUID(int=number) for number in numbers)


def _batches(many: Iterable[object]) -> Iterable[list]:
    ones = list(many)
    for start in range(0, len(ones), _BATCH):
        yield ones[start : start + _BATCH]
