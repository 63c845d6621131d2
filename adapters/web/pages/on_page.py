"""Paying on the provider's page: there, back, and what can be done while it is open."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import structlog
from markupsafe import Markup
from starlette.responses import Response

from adapters.gateways.pages import ReturnAddresses
from adapters.page_payments import PagePayments, begun_by, on_page
from adapters.web.door import see_other
from adapters.web.pages.accounts.waiting import wait_sentence
from adapters.web.pages.accounts.waiting import waiting as too_often
from adapters.web.pages.came_of_it import LOOKED_AT, SINCE, again_at
from adapters.web.pages.naming import wallet_name
from adapters.web.pages.portal import Held, Portal
from adapters.web.pages.visit import CardRoute, CardVisit
from adapters.web.voice import Voice
from engine.actor import actor
from engine.card.attempt import ChargeAttempted
from engine.card.on_page import wallet_named, wallets_of
from engine.commands import Issued, RenewNow, TopUp
from engine.errors import BaohaoError, GatewayMisuseError, Refused
from engine.money import Money

log = structlog.get_logger()

UNOPENED = "unopened"
"""In the address of a card whose payment page could not be opened."""
PAID, WAITING = "/paid", "/waiting"
Failed = Callable[[Markup | object, int], Response]
"""The page again, with what went wrong and its status."""


class Waiting(NamedTuple):
    """A payment that the holder may make on the provider's page."""

    amount: Money
    wallet: Markup
    until: datetime
    is_open: bool
    """Else it is closed, and what came of it is looked up."""


def offered(portal: Portal, held: Held, say: Voice) -> list[tuple[str, Markup]]:
    """The wallets by which the holder may pay on the provider's page, each with its name."""
    if portal.page_payments is None:
        return []
    return [(brand, wallet_name(brand, say)) for brand in wallets_of(held.rules.provider)]


def waiting(held: Held, say: Voice) -> Waiting | None:
    """What the card waits for."""
    attempt = on_page(held.card)
    wallet = None if attempt is None else wallet_named(attempt.method_id)
    if attempt is None or attempt.page_until is None or wallet is None:
        return None
    is_open = held.at < attempt.page_until
    return Waiting(attempt.amount, wallet_name(wallet.brand or "", say), attempt.page_until, is_open)


async def pay_on_page(visit: CardVisit, command: RenewNow | TopUp, brand: str, failed: Failed) -> Response:
    """Record what is to be paid, and send the holder to the page; the same form again leads to the same page."""
    payments = visit.portal.page_payments
    if payments is None or brand not in wallets_of(visit.held.rules.provider):
        return visit.missing()
    if wait := visit.wait_for_provider():
        return too_often(failed(wait_sentence(wait, visit.say), 429), wait)
    try:
        wallet = await payments.wallet(visit.visitor.holder_id, brand)
    except BaohaoError as error:
        log.warning("page.no_wallet", card_id=str(visit.card_id), error=str(error))
        wrong = visit.say("The payment company does not answer. Nothing was changed. Try again later.")
        return failed(wrong, 503)
    issued = Issued(command.model_copy(update={"on_page": wallet}), actor("holder", visit.visitor.holder_id))
    try:
        facts = await visit.portal.reply(issued)
    except Refused as refused:
        return failed(visit.refusal(refused), 409)
    return await _to_page(visit, payments, begun_by(facts))  # its own page: another one may be open by now


async def _to_page(visit: CardVisit, payments: PagePayments, attempt_id: UUID | None = None) -> Response:
    try:
        page = await payments.open(visit.card_id, _back(visit), attempt_id=attempt_id)
    except BaohaoError as error:
        log.warning("page.not_opened", card_id=str(visit.card_id), error=str(error))
        return visit.go(f"?{UNOPENED}")
    return visit.go() if page is None else see_other(page.address)


def _back(visit: CardVisit) -> ReturnAddresses:
    home = f"{visit.portal.origin}{visit.home}"
    return ReturnAddresses(f"{home}{PAID}", home)


async def _return(visit: CardVisit) -> Response:
    """Back from the page, or looking again."""
    payments = visit.portal.page_payments
    if payments is None:
        return visit.missing()
    try:
        still_waits = visit.wait_for_provider() is not None or await payments.look_up(visit.card_id)
    except BaohaoError as error:
        log.warning("page.waits", card_id=str(visit.card_id), error=str(error))
        still_waits = True  # the provider notifies us of it as well
    if not still_waits:
        return await _go_and_tell(visit)
    return visit.page("paid", here=visit.home, again=again_at(visit.request), back=visit.home)


async def _go_and_tell(visit: CardVisit) -> Response:
    """To the card, which says what came of the last payment on a page."""
    found, _ = await visit.portal.newest_of(visit.held, None, LOOKED_AT)
    begun = [one.version for one in found if isinstance(one.fact, ChargeAttempted) and one.fact.page_until is not None]
    return visit.go(f"?{urlencode({SINCE: begun[-1]})}" if begun else "")


async def _go_on(visit: CardVisit) -> Response:
    """To the page again, or close it."""
    payments, act = visit.portal.page_payments, visit.form.get("do", "")
    if payments is None or act not in ("pay", "cancel"):
        return visit.missing()
    if visit.wait_for_provider():
        return visit.go(f"?{UNOPENED}")
    if act == "pay":
        return await _to_page(visit, payments)
    try:
        await payments.close(visit.card_id, _back(visit))
    except GatewayMisuseError:
        return visit.go()  # it was never made, and is over
    except BaohaoError as error:
        log.warning("page.not_closed", card_id=str(visit.card_id), error=str(error))
        return visit.go(f"?{UNOPENED}")
    return await _go_and_tell(visit)


PAGES = (
    CardRoute("GET", PAID, _return),
    CardRoute("POST", WAITING, _go_on),
)
"""`/cards/ID/paid`, where the holder comes back to, and `/cards/ID/waiting`."""
