"""`baohao bind`: a visit to the provider's hosted page."""

import asyncio
from uuid import UUID, uuid4

import psycopg

from adapters.bindings import begin_binding
from adapters.charged_through import check_gateway
from adapters.cli.output import put_fields
from adapters.cli.servers import database
from adapters.gateways.pages import HostedPage, ReturnAddresses
from adapters.gateways.stripe_pages import StripePages
from adapters.gateways.stripe_transport import Unanswered
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.web.bindings import CANCELED, DONE
from adapters.wiring import engine_of, opened_stripe
from engine.card.card import Card
from engine.errors import BaohaoError


def begin(settings: Settings, card_id: UUID, *, as_json: bool) -> None:
    """Print the address of a page on which the card's holder binds a way to pay; raises BaohaoError."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as connection:
            check_gateway(connection, settings.gateway)
        if settings.gateway != "stripe":
            raise BaohaoError("the simulated gateway has no page; set BAOHAO_GATEWAY=stripe, or use `import`")
        cards = engine_of(settings, url, "cli").cards([card_id])
        if not cards:
            raise BaohaoError(f"there is no card {card_id}")
        page = asyncio.run(_begin(settings, url, cards[0]))
    put_fields("page", {"address": page.address, "session": page.session_id}, as_json=as_json)


async def _begin(settings: Settings, url: str, card: Card) -> HostedPage:
    here = settings.web_url or f"http://{settings.web_host}:{settings.web_port}"
    back = ReturnAddresses(f"{here}{DONE}", f"{here}{CANCELED}")
    try:
        async with (
            opened_stripe(settings) as api,
            await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
        ):
            return await begin_binding(StripePages(api), connection, card, back, f"bind:{uuid4()}")
    except Unanswered as error:
        raise BaohaoError(f"{settings.stripe_url} gave no page: {error.reason}; try again") from None
