"""The checker: facts, notices, requests, commands and windows go in as they happen; sentences come out."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from tests.simulation.checker import charges, consent, money, terms
from tests.simulation.checker.book import Book, Fact, Try
from tests.simulation.checker.days import instant
from tests.simulation.checker.limits import Limits
from tests.simulation.checker.notices import Notices
from tests.simulation.checker.record import check_record

Handler = Callable[["Checker", Book, Fact], None]
HANDLERS: dict[str, Handler] = charges.HANDLERS | consent.HANDLERS | money.HANDLERS | terms.HANDLERS

SKEW = timedelta(minutes=5)
"""Clocks of two workers may differ so much, and with them the times of facts that follow each other."""
LATELY, LATELY_MOST = timedelta(hours=24), 400
"""More facts of one card in a day than that: something runs hot."""
OVERDUE = timedelta(days=2)
READ_TRIES = 2
"""What cannot be read so often is parked."""
VIOLATIONS_MOST = 200


class Violation(NamedTuple):
    """One broken promise."""

    kind: str
    """The check that found it."""
    card_id: UUID | None
    at: datetime | None
    sentence: str


class Accepted(NamedTuple):
    """A command that was answered with facts, or that all was so already."""

    card_id: UUID
    name: str
    body: object
    answer: object


class Effect(NamedTuple):
    """A fact that a command led to."""

    card_id: UUID
    version: int
    actor: str


@dataclass
class Checker:
    """Keeps a book per card; `violations` grows as promises are found broken."""

    seed: int
    books: dict[UUID, Book] = field(default_factory=dict[UUID, Book])
    tries: dict[str, Try] = field(default_factory=dict[str, Try])
    violations: list[Violation] = field(default_factory=list[Violation])
    stops: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """When the operator stopped all charging."""
    limits: Limits = field(default_factory=Limits)
    notices: Notices = field(default_factory=Notices)
    commands: dict[str, Accepted] = field(default_factory=dict[str, Accepted])
    refusals: set[str] = field(default_factory=set[str])
    effects: dict[str, Effect] = field(default_factory=dict[str, Effect])
    """Cause of facts → the last of them; of commands only."""
    unread: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """Cards of the batch under way that could not be read, and how often."""
    refunds: set[str] = field(default_factory=set[str])
    refunded: set[str] = field(default_factory=set[str])
    attempts: int = 0
    facts: int = 0
    position: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])

    # What comes in

    def row(self, position: int, card_id: UUID, version: int, topic: str, state: bytes) -> None:
        """One stored fact, in the order of the log."""
        book = self.books.get(card_id)
        if book is None:
            book = self.books[card_id] = Book(card_id)
        stored = json.decode(state)
        fact = Fact(position, version, topic, instant(stored["fact"]["at"]), stored["cause"], stored["fact"])
        self.facts += 1
        self._in_order(book, fact)
        self._hot(book, fact)
        self._once(book, fact, stored["actor"])
        terms.held_up(book, fact)
        HANDLERS[topic](self, book, fact)
        book.at = fact.at
        book.wake_at = instant(stored["wake_at"]) if stored["wake_at"] else None
        self._awake(book, fact, last=stored["last"])
        self.notices.after(self, book, fact)

    def told(self, notice: str) -> None:
        """A notice to the holder of the fact that came last, as JSON."""
        self.notices.heard(self, notice)

    def heard(self, request: Sequence[Any]) -> None:
        """One request as the gateway heard it: at, kind, key, parameters, decided_at, position."""
        charges.heard(self, *request)

    def accepted(self, command_id: str, card_id: UUID, name: str, actor: str, body: object, answer: object) -> None:
        """A command of `actor` was answered; `answer` is true if it led to facts. Of both only equality matters."""
        known = self.commands.get(command_id)
        if known is None:
            self.commands[command_id] = Accepted(card_id, name, body, answer)
            effect = self.effects.get(command_id)
            if effect is not None and effect.actor != actor:
                self.say("actor", card_id, None, f"command {command_id} of {actor} is recorded as {effect.actor}'s")
            if answer and command_id not in self.effects:
                self.say(
                    "lost_fact", card_id, None, f"command {command_id} was answered, but none of its facts is stored"
                )
        elif known.body != body:
            self.say("command_memory", card_id, None, f"command id {command_id} was accepted for two different bodies")
        elif known.answer != answer:
            self.say("command_memory", card_id, None, f"command {command_id} given again was answered differently")

    def refused(self, command_id: str, body: object, code: str) -> None:
        """A command was refused."""
        known = self.commands.get(command_id)
        if known is not None and known.body == body:
            sentence = f"command {command_id} was accepted, but is refused ({code}) when given again"
            self.say("command_memory", known.card_id, None, sentence)

    def failed(self, card_id: UUID, why: str) -> None:
        """A card could not be decided or asked about."""
        self.say("failed", card_id, None, why)

    def unreadable(self, card_id: UUID) -> None:
        """A card of the batch under way could not be read."""
        self.unread[card_id] = self.unread.get(card_id, 0) + 1

    def readable(self, card_id: UUID) -> None:
        """It could be read after all."""
        self.unread.pop(card_id, None)

    def acknowledged(self, parked: Mapping[UUID, str], charges: Iterable[str]) -> None:
        """The batch will not come again: some cards are parked, and something was heard of some attempts."""
        for card_id, why in parked.items():
            if self.unread.pop(card_id, 0) != READ_TRIES:
                self.say("failed", card_id, None, f"it was parked: {why}")
        for card_id, times in self.unread.items():
            self.say("parking", card_id, None, f"it could not be read, {times} times, and was not parked")
        self.unread.clear()
        for key in charges:
            one = self.tries.get(key)
            if one is not None and one.outcome is None and not one.unknown:
                self.say("lost_fact", one.card_id, None, f"what was heard of attempt {key} is not stored")

    def window(self, kind: str, begins: datetime, ends: datetime) -> None:
        """An outage, or a time in which the operator stopped all charging."""
        if kind == "charging_stop":
            self.stops.append((begins, ends))

    def finish(self, record: Path, at: datetime) -> None:
        """The end: what is due is done, what is owed is paid back, what was charged is known."""
        self.notices.settle(self)
        for book in self.books.values():
            self._overdue(book, at)
            terms.finish(self, book, at)
            money.finish(self, book, at)
        check_record(self, record)

    # What goes out

    def say(self, kind: str, card_id: UUID | None, fact: Fact | None, sentence: str) -> None:
        """One broken promise."""
        self.kinds[kind] += 1
        if len(self.violations) < VIOLATIONS_MOST:
            where = f"seed {self.seed}, card {card_id}" + (f", fact {fact.version}" if fact else "")
            when = f" at {fact.at:%Y-%m-%d %H:%M:%S}" if fact else ""
            book = self.books.get(card_id) if card_id else None
            at = fact.at if fact else book.at if book else None
            self.violations.append(Violation(kind, card_id, at, f"{where}{when}: {sentence}"))

    def stopped(self, at: datetime) -> bool:
        """Whether the operator had stopped all charging then."""
        return any(begins <= at < ends for begins, ends in self.stops)

    # Rules of the log itself

    def _in_order(self, book: Book, fact: Fact) -> None:
        if fact.version != book.version + 1 or fact.position != self.position + 1:
            self.say(
                "lost_fact", book.card_id, fact, f"it comes after fact {book.version} and position {self.position}"
            )
        if book.at is not None and fact.at < book.at - SKEW:
            self.say("time", book.card_id, fact, f"business time went back from {book.at}")
        book.version, self.position = fact.version, fact.position

    def _hot(self, book: Book, fact: Fact) -> None:
        book.lately.append(fact.at)
        if len(book.lately) > LATELY_MOST:
            if fact.at - book.lately[0] < LATELY:
                self.say("hot", book.card_id, fact, f"{LATELY_MOST} facts within {fact.at - book.lately[0]}")
            book.lately.clear()

    def _once(self, book: Book, fact: Fact, actor: str) -> None:
        cause = fact.cause
        known = self.effects.get(cause)
        if cause in self.commands or (known is not None and known[:2] != (book.card_id, fact.version - 1)):
            self.say("command_memory", book.card_id, fact, f"command {cause} has two effects")
        if " " in cause:  # the cause of a wake
            if not actor.startswith("system:"):
                self.say("actor", book.card_id, fact, f"what time led to is recorded as done by {actor}")
        elif "replan" not in cause:
            self.effects[cause] = Effect(book.card_id, fact.version, actor)

    def _awake(self, book: Book, fact: Fact, *, last: bool) -> None:
        """A living card that is not held always has a time at which it wakes; nothing is left half done."""
        if last and book.must_leave:
            self.say("balance", book.card_id, fact, f"{book.must_leave} went back, but stay on the balance")
            book.must_leave = 0
        if last and book.wake_at is None and not book.over and (book.held_since is None or book.open is not None):
            self.say("liveness", book.card_id, fact, "the card will never wake again")

    def _overdue(self, book: Book, at: datetime) -> None:
        if book.wake_at is not None and book.wake_at < at - OVERDUE:
            self.say("liveness", book.card_id, None, f"it was to wake at {book.wake_at} and was never done")
