"""`baohao up`, `run ROLE`, `migrate`: the long-running processes, and the schema that they need."""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING

import psycopg
import structlog

from adapters.charged_through import charge_through
from adapters.cli.output import err
from adapters.cli.servers import Running, both_servers, database, owner_of
from adapters.cli.system_lock import mark_demo, only_system
from adapters.cli.with_sandbox import System, console_of, with_sandbox
from adapters.embedded import EmbeddedError, restarted
from adapters.embedded.ownership import Server
from adapters.logs import configure_logs
from adapters.pooler import refuse_transaction_pooler
from adapters.roles import ROLES, Role, run_role
from adapters.schema import check_schema, migrate
from adapters.secret_files import events_address
from adapters.settings import Settings, SettingsError, environment
from adapters.status import named
from adapters.supervise import Supervisor
from projections.giving_way import give_way

if TYPE_CHECKING:
    from adapters.metrics import Metrics

log = structlog.get_logger()

CHECK_S = 0.2
AGAIN_S = 5
CHARGING_ROLES = ("consumer", "web")
"""Those that ask the gateway."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(role: Role, settings: Settings) -> None:
    """One role in this process, until SIGTERM or Ctrl-C."""
    metrics = _metrics_of(settings)
    configure_logs(role, settings.log_level, settings.log_format, metrics.count if metrics else None)
    with both_servers(settings) as running:
        refuse_transaction_pooler(running.database_url)
        check_schema(running.database_url)
        if role == "sealer":
            give_way()
        if role in CHARGING_ROLES:
            with psycopg.connect(running.database_url, autocommit=True) as connection:
                charge_through(connection, settings.gateway)
        database_url = named(running.database_url, role, socket.gethostname(), os.getpid())
        runner = asyncio.Runner(loop_factory=_fast_loop())
        with runner, _seen_from_outside(metrics, role, running, runner), _traced(role, running.settings):
            runner.run(run_role(role, running.settings, database_url, running.nats_url))


def _metrics_of(settings: Settings) -> "Metrics | None":
    if not settings.metrics_port:
        return None
    from adapters.metrics import Metrics

    return Metrics()


@contextmanager
def _seen_from_outside(
    metrics: "Metrics | None", role: Role, running: Running, runner: asyncio.Runner
) -> Iterator[None]:
    """Meanwhile, the process says at a port how it is, if the settings name one."""
    if metrics is None:
        yield
        return
    from adapters.health import answers
    from adapters.metrics import SystemStatus
    from adapters.watched import Watched, watched

    settings, servers = running.settings, (running.database_url, running.nats_url)
    outlet_url = events_address(settings) if role == "forwarder" else None
    if role == "scheduler":
        metrics.registry.register(SystemStatus(running.database_url, virtual_clock=settings.clock == "virtual"))
    pages = Watched(metrics.registry, runner.get_loop(), lambda: asyncio.run(answers(*servers, settings, outlet_url)))
    with watched(pages, settings.metrics_host, settings.metrics_port):
        yield


def _traced(role: Role, settings: Settings) -> AbstractContextManager[None]:
    """Meanwhile, the traces of this process go to a collector, if the settings name one."""
    if settings.traces_url is None:
        return nullcontext()
    try:
        from adapters.otlp import collected
    except ImportError:
        message = "BAOHAO_TRACES_URL is set, but OpenTelemetry's packages are missing; install baohao[traces]"
        raise SettingsError(message) from None
    return collected(settings.traces_url, role, settings)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The event loop in C, a sixth less CPU for each renewal; None where it does not exist: Python's own."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def upgrade(settings: Settings) -> int:
    """Bring the schema up to date; returns the version before."""
    with database(settings) as url:
        return migrate(owner_of(settings, url), url)


@contextmanager
def all_roles(
    settings: Settings,
    roles: Sequence[Role] = ROLES,
    *,
    what: str = "baohao up",
    beside: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[tuple[Running, Supervisor]]:
    """Servers, schema and every role as a supervised process, and those `beside` them, until the block ends.

    Raises SystemRunsError where another system runs on the home folder; `what` names this one to others.
    """
    with only_system(settings.home, what), both_servers(settings) as running:
        migrate(owner_of(settings, running.database_url), running.database_url)
        processes = {**beside, **_arguments(roles, settings.metrics_port)}
        env, logs = environment(running.settings), settings.home / "logs"
        with Supervisor(processes, env, logs, frozenset({"forwarder"})) as supervisor:
            yield running, supervisor


def up(settings: Settings, *, sandbox: bool = False, demo: bool = False) -> None:
    """All roles until Ctrl-C, SIGTERM or SIGHUP; starts embedded servers again that end meanwhile.

    With a `sandbox` of its own, or at Stripe, the web role is one of them; the notifier where e-mail or SMS is set,
    the sealer where a key is, `commands` where senders are, the forwarder where another broker is. A `demo` has a
    sandbox, a virtual clock and three holders, in a home folder of its own.
    """
    if demo:
        settings = of_demo(settings)
    configure_logs("up", settings.log_level, settings.log_format)
    stop = threading.Event()
    system = with_sandbox(settings, settings.gateway_seed) if sandbox or demo else System(settings)
    roles: Sequence[Role] = ROLES
    if system.settings.gateway == "stripe":
        console = {"console_url": console_of(system.settings, system.settings.web_port)}
        roles = (*ROLES, "web")
        system = system._replace(settings=system.settings.model_copy(update=console))
    roles = (*roles, *_roles_by(system.settings))
    with all_roles(system.settings, roles, beside=system.processes) as (running, supervisor), _leaving_by(stop):
        err.print(_is_up(running, supervisor), markup=False, highlight=False, soft_wrap=True)
        if demo:
            from adapters.cli.demo import showing

            showing.live_through(system, running, stop)
            err.print(showing.guide(system), markup=False, highlight=False, soft_wrap=True)
        elif sandbox:
            text = f"The sandbox is at {system.address}. For commands beside it: export {system.variables}"
            text += f"\nThe operator's console is at {system.settings.console_url}; `baohao operator add` lets you in"
            err.print(text, markup=False, highlight=False, soft_wrap=True)
        failed: set[str] = set()
        while not stop.wait(CHECK_S):
            supervisor.check()
            for server in running.embedded:
                _keep_alive(server, stop, failed)
        err.print("Baohao stops: the roles finish what they have begun …", soft_wrap=True)
    err.print("Baohao is down")


def _roles_by(settings: Settings) -> Iterator[Role]:
    """Those that only a setting calls for."""
    if settings.tells_holders:
        yield "notifier"
    if settings.seal_key_file is not None:
        yield "sealer"
    if settings.sender_names:
        yield "commands"
    if settings.events_url is not None:
        yield "forwarder"


def of_demo(settings: Settings) -> Settings:
    """Those of the demo, whose home folder is made below the installation's, for the owner alone."""
    home = settings.home / "demo"
    for folder in (settings.home, home):  # a mode is given to the last folder of a path alone
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark_demo(home)
    shown = {"home": home, "clock": "virtual", "demo": True, "nats_port": 0, "mail_folder": home / "mail", "sms": "log"}
    return settings.model_copy(update=shown)


def _is_up(running: Running, supervisor: Supervisor) -> str:
    home = running.settings.home
    address = f"; events on {running.nats_url}" if running.settings.nats_url and running.embedded else ""
    return f"Baohao is up: {', '.join(supervisor.pids())}{address}; logs in {home / 'logs'}; Ctrl-C stops it"


def _keep_alive(server: Server, stop: threading.Event, failed: set[str]) -> None:
    """Start an embedded server again that has ended; where that fails it is tried again after AGAIN_S.

    The first failure is no alarm: what is left of a killed server may have to end, or to recover, before another one
    can start on its data. `failed` holds the names of those that did not start at the last try.
    """
    try:
        if restarted(server):
            log.warning("server.restarted", server=server.name)
        failed.discard(server.name)
    except EmbeddedError as error:
        if server.name in failed:
            log.error("server.not_restarted", server=server.name, error=str(error))  # noqa: TRY400 (it says enough)
        failed.add(server.name)
        stop.wait(AGAIN_S)


@contextmanager
def _leaving_by(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP set `stop`, also a second time while the block ends."""
    numbers = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield
    finally:
        if not stop.is_set():  # else a second signal must not interrupt the end
            for number, handler in before.items():
                signal.signal(number, handler)


def _arguments(roles: Sequence[Role], metrics_port: int) -> Mapping[str, Sequence[str]]:
    """The command line of each role; on one host each shows its metrics at a port of its own."""
    ports = [str(metrics_port + place) if metrics_port else "0" for place in range(len(roles))]
    program = sys.executable, "-m", "adapters.cli.role"
    return {role: (*program, role, port) for role, port in zip(roles, ports, strict=True)}
