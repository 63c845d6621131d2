"""All pages of holders as routes."""

from starlette.routing import Route

from adapters.web.door import CONFIRM, SIGN_IN
from adapters.web.pages import methods, on_page, paying, renewal, switching_off
from adapters.web.pages.accounts import (
    account,
    addresses,
    confirming,
    devices,
    leaving,
    passkeys,
    password,
    registering,
    resetting,
    signing_in,
    signing_in_by_code,
    signing_in_by_passkey,
)
from adapters.web.pages.accounts.adding_cards import adding_pages
from adapters.web.pages.accounts.visit import Reception
from adapters.web.pages.accounts.visit import routes_of as routes_of_accounts
from adapters.web.pages.cards import card_pages
from adapters.web.pages.plain import plain_pages
from adapters.web.pages.portal import Portal
from adapters.web.pages.receipts import receipt_pages
from adapters.web.pages.visit import routes_of
from adapters.web.payments.printing import Printer

OF_A_CARD = (*renewal.PAGES, *switching_off.PAGES, *methods.PAGES, *paying.PAGES, *on_page.PAGES)
OF_AN_ACCOUNT = (
    *(*signing_in.PAGES, *signing_in_by_code.PAGES, *signing_in_by_passkey.PAGES, *registering.PAGES, *resetting.PAGES),
    *(*account.PAGES, *confirming.PAGES, *password.PAGES, *addresses.PAGES, *devices.PAGES, *leaving.PAGES),
    *passkeys.PAGES,
)
SCRIPTED = frozenset({SIGN_IN, CONFIRM, passkeys.PASSKEYS})
"""Where passkeys are asked for: these pages have the one script that there is."""


def holder_pages(portal: Portal, reception: Reception, printer: Printer) -> list[Route]:
    """The pages, and the files that they need."""
    door = reception.door
    return [
        *plain_pages(door, portal.support),
        *card_pages(portal, door),
        *receipt_pages(portal, door, printer),
        *routes_of(portal, door, OF_A_CARD),
        *routes_of_accounts(reception, (*OF_AN_ACCOUNT, *(adding_pages(portal) if portal.sends_sms else ()))),
    ]
