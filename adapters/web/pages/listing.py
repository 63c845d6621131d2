"""The list of a holder's cards, worst first: what the page shows beside them is read in the same round trip."""

from typing import LiteralString, NamedTuple

from adapters.directory.sessions import SignedIn
from adapters.notices.reached import BOUNCED, by_hash
from adapters.web.pages.portal import PAGE_SIZE, Held, Portal

_LISTED: LiteralString = f"""
    WITH held AS (
        SELECT card_id, status, last_decline, auto_renew_months, outcome_unknown, ends_at,
            status IN ('reclaimed', 'closed') AS is_gone
        FROM cards WHERE holder_id = %(holder)s
    ),
    counts AS (
        SELECT count(*) FILTER (WHERE NOT is_gone) AS kept, count(*) FILTER (WHERE is_gone) AS gone,
            count(*) FILTER (WHERE status IN ('suspended', 'grace')
                OR (status = 'active' AND last_decline IS NOT NULL AND auto_renew_months IS NOT NULL
                    AND NOT outcome_unknown)) AS need_holder
        FROM held
    ),
    listed AS (
        SELECT card_id, number, row_number() OVER (
            ORDER BY CASE WHEN status = 'suspended' THEN 0 WHEN status = 'grace' THEN 1
                WHEN last_decline IS NOT NULL AND auto_renew_months IS NOT NULL THEN 2 WHEN outcome_unknown THEN 3
                WHEN auto_renew_months IS NULL THEN 4 ELSE 5 END, ends_at, card_id
        ) AS place
        FROM held LEFT JOIN card_numbers USING (card_id)
        WHERE is_gone = %(gone)s AND (%(sought)s::text IS NULL OR number LIKE '%%' || %(sought)s || '%%')
        ORDER BY place LIMIT %(limit)s OFFSET %(skip)s
    )
    SELECT kept, gone, need_holder, ARRAY ({BOUNCED}), card_id, number
    FROM counts LEFT JOIN listed ON true ORDER BY place
"""  # noqa: S608 (names of our own)


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


async def listing_of(
    portal: Portal, visitor: SignedIn, *, gone: bool = False, sought: str | None = None, skip: int = 0
) -> Listing:
    """The cards of who is signed in, or those that are gone; `sought` are digits of their numbers."""
    addresses = by_hash(visitor.email, visitor.phone)
    asked = {"holder": visitor.holder_id, "gone": gone, "sought": sought, "limit": PAGE_SIZE, "skip": skip}
    async with portal.pool.connection() as connection:
        found = await connection.execute(_LISTED, asked | {"addresses": list(addresses)}, prepare=True)
        rows = await found.fetchall()
    *counts, bounced, _, _ = rows[0]
    held = await portal.numbered({card_id: number for *_, card_id, number in rows if card_id is not None})
    still = [one for one in held if one.card.custody.holder_id == visitor.holder_id]
    return Listing(still, Counts(*counts), {addresses[one] for one in bounced})
