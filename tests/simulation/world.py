"""One seeded world: the real engine over a recorder in memory and the simulated gateway, in virtual time.

It holds no rule of renewal itself: its workers run the engine's pipeline, and cards are woken by the times stored with
their facts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from msgspec import json

from engine import commands as asked
from engine.actor import actor
from engine.application import Engine
from engine.envelope import read_fact
from engine.errors import Refused
from engine.news import News
from engine.notices import NOTICE_FACTS, notice_of
from engine.ports import Charged, Declined, NotFound
from engine.rules import Rules
from tests.simulation.agenda import Agenda, Jobs, on_grid
from tests.simulation.chance import Chance
from tests.simulation.checker import Checker
from tests.simulation.faults import COMMAND_FAULTS, KINDS, CommandFault, FaultKind, Faults, Level
from tests.simulation.gateway import DelayedRequest, FaultyGateway
from tests.simulation.holders import REACTED_TO, Holders, other_body, resolve_attempt, settle_refund
from tests.simulation.lives import Life
from tests.simulation.market import BEGIN, POLICIES, PROVIDER, catalogue, version_name
from tests.simulation.memory import CrashError, Row, Trouble, TroubledRecorder
from tests.simulation.moment import Moment
from tests.simulation.pages import Page, Pages
from tests.simulation.people import People
from tests.simulation.workers import LATER, UnsteadyStore, Workers, batches

LEASE = timedelta(hours=3)
"""A card that is still due so long after its message is sent again."""
QUIET = timedelta(days=16)
"""The end of each run, in which nothing new goes wrong and all must come to rest."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Plan:
    """What to simulate."""

    seed: int
    cards: int = 100
    years: float = 1.0
    level: Level = "low"
    kinds: frozenset[FaultKind] = frozenset(KINDS)
    slots: tuple[int, ...] | None = None
    """Only the cards of these places; None: all."""
    harsh: bool | None = None
    """Whether nearly every payment fails; None: at level high."""
    born_within_days: int = 60
    pending: float = 0.0
    """The share of charges that the provider accepts at once, and whose outcome it says only days later."""
    pages: float = 0.0
    """How often a holder who asks for something also pays on the provider's page."""

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
    faults: Faults = field(init=False)
    _due: dict[UUID, datetime | None] = field(init=False, default_factory=dict["UUID", "datetime | None"])

    def __post_init__(self) -> None:
        plan = self.plan
        chance = self._chance = Chance(plan.seed)
        self.faults = Faults(chance, plan.level, plan.kinds)
        quiet_from = plan.end - QUIET
        windows = self.faults.windows(BEGIN, quiet_from)
        self._stops = [window for window in windows if window.kind == "charging_stop"]
        self._moment = Moment(BEGIN, quiet_from, chance, self.faults)
        self._third = (plan.end - BEGIN) / len(POLICIES)
        self._changes = plan.level != "none" and "policy_change" in plan.kinds
        self._agenda = Agenda(windows, plan.end)
        self._pages = Pages(chance, plan.pages)
        self._gateway = FaultyGateway(plan.seed, self.faults, windows, plan.pending, self._pages.look_up)
        holders = Holders(chance, plan.cards, harsh=plan.is_harsh)
        self._people = People(chance, holders, self._agenda, quiet_from)
        self._recorder = TroubledRecorder(lambda: self.now, self._stored, self._falls_due)
        store = UnsteadyStore(self._recorder, self.checker)
        self._engine = Engine(store, actor("system", "consumer"))
        self._workers = Workers(
            self._engine,
            store,
            self._recorder,
            self._gateway,
            self._agenda,
            self.checker,
            self._moment,
            self._rules,
            lambda card_id: self._execute(
                None, self._people.concurrent_commands(card_id, self._recorder.rows(card_id))
            ),
        )
        self._catalogue = catalogue()
        for window in windows:
            self.checker.window(window.kind, window.begins, window.ends)
        self._begin()

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self._moment.now

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Live through it; `stop` is asked after every step."""
        length = self.plan.end - BEGIN
        try:
            for at, jobs in self._agenda:
                self._moment.move(at)
                self._step(jobs)
                self.progress((at - BEGIN) / length)
                if stop():
                    return
            self._gateway.save(self.record)
        finally:
            self._gateway.close()
        self._moment.move(self.plan.end)
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
        return Rules(policy, self._catalogue, PROVIDER, charging_stopped=stopped)

    # What happened

    def _stored(self, row: Row) -> None:
        self.remember(row.state)
        self.checker.row(*row)
        if row.topic in NOTICE_FACTS:
            self._tell(row)
        if self.plan.pages and (page := self._pages.begun(row)) is not None:
            self._opened(page)
        if row.topic in REACTED_TO:
            self._agenda.add(self.now, "news", row)

    def _opened(self, page: Page) -> None:
        if page.paid_at is not None:
            self._agenda.add(max(page.paid_at, self.now), "payment", page)
        if page.told_at is not None:
            self._agenda.add(max(page.told_at, self.now), "hint", page)

    def _paid(self, page: Page) -> None:
        self._gateway.pay(page.request, self.now)
        if page.told_at is not None and page.told_at < self.now:  # a clock that jumped made the holder later than that
            self._agenda.add(self.now + _SECOND, "hint", page)

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
            self._people.react(row, self._recorder.rows(row.card_id), self.now)
        for number in jobs.get("replan", ()):
            self._workers.replan((one for one in self._people.lives if self._recorder.rows(one)), number)
        for version in jobs.get("announce", ()):
            commands = [
                asked.AnnouncePriceChange(**life.ids(), version=version) for life in self._people.lives.values()
            ]
            self._execute_all(commands)
        for life in jobs.get("thought", ()):
            commands = self._people.random_commands(life, self._recorder.rows(life.card_id), self.now)
            self._execute_all([*commands, *(self._pages.wanted(life, self.now) if commands else ())])
        self._execute_all(jobs.get("command", ()))
        found = [self._found(life, about) for life, about in jobs.get("person", ())]
        self._execute_all([one for one in found if one is not None])
        due = self._still_due([*self._workers.retry(jobs.get("retry", ())), *jobs.get("check", ())])
        self._workers.wake(dict.fromkeys([*due, *jobs.get("wake", ())]))
        for page in jobs.get("payment", ()):
            if page.may_be_paid(self.now):
                self._paid(page)
        for page in jobs.get("hint", ()):
            self._hinted(page)
        for held in jobs.get("arrival", ()):
            self._arrived(held)
        self._workers.go_on(jobs.get("ask", ()), [*jobs.get("record", ()), *jobs.get("told", ())])

    def _still_due(self, checks: Iterable[UUID]) -> Iterable[UUID]:
        for card_id in dict.fromkeys(checks):
            wake_at = self._due[card_id]
            if wake_at is not None and wake_at <= self.now and card_id not in self._workers.parked:
                self._agenda.add(self.now + LEASE, "check", card_id)
                yield card_id

    # People

    def _found(self, life: Life, about: UUID) -> asked.Command | None:
        """What a person who looks into an attempt or a refund finds out."""
        rows = self._recorder.rows(life.card_id)
        if any(row.topic == "refund_started.v1" and str(about).encode() in row.state for row in rows):
            return settle_refund(life, rows, about, made=self._gateway.has_refunded(about))
        answer = self._gateway.listed(about, self.now)
        return resolve_attempt(life, about, answer.gateway_ref if isinstance(answer, Charged) else None)

    def _execute_all(self, commands: Iterable[asked.Command]) -> None:
        groups: dict[CommandFault | None, list[asked.Command]] = {}
        for command in commands:
            fate = self._moment.fault_for(COMMAND_FAULTS, "command", command.command_id)
            if fate in ("repeated", "reused"):
                later = self._moment.after(self._moment.some(LATER, "again", command.command_id))
                self._agenda.add(later, "command", command if fate == "repeated" else other_body(command))
                fate = None
            groups.setdefault(fate, []).append(command)
        for fate, group in groups.items():
            for batch in batches(group):
                self._execute(fate, batch)

    def _execute(self, fate: CommandFault | None, commands: list[asked.Command]) -> None:
        self._recorder.trouble = Trouble(
            crash_before=fate == "command_crash_before",
            crash_after=fate == "command_crash_after",
            lost_reply=fate == "command_lost_reply",
        )
        try:
            issued = [asked.Issued(command, self._people.who(command)) for command in commands]
            replies = self._engine.execute(issued, self._rules(self.now), self.now)
        except CrashError:  # whoever asked hears nothing, and asks again
            for command in commands:
                self._agenda.add(self.now + timedelta(seconds=25), "command", command)
            return
        finally:
            self._recorder.trouble = Trouble()
        for (command, who), reply in zip(issued, replies, strict=True):
            if isinstance(reply, tuple):
                self.checker.accepted(command.command_id, command.card_id, who, command, reply)
            elif isinstance(reply, Refused):
                self.checker.refused(command.command_id, command.card_id, command, reply.code)
            else:
                self.checker.failed(command.card_id, f"{command.command} could not be decided: {reply!r}")

    # News

    def _hinted(self, page: Page) -> None:
        """The provider notifies us of a page, and what became of it is looked up."""
        request = page.request
        news = News(request.card_id, request.attempt_id, None, "news of a page")
        [question] = self._engine.look_ups([news], self._rules(self.now))
        if question is None:
            return
        answer = self._gateway.listed(request.attempt_id, self.now)
        if isinstance(answer, NotFound):
            answer = self._pages.look_up(request.attempt_id, self.now)
        if isinstance(answer, Charged | Declined):
            self._workers.go_on((), [(question, answer)])

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
