"""Look-ups: what a notification hints at is fetched from the provider and recorded; a hint itself is never believed.

Nothing is charged here: what is decided after an outcome is sent by the consumer, as after any wake.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.asking import look_up
from adapters.bindings import Bindings
from adapters.executing import Executor
from adapters.gateways.stripe_news import FoundDispute, StripeNews
from adapters.gateways.stripe_notifications import Hint
from adapters.inbox import TRIES_MOST, Taken, settle, take
from engine.card.methods import PaymentMethod
from engine.commands import AnyCommand, RecordDispute, RecordDisputeWon, UpdatePaymentMethod
from engine.news import News
from engine.ports import Gateway

log = structlog.get_logger()

BATCH = 64
"""Notifications that are looked up together."""
UPDATES = ("payment_method.automatically_updated", "payment_method.updated")
VISITS = ("checkout.session.completed", "checkout.session.expired")
CHARGES = ("payment_intent.", "charge.", "refund.", "checkout.session.")
"""The beginnings of the kinds that may be about a charge of ours."""


class LookUps:
    """Works through the inbox; any number of them may do so at once."""

    def __init__(
        self,
        executor: Executor,
        gateway: Gateway,
        news: StripeNews,
        bindings: Bindings,
        pool: AsyncConnectionPool[AsyncConnection[Any]],
    ) -> None:
        self._executor, self._engine, self._read_rules = executor, executor.engine, executor.read_rules
        self._gateway, self._news, self._bindings, self._pool = gateway, news, bindings, pool

    async def step(self) -> int:
        """Take a batch, look it up, record it; returns how many notifications were taken."""
        async with self._pool.connection() as connection:
            taken = await take(connection, BATCH)
        if not taken:
            return 0
        done = await self._charges(taken)
        for one in taken:
            if one.hint.event_id not in done and await self._other(one.hint):
                done.add(one.hint.event_id)
        given_up = {one.hint.event_id: one.hint.kind for one in taken if one.tries >= TRIES_MOST}
        for event_id in given_up.keys() - done:
            log.error("look_up.given_up", provider_event=event_id, kind=given_up[event_id])
        if finished := done | given_up.keys():
            async with self._pool.connection() as connection:
                await settle(connection, sorted(finished))
        log.info("look_up.batch", taken=len(taken), settled=len(finished))
        return len(taken)

    async def _charges(self, taken: Sequence[Taken]) -> set[str]:
        """Look up charges and refunds; returns the events of which nothing more is to be learned."""
        news = [found for one in taken if (found := _news(one.hint)) is not None]
        found = await look_up(self._engine, self._gateway, news, self._read_rules)
        for card_id, error in found.failed.items():
            log.warning("look_up.failed", card_id=str(card_id), error=str(error))
        return {one.cause for one, learned in zip(news, found.learned, strict=True) if learned}

    async def _other(self, hint: Hint) -> bool:
        """Look up what is no charge; whether nothing more is to be learned."""
        if _news(hint) is not None:
            return False
        try:
            if hint.dispute is not None:
                found = await self._news.dispute(hint.dispute)
                return found is None or await self._execute(dispute_commands(found))
            if hint.checkout_session is not None and hint.kind in VISITS:
                return await self._bindings.complete(hint.checkout_session) not in ("waiting", "unknown")
            if hint.kind in UPDATES and hint.payment_method is not None:
                return await self._execute(await self._updates(hint, hint.payment_method))
        except Exception as error:  # noqa: BLE001 (no other notification waits for this one)
            log.warning("look_up.unanswered", provider_event=hint.event_id, kind=hint.kind, error=str(error))
            return False
        return True

    async def _execute(self, commands: Sequence[AnyCommand]) -> bool:
        """Whether all commands are done; what is refused now may be accepted later."""
        wrong = [reply for reply in await self._executor.execute(commands) if isinstance(reply, Exception)]
        for error in wrong:
            log.warning("look_up.refused", error=str(error))
        return not wrong

    async def _updates(self, hint: Hint, method_id: str) -> list[AnyCommand]:
        """The issuer gave a payment card a new number or date: each card of the holder that has it learns of it."""
        found = await self._news.method(method_id)
        if found is None:
            return []
        async with self._pool.connection() as connection:
            rows = await connection.execute("SELECT card_id FROM cards WHERE holder_id = %s", (found.holder_id,))
            ids = [row[0] for row in await rows.fetchall()]
        cards = await asyncio.to_thread(self._engine.cards, ids)
        return [
            UpdatePaymentMethod(
                command_id=f"{hint.event_id}:{card.card_id}:{method.method_id}",
                card_id=card.card_id,
                method=PaymentMethod(method.method_id, **found.bound._asdict()),
            )
            for card in cards
            if card.status not in ("closed", "reclaimed")
            for method in card.methods.bound
            if method.token == found.bound.token
        ]


def _news(hint: Hint) -> News | None:
    """What the hint says of a charge or refund of ours; None if it is about something else."""
    if hint.dispute is not None or not hint.kind.startswith(CHARGES):
        return None
    if hint.card_id is None or hint.attempt_id is None:
        return None
    return News(hint.card_id, hint.attempt_id, hint.refund_id, hint.event_id)


def dispute_commands(found: FoundDispute) -> list[AnyCommand]:
    """What a dispute leads to; done twice it is done once."""
    if found.state == "asked":
        return []
    about = {
        "card_id": found.card_id,
        "attempt_id": found.attempt_id,
        "amount": found.amount,
        "evidence": f"dispute {found.dispute_id} at the provider",
    }
    taken = RecordDispute.model_validate({"command_id": f"dispute:{found.dispute_id}", **about})
    if found.state == "taken":
        return [taken]
    return [taken, RecordDisputeWon.model_validate({"command_id": f"dispute:{found.dispute_id}:won", **about})]
