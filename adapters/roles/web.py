"""The web role: receives the provider's notifications, and looks up what they hint at."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from adapters.bindings import Bindings
from adapters.clock import recorded_now
from adapters.clock_check import clock_of
from adapters.executing import Executor
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_news import StripeNews
from adapters.gateways.stripe_notifications import Hint
from adapters.gateways.stripe_pages import StripePages
from adapters.inbox import keep
from adapters.look_ups import BATCH, LookUps
from adapters.reconciling_daily import reconcile_daily
from adapters.roles.consumer import over_a_live_connection
from adapters.roles.lead import faults_logged
from adapters.secret_files import stripe_webhook_secret_of
from adapters.settings import Settings, SettingsError
from adapters.web.app import application
from adapters.web.bindings import returns
from adapters.web.notifications import notifications
from adapters.wiring import engine_of, listing_gateway, opened_stripe, rules_now, rules_of
from engine.actor import actor
from engine.rules import Rules

log = structlog.get_logger()

KEPT_ALIVE_S = 75
CONNECTIONS_MOST = 500
ENDS_WITHIN_S = 10
STORED_WITHIN_S = 5
"""How long a notification waits for a connection to the database; the provider delivers it again."""
AGAIN = timedelta(seconds=5)
"""How often the inbox is looked into although nothing has arrived here: others may have left something."""


class _Server(uvicorn.Server):
    """Leaves the process's signals to the role."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Serve until `stop`, then finish what was begun; without a provider that notifies us there is only `/health`."""
    del nats_url
    with _listening(settings.web_host, settings.web_port) as listener:
        if settings.gateway == "stripe":
            await _with_provider(settings, database_url, listener, stop)
        else:
            await _serve(application([]), listener, stop)


async def _with_provider(settings: Settings, database_url: str, listener: socket.socket, stop: asyncio.Event) -> None:
    """Notifications are received and looked up at once."""
    installed, clock = rules_of(settings), clock_of(settings)
    blocking = ConnectionPool[Connection[Any]](
        database_url, min_size=1, max_size=2, kwargs={"autocommit": True}, open=True
    )
    waiting = AsyncConnectionPool[AsyncConnection[Any]](
        database_url, min_size=1, max_size=settings.pool_size, kwargs={"autocommit": True}, open=False
    )

    def read_rules() -> tuple[Rules, datetime]:
        return over_a_live_connection(blocking, lambda connection: rules_now(connection, clock, installed))

    async def store(hints: Sequence[Hint]) -> None:
        async with waiting.connection(timeout=STORED_WITHIN_S) as connection:
            await keep(connection, hints)
        arrived.set()

    arrived = asyncio.Event()
    now = recorded_now if settings.clock == "system" else partial(_business_time, read_rules)
    routes = notifications(stripe_webhook_secret_of(settings), now, store, livemode=settings.stripe_mode == "live")
    with blocking:
        async with waiting, opened_stripe(settings, database_url) as api:
            gateway = StripeGateway(api, timedelta(seconds=settings.gateway_budget_s))
            executor = Executor(engine_of(settings, database_url, "web"), actor("system", "web"), read_rules)
            bindings = Bindings(executor, StripePages(api), waiting)
            look_ups = LookUps(executor, gateway, StripeNews(api), bindings, waiting)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_look_up(look_ups, arrived, stop))
                listing = partial(listing_gateway, settings, database_url)
                use = partial(over_a_live_connection, blocking)
                tasks.create_task(reconcile_daily(use, read_rules, listing, gateway.budget, stop))
                await _serve(application([routes, returns(bindings.complete)]), listener, stop)


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


async def _serve(app: FastAPI, listener: socket.socket, stop: asyncio.Event) -> None:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
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
