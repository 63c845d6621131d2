"""What the pages of holders work with: the engine, the rules and the time of the moment, and the tables."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.asking import ReadRules
from adapters.bindings import Bindings
from adapters.gateways.pages import HostedPages
from adapters.page_payments import PagePayments
from adapters.web.pace import Pace, provider_pace
from adapters.web.pages.outlooks import Outlooks
from engine.actor import actor
from engine.application import Engine, Reply
from engine.calendar import local_date
from engine.card.card import Card
from engine.card.facts import CardFacts
from engine.catalogue import PERIODS, Plan, Quote
from engine.commands import AnyCommand, Issued
from engine.envelope import Recorded
from engine.errors import Refused
from engine.rules import Rules

PAGE_SIZE = 50

Newest = Callable[[UUID, int | None, int], list[Recorded]]
"""The last facts of a card below a version (None: of all), at most so many; oldest first."""


class Held(NamedTuple):
    """A card of a holder, as it is now."""

    card: Card
    number: str | None
    rules: Rules
    at: datetime
    version: int
    """Of the card's last fact."""
    outlooks: Outlooks

    @property
    def card_id(self) -> UUID:
        """The card's id."""
        return self.card.card_id

    @property
    def zone(self) -> str:
        """By whose clock the card lives."""
        return self.card.term.zone

    @property
    def today(self) -> date:
        """The local day."""
        return local_date(self.at, self.zone)

    def day_of(self, instant: datetime) -> date:
        """The local day of an instant."""
        return local_date(instant, self.zone)

    @property
    def plan(self) -> Plan | None:
        """The card's plan; None if the catalogue has it no more."""
        return self.rules.catalogue.plans.get(self.card.custody.plan)

    def outlook(self) -> CardFacts:
        """What will happen to it by itself."""
        return self.outlooks.of(self.card, self.version, self.rules, self.at)

    def quotes(self) -> tuple[Quote, ...]:
        """Today's price of each period; () where the plan is not sold any more."""
        custody, catalogue = self.card.custody, self.rules.catalogue
        day = local_date(self.at, custody.zone)
        try:
            return tuple(catalogue.quote(custody.plan, custody.currency, months, day) for months in PERIODS)
        except Refused:
            return ()


@dataclass(frozen=True)
class Portal:
    """The engine behind the pages; one for all requests."""

    engine: Engine
    read_rules: ReadRules
    read_newest: Newest
    pool: AsyncConnectionPool[AsyncConnection[Any]]
    origin: str
    """The address of the pages, without a path."""
    hosted: HostedPages | None = None
    """The provider's pages; None: it has none, and methods are bound elsewhere."""
    bindings: Bindings | None = None
    page_payments: PagePayments | None = None
    outlooks: Outlooks = field(default_factory=Outlooks)
    provider_pace: Pace = field(default_factory=provider_pace)
    """How often a holder, or a token, may make us ask the provider."""
    sends_sms: bool = False
    """Whether SMS go out: a card is added by one."""
    support: str | None = None
    """Where holders find help; None: with whoever gave them their cards."""

    async def card(self, holder_id: str, card_id: UUID) -> Held | None:
        """A card of this holder; None for another's, and for one that does not exist."""
        held = await self.held([card_id])
        return held[0] if held and held[0].card.custody.holder_id == holder_id else None

    async def held(self, card_ids: Sequence[UUID]) -> list[Held]:
        """Those of the cards that exist, whoever holds them, in the same order."""
        async with self.pool.connection() as connection:
            query = "SELECT card_id, number FROM card_numbers WHERE card_id = ANY (%s)"
            rows = await (await connection.execute(query, (list(card_ids),), prepare=True)).fetchall()
        numbers: dict[UUID, str | None] = dict.fromkeys(card_ids)
        return await self.numbered(numbers | dict(rows))

    async def numbered(self, numbers: Mapping[UUID, str | None]) -> list[Held]:
        """Those of the cards that exist, whoever holds them, in the same order, with these numbers."""
        return await asyncio.to_thread(self._held, numbers)

    def _held(self, numbers: Mapping[UUID, str | None]) -> list[Held]:
        rules, at = self.read_rules()
        found = self.engine.cards_with_versions(list(numbers)) if numbers else []
        cards = {card.card_id: (card, version) for card, version in found}
        return [
            Held(cards[one][0], number, rules, at, cards[one][1], self.outlooks)
            for one, number in numbers.items()
            if one in cards
        ]

    async def newest_of(self, held: Held, before: int | None, limit: int) -> tuple[list[Recorded], int | None]:
        """The last facts below a version of the present holder's time, oldest first; and where older ones end, if any.

        What was before the card came to this holder is another's to know.
        """
        since, found = held.card.custody.since, await self.newest(held.card_id, before, limit)
        own = [one for one in found if since is None or one.fact.at >= since]
        more = bool(own) and len(own) == len(found) and own[0].version > 1
        return own, own[0].version if more else None

    async def newest(self, card_id: UUID, before: int | None, limit: int) -> list[Recorded]:
        """The last facts of a card below a version, oldest first."""
        return await asyncio.to_thread(self.read_newest, card_id, before, limit)

    async def execute(
        self, holder_id: str, *commands: AnyCommand, judged_by: tuple[Rules, datetime] | None = None
    ) -> Refused | None:
        """Execute the holder's commands in order, up to the first refusal, if any. Raises what else goes wrong.

        `judged_by`: the rules and the time of a page that was judged a moment ago; None: those of each command.
        """
        try:
            for one in commands:
                await self.reply(Issued(one, actor("holder", holder_id)), judged_by)
        except Refused as refused:
            return refused
        return None

    async def has_done(self, card_id: UUID, command_id: str) -> bool:
        """Whether a command for this card was accepted before."""
        query = "SELECT FROM card_events_commands WHERE command_id = %s AND card_id = %s"
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, (command_id, card_id))).fetchone() is not None

    async def reply(self, issued: Issued, judged_by: tuple[Rules, datetime] | None = None) -> CardFacts:
        """What a command leads to, () if nothing; raises Refused and what else goes wrong."""
        reply = await asyncio.to_thread(self._execute, issued, judged_by)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _execute(self, issued: Issued, judged_by: tuple[Rules, datetime] | None) -> Reply:
        rules, at = judged_by or self.read_rules()
        [reply] = self.engine.execute([issued], rules, at)
        return reply
