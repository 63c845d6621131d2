"""Payments on the provider's page: opened for an attempt that is recorded, looked up, closed; nothing is charged here.

The page's key is the attempt's id, so that it is one page however often it is opened. Where none can be made any more,
the attempt is over.
"""

import asyncio
from uuid import UUID

import structlog

from adapters.executing import Executor
from adapters.gateways.pages import HostedPage, HostedPages, ReturnAddresses
from engine.card.attempt import Attempt, ChargeAttempted, open_attempts
from engine.card.card import Card
from engine.card.facts import CardFacts
from engine.card.on_page import PageWallet, wallets_of
from engine.errors import BaohaoError, GatewayMisuseError
from engine.news import News
from engine.ports import ChargeRequest, Declined, Gateway, NotFound, Unclear
from engine.questions import ask, charge_request

log = structlog.get_logger()

RENEWAL, TOP_UP = "Baohao 保号: 续费 renewal", "Baohao 保号: 充值 top-up"
"""What the provider's page names; the same in every language, since one attempt has one set of parameters."""
NOT_MADE = Declined(code="page_not_made")


def on_page(card: Card) -> Attempt | None:
    """The attempt that the holder may pay on the provider's page; there is one at most."""
    return next((one for one in open_attempts(card.attempts) if one.page_until is not None), None)


def begun_by(facts: CardFacts) -> UUID | None:
    """The attempt on the provider's page that a command led to, by its facts."""
    begun = (one.attempt_id for one in facts if isinstance(one, ChargeAttempted) and one.page_until is not None)
    return next(begun, None)


class PagePayments:
    """Opens the provider's pages for attempts, and records what came of them."""

    def __init__(self, executor: Executor, pages: HostedPages, gateway: Gateway) -> None:
        self._engine, self._read_rules = executor.engine, executor.read_rules
        self._pages, self._gateway = pages, gateway

    async def wallet(self, holder_id: str, brand: str) -> PageWallet:
        """What a holder pays by; raises BaohaoError where the provider does not answer.

        Whether the wallet pays on the page at all is for the engine to say.
        """
        rules, _ = await asyncio.to_thread(self._read_rules)
        if brand not in wallets_of(rules.provider):
            return PageWallet(brand, "none")
        return PageWallet(brand, await self._pages.pay_now_token(holder_id, brand))

    async def open(self, card_id: UUID, back: ReturnAddresses, *, attempt_id: UUID | None = None) -> HostedPage | None:
        """The page of what the card waits for, or of that attempt alone; None where it waits for none such.

        Raises GatewayMisuseError where no page can be made: what was to be paid there is over. Raises BaohaoError
        where the provider does not answer: it may be opened again.
        """
        card, attempt = await self._waiting(card_id)
        if card is None or attempt is None or attempt.page_until is None:
            return None
        if attempt_id not in (None, attempt.attempt_id):
            return None
        what = RENEWAL if attempt.top_up is None else TOP_UP
        try:
            return await self._pages.begin_payment(_request(card, attempt), what, attempt.page_until, back)
        except GatewayMisuseError as error:
            log.warning("page.not_made", card_id=str(card_id), error=str(error))
            await self._record(card_id, attempt, "web:page not made", if_missing=NOT_MADE)
            raise

    async def look_up(self, card_id: UUID) -> bool:
        """Record what came of the page; whether the holder may still pay on it."""
        _, attempt = await self._waiting(card_id)
        if attempt is not None:
            await self._record(card_id, attempt, "web:page left")
            _, attempt = await self._waiting(card_id)
        return attempt is not None

    async def close(self, card_id: UUID, back: ReturnAddresses) -> None:
        """Close the page, and record what came of it; raises BaohaoError where the provider does not answer.

        One that was not made yet is made for that, so that nobody makes it later; raises as `open`.
        """
        if await self.open(card_id, back) is None:
            return
        card, attempt = await self._waiting(card_id)
        if card is not None and attempt is not None:
            await self._pages.end_payment(_request(card, attempt))
            await self._record(card_id, attempt, "web:page closed")

    async def _waiting(self, card_id: UUID) -> tuple[Card | None, Attempt | None]:
        found = await asyncio.to_thread(self._engine.cards, [card_id])
        return (found[0], on_page(found[0])) if found else (None, None)

    async def _record(self, card_id: UUID, attempt: Attempt, cause: str, *, if_missing: Declined | None = None) -> None:
        """Look up what came of the page, and record it if it is definite; `if_missing`: what it means that none is."""
        rules, at = await asyncio.to_thread(self._read_rules)
        news = [News(card_id, attempt.attempt_id, None, cause)]
        [question] = await asyncio.to_thread(self._engine.look_ups, news, rules)
        if question is None:
            return
        answer = await ask(self._gateway, question, at)
        if isinstance(answer, NotFound) and if_missing is not None:
            answer = if_missing
        if isinstance(answer, NotFound | Unclear):
            return
        recorded = await asyncio.to_thread(lambda: self._engine.record([(question, answer)], *self._read_rules()))
        if error := recorded.failed.get(card_id):
            raise BaohaoError(f"what came of the page could not be recorded: {error}")


def _request(card: Card, attempt: Attempt) -> ChargeRequest:
    """As it is looked up by the consumer."""
    return charge_request(card.card_id, attempt, card.term.number + 1)
