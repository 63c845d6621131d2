"""A card's history with the card after each fact, and the sentences of answers, each with the facts it rests on."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from engine.actor import is_person
from engine.card.card import Card
from engine.card.custody import CardRegistered
from engine.card.event import Event
from engine.card.evolve import evolve
from engine.card.term import CardRenewed
from engine.envelope import Recorded, card_fact
from engine.errors import CorruptHistoryError
from engine.value import Value
from engine.why.phrases import clock
from engine.why.sentences import sentence

F = TypeVar("F", bound=Event)


class Sentence(Value):
    """A sentence, and the versions of the facts that it rests on."""

    text: str
    versions: tuple[int, ...]


class Answer(Value):
    """Sentences about a card; their instants are shown in `zone`, in which the days of its term are counted."""

    card_id: UUID
    zone: str
    sentences: tuple[Sentence, ...]


class Story(Value):
    """The facts of a card from the first on, and the card after each of them."""

    records: Sequence[Recorded]
    cards: Sequence[Card]

    @property
    def end(self) -> int:
        """The place of the last fact."""
        return len(self.records) - 1

    @property
    def zone(self) -> str:
        """The zone in which the days of the last term are counted."""
        return self.cards[-1].term.zone

    def clock(self, place: int) -> str:
        """When the fact at `place` happened, in the zone of the story."""
        return clock(self.records[place].fact.at, self.zone)

    def sentence(self, text: str, *places: int) -> Sentence:
        """A sentence that rests on the facts at `places`."""
        return Sentence(text, tuple(sorted({self.records[place].version for place in places})))

    def fact_sentence(self, place: int) -> Sentence:
        """The fact at `place` as a sentence, which names the person who acted, if one did."""
        recorded = self.records[place]
        text = sentence(recorded, self.zone)
        return self.sentence(f"{text[:-1]} (actor: {recorded.actor})." if is_person(recorded.actor) else text, place)

    def answer(self, *sentences: Sentence) -> Answer:
        """The sentences as an answer."""
        return Answer(self.cards[-1].card_id, self.zone, sentences)

    def backwards(
        self, kind: type[F] | tuple[type[F], ...], upto: int, wanted: Callable[[F], bool] = lambda _: True
    ) -> Iterator[tuple[int, F]]:
        """Places and facts of a kind that are `wanted`, from the one at `upto` back to the first."""
        for place in range(upto, -1, -1):
            fact = self.records[place].fact
            if isinstance(fact, kind) and wanted(fact):
                yield place, fact

    def last(
        self, kind: type[F] | tuple[type[F], ...], upto: int, wanted: Callable[[F], bool] = lambda _: True
    ) -> tuple[int, F] | None:
        """The latest of these at or before `upto`; None where there is none."""
        return next(self.backwards(kind, upto, wanted), None)

    def term_began(self, upto: int) -> tuple[int, CardRenewed | CardRegistered]:
        """Where and how the term that runs at `upto` was paid."""
        number = self.cards[upto].term.number
        return self.origin((CardRenewed, CardRegistered), upto, lambda fact: fact.term.number == number)

    def origin(
        self, kind: type[F] | tuple[type[F], ...], upto: int, wanted: Callable[[F], bool] = lambda _: True
    ) -> tuple[int, F]:
        """The same where one must exist, since a later fact rests on it; raises CorruptHistoryError."""
        found = self.last(kind, upto, wanted)
        if found is None:
            fact = self.records[upto].fact
            raise CorruptHistoryError(
                f"card {self.records[upto].card_id}: {type(fact).__name__} without what led to it"
            )
        return found


def story_of(history: Sequence[Recorded]) -> Story:
    """The story of a history that begins with the card's first fact; raises CorruptHistoryError."""
    if not history:
        raise CorruptHistoryError("a card without facts has no story")
    card: Card | None = None
    cards: list[Card] = []
    for recorded in history:
        card = evolve(card, recorded.card_id, card_fact(recorded))
        cards.append(card)
    return Story(history, cards)
