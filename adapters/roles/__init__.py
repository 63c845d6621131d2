"""The roles: one long-running process each, which may run alone and in any number."""

import asyncio
import faulthandler
import resource
import signal
from importlib import import_module
from typing import Literal

import structlog

from adapters.collector import collect_rarely
from adapters.settings import Settings

Role = Literal["consumer", "projector", "publisher", "scheduler", "web", "notifier", "sealer", "commands", "forwarder"]
ROLES: tuple[Role, ...] = ("consumer", "projector", "publisher", "scheduler")
"""Those that every system has; `web` runs beside them where somebody is served, `notifier` where holders are told,
`sealer` where the log is sealed, `commands` where other systems may give them, `forwarder` where another broker is told
the events too."""

log = structlog.get_logger()


async def run_role(role: Role, settings: Settings, database_url: str, nats_url: str) -> None:
    """Run one role until SIGTERM or SIGINT, then finish the work in flight."""
    faulthandler.enable()  # where a library ends the process, stderr says in which line
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    main = import_module(f"adapters.roles.{role}").main  # only this role's libraries, for a quick start
    collect_rarely()
    log.info("role.started")
    await main(settings, database_url, nats_url, stop)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    log.info(
        "role.stopped",
        cpu_s=round(usage.ru_utime + usage.ru_stime, 2),
        peak_rss_mb=round(usage.ru_maxrss / 1024, 1),
    )
