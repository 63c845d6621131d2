"""Binding a way to pay on the provider's hosted page: begun for one card, completed once, whichever news comes first.

Neither the address by which the holder comes back nor a notification is believed: what came of the visit is fetched,
and its customer compared with the holder who began it.
"""

import asyncio
from typing import Any, Literal
from uuid import UUID

import structlog
from msgspec.structs import replace
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.executing import Executor
from adapters.gateways.pages import BindingRefused, Bound, HostedPage, HostedPages, ReturnAddresses, Waiting
from engine.actor import actor
from engine.card.card import Card
from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, UpdatePaymentMethod
from engine.errors import Refused

log = structlog.get_logger()

BINDINGS_TABLE = """
    CREATE TABLE IF NOT EXISTS bindings (
        session_id text PRIMARY KEY,  -- the provider's name for the visit: one is begun for one card
        card_id uuid NOT NULL,
        holder_id text NOT NULL,  -- who began it
        begun_at timestamptz NOT NULL DEFAULT now(),
        outcome text,  -- bound, renewed, or why not; NULL: the holder has not finished
        settled_at timestamptz
    )
"""

Outcome = Literal["bound", "renewed", "waiting", "refused", "unknown"]
"""What the holder is told; `renewed`: it was bound already, and has its new details now; `unknown`: nobody began such a
visit, as far as we know."""
WITH_CARD: frozenset[Outcome] = frozenset({"bound", "renewed"})
"""The method can be charged for the card."""
_FIND = "SELECT card_id, holder_id, outcome FROM bindings WHERE session_id = %s"
_SETTLE = "UPDATE bindings SET outcome = %s, settled_at = now() WHERE session_id = %s AND settled_at IS NULL"
_BEGIN = "INSERT INTO bindings (session_id, card_id, holder_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


async def begin_binding(
    pages: HostedPages, connection: AsyncConnection[Any], card: Card, back: ReturnAddresses, key: str
) -> HostedPage:
    """A page for the holder of the card; the same `key` gives the same page for a day.

    Raises Unanswered, GatewayMisuseError, SettingsError.
    """
    holder_id = card.custody.holder_id
    page = await pages.begin_binding(holder_id, card.custody.currency, back, key)
    await connection.execute(_BEGIN, (page.session_id, card.card_id, holder_id))
    return page


class Bindings:
    """Completes visits to the hosted page."""

    def __init__(self, executor: Executor, pages: HostedPages, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        self._executor, self._pages, self._pool = executor, pages, pool

    async def complete(self, session_id: str) -> Outcome:
        """Bind what the holder chose, if that is done; may be repeated. Raises Unanswered."""
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_FIND, (session_id,))).fetchone()
        if row is None:
            return "unknown"
        card_id, holder_id, outcome = row
        if outcome is not None:
            return _told(outcome)
        match await self._pages.binding(session_id, holder_id):
            case Waiting():
                return "waiting"
            case Bound() as bound:
                outcome = await self._bind(session_id, card_id, holder_id, bound)
            case BindingRefused(reason=outcome):
                pass
        if outcome is None:
            return "waiting"
        async with self._pool.connection() as connection:
            await connection.execute(_SETTLE, (outcome, session_id))
        log.info("binding.settled", card_id=str(card_id), outcome=outcome)
        return _told(outcome)

    async def _bind(self, session_id: str, card_id: UUID, holder_id: str, bound: Bound) -> str | None:
        """`bound`, `renewed`, the code of the refusal, or None where it is to be tried again.

        The holder who began the visit binds it: nobody else can be charged for a card that changed hands meanwhile. A
        payment card that is bound already stays where it is and gets its new details: two of it would be two tries of
        the same, and nobody could tell them apart.
        """
        method = PaymentMethod(f"bound-{session_id[-12:]}", **bound._asdict())
        same = await self._same(card_id, method)
        if same is None:
            command = BindPaymentMethod(command_id=f"binding:{session_id}", card_id=card_id, method=method)
        else:
            renewed = replace(method, method_id=same)
            command = UpdatePaymentMethod(command_id=f"binding:{session_id}:again", card_id=card_id, method=renewed)
        [reply] = await self._executor.execute([command], actor("holder", holder_id))
        if isinstance(reply, Exception):
            log.warning("binding.refused", card_id=str(card_id), error=str(reply))
            return reply.code if isinstance(reply, Refused) else None
        return "bound" if same is None else "renewed"

    async def _same(self, card_id: UUID, method: PaymentMethod) -> str | None:
        """The id under which the payment card behind it is bound to the card by another visit."""
        found = await asyncio.to_thread(self._executor.engine.cards, [card_id])
        known = [one for card in found for one in card.methods.bound if one.instrument == method.instrument]
        return next((one.method_id for one in known if one.method_id != method.method_id), None)


def _told(outcome: str) -> Outcome:
    match outcome:
        case "bound" | "renewed":
            return outcome
        case _:
            return "refused"
