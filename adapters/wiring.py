"""Builds from the settings what roles and commands work with."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import structlog
from msgspec.structs import replace
from psycopg import Connection

from adapters.charged_through import refuse_another
from adapters.clock_check import CheckedClock
from adapters.control import virtual_now
from adapters.gateways.pace import CONCURRENCY, Pace, at_once
from adapters.gateways.simulated import SIMULATED, SimulatedGateway
from adapters.secret_files import stripe_key_of
from adapters.settings import Settings
from adapters.traces import TracedEngine, traces
from engine.actor import Actor, actor
from engine.application import Engine
from engine.catalogue import read_catalogue
from engine.policy_file import read_policy
from engine.ports import Gateway
from engine.provider import Provider
from engine.rules import Rules
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store

if TYPE_CHECKING:
    from adapters.gateways.stripe_api import StripeApi

log = structlog.get_logger()

LISTING = timedelta(minutes=10)
"""How long the list of all charges of some days may take, page by page."""


def rules_of(settings: Settings) -> Rules:
    """Policy and catalogue of this installation; raises PolicyError and CatalogueError."""
    policy = read_policy(settings.policy, timedelta(seconds=settings.gateway_budget_s))
    provider = SIMULATED if settings.gateway == "simulated" else Provider()
    return Rules(policy, read_catalogue(settings.catalogue), provider)


def rules_now(connection: Connection[Any], clock: CheckedClock, installed: Rules) -> tuple[Rules, datetime]:
    """The installed rules with what is set for all roles, and the business time.

    Raises ClockWrongError, and SettingsError where the roles charge through another gateway.
    """
    control = clock.read(connection)
    refuse_another(installed.provider.name, control.gateway)
    rules = replace(
        installed,
        charging_stopped=control.charging_stopped or control.gateway_down,
        gateway_down=control.gateway_down and not control.charging_stopped,
        clock_ahead_until=control.clock_ahead_until,
        restored=control.restored,
    )
    return rules, control.now


def engine_of(settings: Settings, database_url: str, role: str) -> Engine:
    """The engine on the real event store; its own decisions are recorded with the actor `system:role`."""
    return engine_over(recorder_of(settings, database_url), role)


def engine_over(recorder: CardRecorder, role: str) -> Engine:
    """The engine on this event store."""
    kind = Engine if traces.export is None else TracedEngine
    return kind(Store(recorder, wrong_snapshot=_log_wrong_snapshot), actor("system", role))


def recorder_of(settings: Settings, database_url: str, pool_size: int | None = None) -> CardRecorder:
    """The real event store; its owner closes its datastore. Where a virtual clock rules, facts are recorded by it."""
    store = datastore(database_url, pool_size or settings.pool_size)
    if settings.clock == "virtual":
        return CardRecorder(store, recorded_now=partial(virtual_now, store))
    return CardRecorder(store)


def _log_wrong_snapshot(card_id: UUID) -> None:
    message = "the snapshot does not fit the card's facts; it was not used, and the next one replaces it"
    log.warning("snapshot.wrong", card_id=str(card_id), error=message)


def operator_of(settings: Settings) -> Actor:
    """The actor of the command line."""
    return actor("operator", settings.operator)


WAITING_FOR_EACH = 3
"""Cards for each request that may be under way: those before one must not use up its time."""
LEAST_BATCH = 50
"""Smaller batches cost more than they gain."""


class Flow(NamedTuple):
    """How many cards a consumer works on at a time."""

    batch_size: int
    batches_in_flight: int


def flow_of(settings: Settings) -> Flow:
    """As set, but no more than what two consumers can send within half of the gateway's budget."""
    if settings.gateway == "simulated":
        return Flow(settings.batch_size, settings.batches_in_flight)
    in_time = int(settings.gateway_rate * settings.gateway_budget_s / 4)
    cards = max(1, min(in_time, WAITING_FOR_EACH * CONCURRENCY))
    batches = min(settings.batches_in_flight, max(1, cards // LEAST_BATCH))
    return Flow(min(settings.batch_size, max(1, cards // batches)), batches)


def simulated_of(settings: Settings) -> SimulatedGateway:
    """The simulated gateway on its record."""
    settings.gateway_record.parent.mkdir(
        mode=0o700, parents=True, exist_ok=True
    )  # with external servers nothing else creates it
    return SimulatedGateway(
        settings.gateway_record,
        settings.gateway_seed,
        timedelta(seconds=settings.gateway_budget_s),
        delay=timedelta(milliseconds=settings.gateway_delay_ms),
    )


@asynccontextmanager
async def opened_gateway(settings: Settings, database_url: str | None = None) -> AsyncIterator[Gateway]:
    """The gateway that the settings name, until the block ends; it keeps the common pace if there is a database.

    Raises SettingsError for a key that is missing or of the other mode.
    """
    if settings.gateway == "simulated":
        with closing(simulated_of(settings)) as simulated:
            yield simulated
        return
    from adapters.gateways.stripe import StripeGateway  # noqa: PLC0415 (it takes 32 MB and half a second)

    async with opened_stripe(settings, database_url) as api:
        yield StripeGateway(api, timedelta(seconds=settings.gateway_budget_s))


def listing_gateway(settings: Settings, database_url: str) -> AbstractAsyncContextManager[Gateway]:
    """The gateway with so much time that it can list many charges; not for charging."""
    patient = settings.model_copy(update={"gateway_budget_s": LISTING.total_seconds()})
    return opened_gateway(patient, database_url)


@asynccontextmanager
async def opened_stripe(settings: Settings, database_url: str | None = None) -> AsyncIterator["StripeApi"]:
    """Stripe's API; raises as `opened_gateway`."""
    from adapters.gateways.stripe_api import StripeApi  # noqa: PLC0415 (as above)

    key, livemode = stripe_key_of(settings), settings.stripe_mode == "live"
    longest = timedelta(seconds=settings.gateway_budget_s) / 2
    pace = Pace(database_url, settings.gateway_rate, longest) if database_url else None
    api = StripeApi(key, settings.stripe_url, pace.turn if pace else at_once, livemode=livemode)
    try:
        yield api
    finally:
        await api.close()
        if pace is not None:
            await pace.close()
