"""Cards, their history and their prices."""

import asyncio
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from adapters.notices.outbox import told_of_facts
from adapters.web.api import shapes, showing
from adapters.web.api.asking import Reading
from adapters.web.api.cursors import Cursor, Limit, cursor_of, place_of
from adapters.web.api.happened import History, happened
from adapters.web.api.problems import NO_STORE, documented
from adapters.web.api.unchanged import NOT_CHANGED, IfNoneMatch, is_known, tagged
from adapters.web.pages.ids import whole_number
from engine.card.methods import NO_NUL

_LISTED = """
    SELECT card_id FROM cards WHERE (%(holder)s::text IS NULL OR holder_id = %(holder)s)
    AND (%(after)s::uuid IS NULL OR card_id > %(after)s) ORDER BY card_id LIMIT %(limit)s
"""
Holder = Annotated[
    str | None, Query(max_length=200, pattern=NO_NUL, description="For a back office: only this holder's.")
]
reading = APIRouter(tags=["cards"])


@reading.get("/cards", responses=documented())
async def list_cards(
    asked: Reading, response: Response, holder: Holder = None, limit: Limit = 50, cursor: Cursor = None
) -> shapes.CardPage:
    """The cards that the token may see; needs `cards:read`."""
    response.headers.update(NO_STORE)
    after = place_of(cursor, UUID)
    if holder is not None and not asked.bearer.may_see(holder):
        return shapes.CardPage(cards=[], next=None)
    given = {"holder": asked.bearer.holder_id or holder, "after": after, "limit": limit + 1}
    async with asked.portal.pool.connection() as connection:
        rows = await (await connection.execute(_LISTED, given)).fetchall()
    ids = [card_id for (card_id,) in rows[:limit]]
    found = [one for one in await asked.portal.held(ids) if asked.bearer.may_see(one.card.custody.holder_id)]
    more = cursor_of(str(ids[-1])) if len(rows) > limit else None
    return shapes.CardPage(cards=[showing.listed(one) for one in found], next=more)


@reading.get(
    "/cards/{card_id}",
    response_model=shapes.ShownCard,
    responses={**documented(404), 304: NOT_CHANGED},
)
async def show_card(
    asked: Reading,
    card_id: UUID,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A card; its ETag changes with the card's version, and with what is foreseen; needs `cards:read`."""
    newest = await asked.portal.newest(card_id, None, 1)  # before the card, which may be newer, never older
    held = await asked.card(card_id)
    card = await asyncio.to_thread(showing.shown, held, newest[-1].version if newest else 0)
    content = card.model_dump_json().encode()
    tag = f'"{card.version}-{sha256(content).hexdigest()[:12]}"'
    headers = tagged(tag)
    if is_known(headers, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@reading.get("/cards/{card_id}/history", responses=documented(404))
async def show_history(
    asked: Reading, response: Response, card_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> History:
    """What happened to a card and what the holder was told of it, newest first; needs `cards:read`."""
    response.headers.update(NO_STORE)
    held = await asked.card(card_id)
    before = place_of(cursor, _version)
    facts, older = await asked.portal.newest_of(held, before, limit)
    more = cursor_of(str(older)) if older else None
    async with asked.portal.pool.connection() as connection:
        whose = card_id, held.card.custody.holder_id
        sent = await told_of_facts(connection, *whose, facts[0].version, facts[-1].version) if facts else []
    return History(events=happened(facts, sent, held, asked.language), next=more)


@reading.get("/cards/{card_id}/quotes", responses=documented(404))
async def show_quotes(asked: Reading, response: Response, card_id: UUID) -> shapes.Quotes:
    """What each period costs today; what is agreed to has to be shown; needs `cards:read`."""
    response.headers.update(NO_STORE)
    return showing.quotes(await asked.card(card_id))


def _version(text: str) -> int:
    found = whole_number(text)
    if found is None:
        raise ValueError(text)
    return found
