"""All pages of holders as routes."""

from starlette.routing import Route

from adapters.web.door import Door
from adapters.web.pages import methods, paying, renewal, switching_off
from adapters.web.pages.cards import card_pages
from adapters.web.pages.plain import plain_pages
from adapters.web.pages.portal import Portal
from adapters.web.pages.receipts import receipt_pages
from adapters.web.pages.visit import routes_of

OF_A_CARD = (*renewal.PAGES, *switching_off.PAGES, *methods.PAGES, *paying.PAGES)


def holder_pages(portal: Portal, door: Door) -> list[Route]:
    """The pages, and the files that they need."""
    return [
        *plain_pages(door),
        *card_pages(portal, door),
        *receipt_pages(portal, door),
        *routes_of(portal, door, OF_A_CARD),
    ]
