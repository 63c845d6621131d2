"""A real RabbitMQ for the tests: Debian's server, with a folder, ports and a name of its own, on this machine alone."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.supervise import _end_with
from tests.ports import free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The one in the path is for the user of Debian's own service."""
USER, PASSWORD = "baohao", "kept-from-the-logs"
STARTS_WITHIN_S = 60
NAMED_WITHIN_S = 2
"""RabbitMQ 3.10, killed sooner after a stream was made, says for ever that the stream's node is down."""
CONFIGURATION = f"""
default_user = {USER}
default_pass = {PASSWORD}
log.console = false
log.file.level = warning
disk_free_limit.absolute = 1MB
"""


class Server:
    """One node, and the daemon that Erlang wants beside it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.port, dist_port, names_port = (free_port() for _ in range(3))
        (home / "rabbitmq.conf").write_text(CONFIGURATION)
        (home / "plugins").write_text("[].")
        self._env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),  # where Erlang keeps its cookie
            "RABBITMQ_NODENAME": f"baohao{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "RUNNING_UNDER_SYSTEMD": "true",  # without the shell around it, so that this process is the node
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names_port),
        }
        self._names = self._run("epmd", "-address", "127.0.0.1", "-port", str(names_port))
        _wait_for(names_port, self._names)
        self._node: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        assert self._node is not None
        return self._node.pid

    def start(self) -> None:
        self._node = self._run(str(PROGRAM))

    def await_start(self) -> None:
        assert self._node is not None
        _wait_for(self.port, self._node)

    def control(self, *words: str) -> None:
        """Let the node's own tool do something."""
        command = [PROGRAM.with_name("rabbitmqctl"), *words]
        subprocess.run(command, env=self._env, cwd=self._home, check=True, capture_output=True, timeout=60)

    def kill(self) -> None:
        if self._node is not None:
            self._node.kill()
            self._node.wait()

    def close(self) -> None:
        self.kill()
        self._names.kill()
        self._names.wait()

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._home / "output").open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=self._home,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 (it makes two system calls, no more)
            )


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        with closing(socket.socket()) as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, f"{process.args} ended with status {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args} does not listen in time"
        time.sleep(0.05)


def running() -> Iterator[Server]:
    """The server, as long as the session; without one the tests are skipped, but not where they have to run."""
    if not PROGRAM.exists():
        message = "there is no RabbitMQ; on Debian: apt install rabbitmq-server"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    home = Path(tempfile.mkdtemp(prefix="baohao-rabbitmq-"))
    with closing(Server(home)) as server:
        server.start()
        server.await_start()
        yield server
    shutil.rmtree(home, ignore_errors=True)
