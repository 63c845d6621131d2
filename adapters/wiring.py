"""How the settings become the parts that roles and commands work with."""

from datetime import timedelta

from adapters.clock import recorded_now
from adapters.gateways.simulated import SimulatedGateway
from adapters.settings import Settings
from engine.actor import Actor, actor
from engine.application import Engine
from engine.catalogue import read_catalogue
from engine.policy import Policy
from engine.rules import Rules
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store


def rules_of(settings: Settings) -> Rules:
    """Policy and catalogue of this installation; raises CatalogueError."""
    policy = Policy(gateway_budget=timedelta(seconds=settings.gateway_budget_s))
    return Rules(policy, read_catalogue(settings.catalogue))


def engine_of(settings: Settings, database_url: str, role: str) -> Engine:
    """The engine on the real event store; what time and the gateway lead to is recorded as done by `system:role`."""
    recorder = CardRecorder(datastore(database_url, settings.pool_size))
    return Engine(Store(recorder), recorded_now, actor("system", role))


def operator_of(settings: Settings) -> Actor:
    """Who acts on the command line."""
    return actor("operator", settings.operator)


def gateway_of(settings: Settings) -> SimulatedGateway:
    """The gateway that the settings name."""
    settings.gateway_record.parent.mkdir(parents=True, exist_ok=True)  # with servers of its own nobody made the home
    return SimulatedGateway(
        settings.gateway_record,
        settings.gateway_seed,
        timedelta(seconds=settings.gateway_budget_s),
        delay=timedelta(milliseconds=settings.gateway_delay_ms),
    )
