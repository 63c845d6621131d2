"""The web role: receives the provider's notifications, and looks up what they hint at."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog
import uvicorn
from fastapi import APIRouter
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from adapters.bindings import Bindings
from adapters.clock import recorded_now
from adapters.clock_check import clock_of
from adapters.directory.messages import Send
from adapters.directory.passkey_challenges import Site
from adapters.executing import Executor
from adapters.gateway_settings import STRIPE_URL
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_news import StripeNews
from adapters.gateways.stripe_notifications import Hint
from adapters.gateways.stripe_pages import StripePages
from adapters.inbox import keep
from adapters.live_connection import over_a_live_connection
from adapters.look_ups import BATCH, LookUps
from adapters.notices.outbox import put_message
from adapters.page_payments import PagePayments
from adapters.reconciling_daily import reconcile_daily
from adapters.roles.lead import faults_logged
from adapters.roles.sweeping import sweeping
from adapters.secret_files import read_secret, stripe_webhook_secret_of
from adapters.settings import Settings, SettingsError
from adapters.web.api.served import PREFIX, api
from adapters.web.app import Guarded, application
from adapters.web.bindings import returns
from adapters.web.console.desk import Desk
from adapters.web.console.served import beside
from adapters.web.door import Door
from adapters.web.notifications import notifications
from adapters.web.pages.accounts.unsent import only_logged
from adapters.web.pages.accounts.visit import Reception
from adapters.web.pages.portal import Portal
from adapters.web.pages.routes import SCRIPTED, holder_pages
from adapters.web.payments.issuer import note_issuer
from adapters.web.payments.printing import Printer
from adapters.web.receipts import aliyun_reports, receipts
from adapters.web.unsubscribing import unsubscribing
from adapters.wiring import engine_of, listing_gateway, opened_stripe, recorder_of, rules_now, rules_of
from engine.actor import actor
from engine.rules import Rules
from engine.store.log import newest_of

log = structlog.get_logger()

T = TypeVar("T")

HOSTED_AT = "https://checkout.stripe.com"
"""Where Stripe's hosted pages are."""
KEPT_ALIVE_S = 75
CONNECTIONS_MOST = 500
ENDS_WITHIN_S = 10
STORED_WITHIN_S = 5
"""How long a notification waits for a connection to the database; the provider delivers it again."""
AGAIN = timedelta(seconds=5)
"""How often the inbox is looked into although nothing has arrived here: others may have left something."""
HASHING_CONNECTIONS = 2
"""As many passwords are judged at a time."""


class _Server(uvicorn.Server):
    """Leaves the process's signals to the role."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Database(NamedTuple):
    """The database as the role uses it: by threads, and by the event loop."""

    url: str
    blocking: ConnectionPool[Connection[Any]]
    waiting: AsyncConnectionPool[AsyncConnection[Any]]
    hashing: AsyncConnectionPool[AsyncConnection[Any]]
    """For what judges passwords."""

    def use(self, work: Callable[[Connection[Any]], T]) -> T:
        """Work on a connection of a thread."""
        return over_a_live_connection(self.blocking, work)


class _Pages(NamedTuple):
    """What the pages of holders are made of."""

    portal: Portal
    reception: Reception
    more: Sequence[Route]
    """Pages of the demo."""
    machines: Sequence[APIRouter]
    """What is asked without a session, beside the provider's notifications."""
    desk: Desk | None
    """What the operator's console works with; None: there is none."""


async def main(
    settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event, send: Send | None = None
) -> None:
    """Serve until `stop`, then finish what was begun; notifications only from a provider that sends some."""
    blocking = ConnectionPool[Connection[Any]](
        database_url, min_size=1, max_size=settings.pool_size, kwargs={"autocommit": True}, open=False
    )
    waiting = _pool(database_url, settings.pool_size)
    hashing = _pool(database_url, HASHING_CONNECTIONS)
    with _listening(settings.web_host, settings.web_port) as listener, blocking:
        async with waiting, hashing, sweeping(waiting, settings.operator_record_days, stop):
            database = _Database(database_url, blocking, waiting, hashing)
            portal = _portal(settings, database, _origin(settings, listener))
            await _issuer_noted(settings, portal)
            more = _demo(settings, database, portal, nats_url) if settings.demo else ()
            sends = send or (put_message if settings.tells_holders else only_logged)
            reception = Reception(
                Door(waiting, recorded_now),
                hashing,
                sends,
                Site(portal.origin),
                settings.web_proxies,
                sends_sms=portal.sends_sms,
            )
            machines = (unsubscribing(waiting), *_receipts(settings, waiting))
            pages = _Pages(portal, reception, more, machines, _desk(settings, database, portal, sends, nats_url))
            if settings.gateway == "stripe":
                await _with_provider(settings, database, pages, listener, stop)
            else:
                await _serve(_application(pages), listener, stop)


async def _issuer_noted(settings: Settings, portal: Portal) -> None:
    """Receipts of what is paid from now on name whoever the settings name."""
    _, at = await asyncio.to_thread(portal.read_rules)
    async with portal.pool.connection() as connection:
        await note_issuer(connection, settings, at)


def _pool(database_url: str, size: int) -> AsyncConnectionPool[AsyncConnection[Any]]:
    return AsyncConnectionPool[AsyncConnection[Any]](
        database_url, min_size=1, max_size=size, kwargs={"autocommit": True}, open=False
    )


def _desk(settings: Settings, database: _Database, portal: Portal, send: Send, nats_url: str) -> Desk | None:
    """The console, where it has an address."""
    if settings.console_url is None:
        return None
    recorder = recorder_of(settings, database.url)
    parts = portal, database.hashing, database.use, recorder, settings, send
    return Desk(*parts, database.url, nats_url, settings.console_url)


def _demo(settings: Settings, database: _Database, portal: Portal, nats_url: str) -> Sequence[Route]:
    """The pages that move the virtual clock; raises SettingsError on a real one."""
    from adapters.cli.demo.passing import pass_time  # noqa: PLC0415 (only the demo needs it)
    from adapters.web.demo import demo_pages  # noqa: PLC0415 (as above)

    if settings.clock != "virtual":
        raise SettingsError("BAOHAO_DEMO moves the clock, so it needs BAOHAO_CLOCK=virtual")
    passing = partial(pass_time, settings, database.url, nats_url, portal.engine)
    return demo_pages(portal, Door(portal.pool, recorded_now), passing, settings)


def _portal(settings: Settings, database: _Database, origin: str) -> Portal:
    """The pages' view of the system; what the provider adds to it comes later."""
    installed, clock = rules_of(settings), clock_of(settings)
    return Portal(
        engine_of(settings, database.url, "web"),
        lambda: database.use(lambda connection: rules_now(connection, clock, installed)),
        lambda *asked: database.use(lambda connection: newest_of(connection, *asked)),
        database.waiting,
        origin,
        sends_sms=settings.sms != "none",
        support=settings.support,
    )


def _origin(settings: Settings, listener: socket.socket) -> str:
    """Where browsers reach the pages."""
    host = "localhost" if settings.web_host == "127.0.0.1" else settings.web_host
    return settings.web_url or f"http://{host}:{listener.getsockname()[1]}"


def _receipts(settings: Settings, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> list[APIRouter]:
    """Where receipts of SMS come to, if they do."""
    if settings.sms == "aliyun" and settings.aliyun_receipts_file is not None:
        return [aliyun_reports(pool, read_secret(settings.aliyun_receipts_file))]
    file = settings.twilio_token_file
    if settings.sms != "twilio" or file is None or settings.web_url is None:
        return []
    return [receipts(pool, settings.web_url, read_secret(file))]


def _application(pages: _Pages, *routers: APIRouter, provider: str | None = None) -> ASGIApp:
    portal, door, printer = pages.portal, pages.reception.door, Printer()
    programs = Mount(PREFIX, api(portal, door.now, printer))
    routes = [programs, *pages.more, *holder_pages(portal, pages.reception, printer)]
    guarded = Guarded(portal.origin, (provider,) if provider else (), SCRIPTED)
    return beside(pages.desk, application((*pages.machines, *routers), routes, guarded, door.visitor))


async def _with_provider(
    settings: Settings, database: _Database, pages: _Pages, listener: socket.socket, stop: asyncio.Event
) -> None:
    """Notifications are received and looked up at once; holders bind ways to pay on the provider's pages."""
    portal, waiting = pages.portal, database.waiting
    read_rules = portal.read_rules

    async def store(hints: Sequence[Hint]) -> None:
        async with waiting.connection(timeout=STORED_WITHIN_S) as connection:
            await keep(connection, hints)
        arrived.set()

    arrived = asyncio.Event()
    now = recorded_now if settings.clock == "system" else partial(_business_time, read_rules)
    routes = notifications(stripe_webhook_secret_of(settings), now, store, livemode=settings.stripe_mode == "live")
    async with opened_stripe(settings, database.url) as api:
        gateway = StripeGateway(api, timedelta(seconds=settings.gateway_budget_s))
        executor = Executor(portal.engine, actor("system", "web"), read_rules)
        hosted = StripePages(api)
        bindings = Bindings(executor, hosted, waiting)
        look_ups = LookUps(executor, gateway, StripeNews(api), bindings, waiting)
        paid = PagePayments(executor, hosted, gateway)
        pages = pages._replace(portal=replace(portal, hosted=hosted, bindings=bindings, page_payments=paid))
        provider = HOSTED_AT if settings.stripe_url == STRIPE_URL else settings.stripe_url
        app = _application(pages, routes, returns(bindings.complete), provider=provider)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_look_up(look_ups, arrived, stop))
            listing = partial(listing_gateway, settings, database.url)
            tasks.create_task(reconcile_daily(database.use, read_rules, listing, gateway.budget, stop))
            await _serve(app, listener, stop)


def _business_time(read_rules: Callable[[], tuple[Rules, datetime]]) -> datetime:
    return read_rules()[1]


async def _look_up(look_ups: LookUps, arrived: asyncio.Event, stop: asyncio.Event) -> None:
    """Look up what is in the inbox, at once when something arrives, and what failed before from time to time."""
    while not stop.is_set():
        arrived.clear()
        taken = BATCH
        with faults_logged("web"):
            while taken == BATCH and not stop.is_set():
                taken = await look_ups.step()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN.total_seconds()):
                await asyncio.wait(
                    [asyncio.create_task(arrived.wait()), asyncio.create_task(stop.wait())],
                    return_when=asyncio.FIRST_COMPLETED,
                )


async def _serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # whom to believe is a setting
        server_header=False,
        timeout_keep_alive=KEPT_ALIVE_S,
        timeout_graceful_shutdown=ENDS_WITHIN_S,
        limit_concurrency=CONNECTIONS_MOST,
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    log.info("web.listens", host=host, port=port)
    serving = asyncio.create_task(server.serve([listener]))
    await asyncio.wait([serving, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The socket that is listened on; raises SettingsError where its port is taken."""
    try:
        with socket.create_server((host, port), backlog=CONNECTIONS_MOST) as listener:
            yield listener
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        message = f"cannot listen on {host}:{port}: {error.strerror}; set BAOHAO_WEB_HOST or BAOHAO_WEB_PORT"
        raise SettingsError(message) from None
