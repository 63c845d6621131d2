"""Builds from the settings what roles and commands work with."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from msgspec.structs import replace
from psycopg import Connection

from adapters.clock import recorded_now
from adapters.clock_check import CheckedClock
from adapters.gateways.simulated import SIMULATED, SimulatedGateway
from adapters.settings import Settings
from engine.actor import Actor, actor
from engine.application import Engine
from engine.catalogue import read_catalogue
from engine.policy_file import read_policy
from engine.rules import Rules
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store

log = structlog.get_logger()


def rules_of(settings: Settings) -> Rules:
    """Policy and catalogue of this installation; raises PolicyError and CatalogueError."""
    policy = read_policy(settings.policy, timedelta(seconds=settings.gateway_budget_s))
    return Rules(policy, read_catalogue(settings.catalogue), SIMULATED)


def rules_now(connection: Connection[Any], clock: CheckedClock, installed: Rules) -> tuple[Rules, datetime]:
    """The installed rules with what is set for all roles, and the business time; raises ClockWrongError."""
    control = clock.read(connection)
    rules = replace(
        installed,
        charging_stopped=control.charging_stopped,
        clock_ahead_until=control.clock_ahead_until,
        restored=control.restored,
    )
    return rules, control.now


def engine_of(settings: Settings, database_url: str, role: str) -> Engine:
    """The engine on the real event store; its own decisions are recorded with the actor `system:role`."""
    recorder = recorder_of(settings, database_url)
    return Engine(Store(recorder, wrong_snapshot=_log_wrong_snapshot), recorded_now, actor("system", role))


def recorder_of(settings: Settings, database_url: str) -> CardRecorder:
    """The real event store."""
    return CardRecorder(datastore(database_url, settings.pool_size))


def _log_wrong_snapshot(card_id: UUID) -> None:
    message = "the snapshot does not fit the card's facts; it was not used, and the next one replaces it"
    log.warning("snapshot.wrong", card_id=str(card_id), error=message)


def operator_of(settings: Settings) -> Actor:
    """The actor of the command line."""
    return actor("operator", settings.operator)


def gateway_of(settings: Settings) -> SimulatedGateway:
    """The gateway that the settings name."""
    settings.gateway_record.parent.mkdir(
        mode=0o700, parents=True, exist_ok=True
    )  # with external servers nothing else creates it
    return SimulatedGateway(
        settings.gateway_record,
        settings.gateway_seed,
        timedelta(seconds=settings.gateway_budget_s),
        delay=timedelta(milliseconds=settings.gateway_delay_ms),
    )
