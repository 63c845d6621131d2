"""Builds from the settings what roles and commands work with."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from msgspec.structs import replace
from psycopg import Connection

from adapters.clock import recorded_now
from adapters.control import read_control
from adapters.gateways.simulated import SimulatedGateway
from adapters.settings import Settings
from engine.actor import Actor, actor
from engine.application import Engine
from engine.catalogue import read_catalogue
from engine.policy import Policy
from engine.rules import Rules
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store

log = structlog.get_logger()


def rules_of(settings: Settings) -> Rules:
    """Policy and catalogue of this installation; raises CatalogueError."""
    policy = Policy(gateway_budget=timedelta(seconds=settings.gateway_budget_s))
    return Rules(policy, read_catalogue(settings.catalogue))


def rules_now(connection: Connection[Any], settings: Settings, installed: Rules) -> tuple[Rules, datetime]:
    """The installed rules with the operator's stop and the gap of a restore, and the business time."""
    control = read_control(connection, virtual_clock=settings.clock == "virtual")
    return replace(installed, charging_stopped=control.charging_stopped, restored=control.restored), control.now


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
    settings.gateway_record.parent.mkdir(parents=True, exist_ok=True)  # with external servers nothing else creates it
    return SimulatedGateway(
        settings.gateway_record,
        settings.gateway_seed,
        timedelta(seconds=settings.gateway_budget_s),
        delay=timedelta(milliseconds=settings.gateway_delay_ms),
    )
