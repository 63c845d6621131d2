"""A system that charges through a sandbox of its own: its settings, and the sandbox as one more process."""

import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import NamedTuple

from msgspec import json

from adapters.gateways.sandbox import PORT
from adapters.gateways.sandbox.faults import Fault
from adapters.settings import Settings

KEY = "sk_test_sandbox"
"""The sandbox takes any test key."""
RATE = 1000
"""Requests a second, since there is no account whose limit has to be kept."""


class System(NamedTuple):
    """The settings of a system, and the processes that run beside its roles (name → command line)."""

    settings: Settings
    processes: Mapping[str, Sequence[str]] = MappingProxyType({})

    @property
    def address(self) -> str:
        """Where the sandbox answers."""
        return self.settings.stripe_url

    @property
    def variables(self) -> str:
        """What commands beside the system have to know of its sandbox; empty without one."""
        if not self.processes:
            return ""
        names = ["gateway", "stripe_url", "stripe_key", "web_port", "console_url"]
        if self.settings.demo:  # it has a home folder and a clock of its own
            names = ["home", "clock", *names]
        values = {name: getattr(self.settings, name) for name in names}
        return " ".join(
            f"BAOHAO_{name.upper()}={quote(str(value))}" for name, value in values.items() if value is not None
        )


def with_sandbox(settings: Settings, seed: int, faults: Sequence[Fault] = ()) -> System:
    """A sandbox with its record in the home folder, which notifies the web role.

    Where that has any free port, since several systems may start at the same time, so has the sandbox.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, web_port = _free_port(PORT if settings.web_port else 0), _free_port(settings.web_port)
    secret = settings.home / "sandbox.secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(f"whsec_{secrets.token_hex(24)}\n", "utf-8")
    named = settings.model_copy(
        update={
            "gateway": "stripe",
            "gateway_rate": RATE,
            "stripe_url": f"http://127.0.0.1:{port}",
            "stripe_key": KEY,
            "stripe_webhook_secret_file": secret,
            "web_port": web_port,
            "web_url": settings.web_url or f"http://localhost:{web_port}",
            "console_url": console_of(settings, web_port),
        }
    )
    options = {
        "port": port,
        "record": settings.home / "sandbox.db",
        "webhook": f"http://127.0.0.1:{web_port}/notifications/sandbox",
        "webhook-secret-file": secret,
        "seed": seed,
    }
    if faults:
        options["faults"] = _written(settings.home / "sandbox-faults.json", faults)
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return System(named, {"sandbox": (sys.executable, "-m", "adapters.cli", "sandbox", *arguments)})


def console_of(settings: Settings, web_port: int) -> str | None:
    """The address of the console: as set or, where holders reach the pages on this machine alone, beside them."""
    is_here = settings.web_url is None and web_port > 0
    return settings.console_url or (f"http://console.localhost:{web_port}" if is_here else None)


def _written(file: Path, faults: Sequence[Fault]) -> Path:
    file.write_bytes(json.encode(faults))
    return file


def _free_port(wanted: int) -> int:
    """A port that is free now, this one if it is; both ends have to know it before either runs."""
    try:
        listener = socket.create_server(("127.0.0.1", wanted))
    except OSError:
        listener = socket.create_server(("127.0.0.1", 0))
    with closing(listener):
        return int(listener.getsockname()[1])
