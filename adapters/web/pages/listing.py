"""The list of a holder's cards, worst first; what the page shows beside them is read in the same round trip.

Rank and count are those of the standing that each card itself shows, so the cards are read: no row of a read model
knows which methods can still be charged, nor what the balance pays for.
"""

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from adapters.directory.sessions import SignedIn
from adapters.notices.reached import BOUNCED, by_hash
from adapters.web.pages.portal import PAGE_SIZE, Held, Portal
from adapters.web.pages.standing import RANK, needs_holder, standing_of

_FOUND: LiteralString = f"""
    SELECT ARRAY ({BOUNCED}), card_id, number, is_gone, is_sought
    FROM (VALUES (true)) AS once LEFT JOIN (
        SELECT card_id, number, ends_at, status IN ('reclaimed', 'closed') AS is_gone,
            %(sought)s::text IS NULL OR coalesce(number LIKE '%%' || %(sought)s || '%%', false) AS is_sought
        FROM cards LEFT JOIN card_numbers USING (card_id) WHERE holder_id = %(holder)s
    ) AS found ON true
    ORDER BY ends_at, card_id
"""  # noqa: S608 (names of our own)


RANKED_MOST = 500
"""So many cards of a holder, those that end first, are ranked and counted by their standing; others follow by date."""


class Counts(NamedTuple):
    """How many cards a holder has, has lost, and has to look after."""

    kept: int
    gone: int
    need_holder: int


class Listing(NamedTuple):
    """A page of the list."""

    held: list[Held]
    counts: Counts
    """Of all the holder's cards."""
    unreached: set[str]
    """Those of the holder's addresses whose last message bounced."""


class _Found(NamedTuple):
    card_id: UUID
    number: str | None
    is_gone: bool
    is_sought: bool


async def listing_of(
    portal: Portal, visitor: SignedIn, *, gone: bool = False, sought: str | None = None, skip: int = 0
) -> Listing:
    """The cards of who is signed in, or those that are gone; `sought` are digits of their numbers."""
    addresses = by_hash(visitor.email, visitor.phone)
    asked = {"holder": visitor.holder_id, "sought": sought, "addresses": list(addresses)}
    async with portal.pool.connection() as connection:
        rows = await (await connection.execute(_FOUND, asked, prepare=True)).fetchall()
    found = [_Found(*row[1:]) for row in rows if row[1] is not None]
    kept, lost = [one for one in found if not one.is_gone], [one for one in found if one.is_gone]
    ranked = await _held(portal, visitor, kept[:RANKED_MOST])
    counts = Counts(len(kept), len(lost), sum(needs_holder(one.card) for one in ranked))
    page = slice(skip, skip + PAGE_SIZE)
    if gone:
        held = await _held(portal, visitor, [one for one in lost if one.is_sought][page])
    else:
        sought_ids = {one.card_id for one in kept if one.is_sought}
        first = [one for one in sorted(ranked, key=_place) if one.card_id in sought_ids]
        later = [one for one in kept[RANKED_MOST:] if one.is_sought]
        held = first[page] + await _held(portal, visitor, _after(later, len(first), page))
    return Listing(held, counts, {addresses[one] for one in rows[0][0]})


async def _held(portal: Portal, visitor: SignedIn, found: list[_Found]) -> list[Held]:
    """The cards in their order, as far as they are still the visitor's."""
    if not found:
        return []
    held = await portal.numbered({one.card_id: one.number for one in found})
    return [one for one in held if one.card.custody.holder_id == visitor.holder_id]


def _after(later: list[_Found], before: int, page: slice) -> list[_Found]:
    """Those of a page that come after so many others."""
    return later[max(page.start - before, 0) : max(page.stop - before, 0)]


def _place(held: Held) -> tuple[int, datetime, UUID]:
    return RANK.index(standing_of(held.card)), held.card.term.ends_at, held.card_id
