"""The list of a holder's cards, worst first; and one card with what comes and what was."""

from functools import partial
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.sessions import SignedIn
from adapters.notices.outbox import told_of_facts
from adapters.web.door import Door, missing, see_other
from adapters.web.frame import page
from adapters.web.pages.ahead import coming_up
from adapters.web.pages.alerts import alert_of
from adapters.web.pages.came_of_it import came_of_it
from adapters.web.pages.going_back import on_its_way
from adapters.web.pages.history import history
from adapters.web.pages.ids import whole_number
from adapters.web.pages.listing import listing_of
from adapters.web.pages.naming import every, named
from adapters.web.pages.on_page import UNOPENED, waiting
from adapters.web.pages.portal import PAGE_SIZE, Held, Portal
from adapters.web.pages.shown import shown
from adapters.web.pages.standing import Standing
from adapters.web.voice import voice
from engine.card.methods import usable_methods

SEARCH_FROM = 8
"""So many cards are found faster by a search."""
ENTRIES = 20
"""Facts of the history on one page."""
_SOUGHT_MOST = 20
_IN_NO_NUMBER = "none"
"""What is sought for a text without digits: it finds nothing."""


def card_pages(portal: Portal, door: Door) -> list[Route]:
    """`/cards` and `/cards/ID`."""

    async def listed(request: Request, visitor: SignedIn) -> Response:
        say, query = voice(visitor.language), request.query_params
        number = max(whole_number(query.get("page", "")) or 1, 1)
        gone, typed = "gone" in query, query.get("number", "")[:_SOUGHT_MOST].strip()
        sought = _digits(typed) or (_IN_NO_NUMBER if typed else None)
        skip = PAGE_SIZE * (number - 1)
        listing = await listing_of(portal, visitor, gone=gone, sought=sought, skip=skip)
        counts = listing.counts
        total = counts.gone if gone else counts.kept
        more = number + 1 if sought is None and skip + PAGE_SIZE < total else None
        return page(
            "cards",
            visitor.language,
            visitor=visitor,
            here="/cards",
            cards=[shown(one, say) for one in listing.held],
            counts=counts,
            gone=gone,
            sought=typed,
            by_digits=sought != _IN_NO_NUMBER,
            searchable=counts.kept >= SEARCH_FROM,
            number=number,
            more=more,
            can_add=portal.sends_sms,
            unreached=listing.unreached,
        )

    async def home(_: Request) -> Response:
        return see_other("/cards")

    return [
        Route("/", home, methods=["GET"]),
        Route("/cards", door.signed_in(listed), methods=["GET"]),
        Route("/cards/{card_id:uuid}", door.signed_in(partial(_card, portal)), methods=["GET"]),
    ]


async def _card(portal: Portal, request: Request, visitor: SignedIn) -> Response:
    """A card's own page."""
    card_id: UUID = request.path_params["card_id"]
    held = await portal.card(visitor.holder_id, card_id)
    if held is None:
        return missing(request, visitor)
    say = voice(visitor.language)
    before = whole_number(request.query_params.get("before", ""))
    facts, older = await portal.newest_of(held, before, ENTRIES)
    async with portal.pool.connection() as connection:
        whose = card_id, visitor.holder_id
        sent = await told_of_facts(connection, *whose, facts[0].version, facts[-1].version) if facts else []
    card, goes_back = shown(held, say), on_its_way(held.card, say)
    return page(
        "card",
        visitor.language,
        visitor=visitor,
        here=f"/cards/{card_id}",
        card=card,
        alert=alert_of(held, card.standing, say),
        coming=coming_up(held.card, card.standing, card.foreseen, say),
        entries=history(facts, held.card.methods.bound, sent, held.zone, say),
        before=older,
        is_first_page=before is None,
        methods=[(name, one.method_id in held.card.methods.ended) for one, name in named(held.card.methods.bound, say)],
        period=every(held.card.consent.months, say) if held.card.consent else None,
        waiting=waiting(held, say),
        came_of_it=await came_of_it(portal, request, held, say),
        goes_back=goes_back,
        unopened=UNOPENED in request.query_params,
        may_try_again=not goes_back and _may_try_again(held, card.standing, on_page=portal.page_payments is not None),
    )


def _may_try_again(held: Held, standing: Standing, *, on_page: bool) -> bool:
    """Whether the holder may ask to be charged now."""
    in_need = standing in ("suspended", "grace", "payment_failed") and held.card.held_since is None
    can_pay = bool(usable_methods(held.card)) or on_page or held.card.methods.balance_first
    return in_need and held.card.consent is not None and can_pay


def _digits(text: str) -> str | None:
    """What a search is for: the digits of a number; None for none."""
    found = "".join(one for one in text if one.isascii() and one.isdigit())
    return found or None
