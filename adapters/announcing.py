"""Announcing the prices of a catalogue version to all holders of a plan: one command of each card, a batch at a time.

The id of a card's command is made of the announcement's, so that one which was interrupted or killed is given again
under the same id, and no holder is told twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from adapters.asking import ReadRules
from engine.actor import Actor
from engine.application import Engine, Reply
from engine.commands import AnnouncePriceChange, Issued
from engine.errors import BaohaoError, Refused
from engine.rules import Rules
from engine.store.log import head
from projections.cards import CARDS
from projections.follow import BATCH, follow
from projections.live import LIVE

CARDS_AT_ONCE = 500


class Announcement(NamedTuple):
    """Which prices are announced to whom; `announcement_id` is chosen by whoever announces them."""

    announcement_id: str
    plan: str
    version: str


@dataclass
class Announced:
    """What became of the cards of an announcement so far."""

    cards: int = 0
    """All of the plan that are renewed automatically."""
    announced: int = 0
    unchanged: int = 0
    """Their holders agreed to these prices already, or were told of them."""
    refused: int = 0
    """Such as cards whose auto-renewal has been switched off meanwhile, or that have another currency."""
    failed: int = 0
    """Cards that could not be read or stored: give the announcement again under its id."""

    @property
    def done(self) -> int:
        """How many cards have been tried."""
        return self.announced + self.unchanged + self.refused + self.failed


def check_announcement(rules: Rules, asked: Announcement) -> None:
    """Raise Refused `unknown_plan` or `unknown_version` for what the catalogue does not have."""
    rules.catalogue.plan(asked.plan)
    rules.catalogue.effective_on(asked.version)


def cards_of(connection: Connection[Any], plan: str) -> list[UUID]:
    """The cards of a plan that are renewed automatically, by all facts that are stored now.

    Raises BaohaoError where the read model of cards cannot follow them.
    """
    end = head(connection)
    while follow(connection, LIVE, BATCH, end).fact_count:
        pass
    query = "SELECT coalesce(max(position), 0) >= %s FROM followers WHERE name = %s"
    if connection.execute(query, (end, LIVE.position_of(CARDS))).fetchone() != (True,):
        raise BaohaoError("the read model of cards does not follow the log; `baohao projections status` says why")
    query = "SELECT card_id FROM cards WHERE plan = %s AND auto_renew_months IS NOT NULL ORDER BY card_id"
    return [card_id for (card_id,) in connection.execute(query, (plan,))]


def announced(
    engine: Engine, read_rules: ReadRules, card_ids: Sequence[UUID], asked: Announcement, actor: Actor
) -> Iterator[Announced]:
    """What became of the cards so far, after each batch."""
    told = Announced(len(card_ids))
    for start in range(0, len(card_ids), CARDS_AT_ONCE):
        batch = card_ids[start : start + CARDS_AT_ONCE]
        for reply in engine.execute([Issued(_command(asked, one), actor) for one in batch], *read_rules()):
            _count(told, reply)
        yield told


def _command(asked: Announcement, card_id: UUID) -> AnnouncePriceChange:
    command_id = f"{asked.announcement_id}:{card_id}"
    return AnnouncePriceChange(command_id=command_id, card_id=card_id, version=asked.version)


def _count(told: Announced, reply: Reply) -> None:
    match reply:
        case Refused():
            told.refused += 1
        case Exception():
            told.failed += 1
        case ():
            told.unchanged += 1
        case _:
            told.announced += 1
