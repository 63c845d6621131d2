"""A broker that will never take us ends the role with status 78, and hears no password over plaintext."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nats
import pytest
from nats.js.errors import NotFoundError

from adapters.broker.due import DUE_STREAM
from adapters.broker.streams import CHARGING
from adapters.schema import migrate
from tests.engine.databases import application_url
from tests.journey.patience import until

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"
CONFIGURATION = """
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{store}" }}
authorization {{ user: baohao, password: {password} }}
"""
REFUSAL = "The broker refuses the user or the password of NATS_URL"


class Guarded(NamedTuple):
    """A server that wants a password, and its log of what it heard."""

    port: int
    folder: Path

    @property
    def log(self):
        return self.folder / "nats.log"

    @property
    def pid_file(self):
        return self.folder / "nats.pid"

    def wants(self, password):
        text = CONFIGURATION.format(port=self.port, store=self.folder / "nats", password=password)
        (self.folder / "nats.conf").write_text(text)

    def url(self, password):
        return f"nats://baohao:{password}@127.0.0.1:{self.port}"


@pytest.fixture
def guarded(tmp_path, eventually):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = Guarded(free.getsockname()[1], tmp_path)
    found.wants("right")
    files = ["--config", tmp_path / "nats.conf", "--log", found.log, "--pid", found.pid_file]
    server = subprocess.Popen([PROGRAM, *files, "-DV"])
    eventually(lambda: found.log.exists() and "Server is ready" in found.log.read_text())
    yield found
    server.kill()
    server.wait()


@contextmanager
def started(role, database_url, nats_url, home):
    migrate(database_url, application := application_url(database_url))
    env = os.environ | {"DATABASE_URL": application, "NATS_URL": nats_url, "BAOHAO_HOME": str(home)}
    command = [sys.executable, "-m", "adapters.cli", "run", role]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(role, *where):
    """Its status, and what it said."""
    with started(role, *where) as process:
        _, err = process.communicate(timeout=60)
    return process.returncode, err


def test_tls_to_a_plaintext_server_is_refused_before_the_password_is_sent(guarded, database_url, tmp_path):
    status, err = ended("consumer", database_url, f"tls://baohao:right@127.0.0.1:{guarded.port}", tmp_path)
    assert status == 78
    assert f"the server at 127.0.0.1:{guarded.port} does not require TLS; nothing was sent to it" in err
    assert "CONNECT" not in guarded.log.read_text()


@pytest.mark.parametrize("role", ["consumer", "publisher", "scheduler"])
def test_a_wrong_password_of_the_broker_ends_the_role(guarded, database_url, tmp_path, role):
    status, err = ended(role, database_url, guarded.url("wrong"), tmp_path)
    assert status == 78
    assert REFUSAL in err


async def consumers(url):
    """How many consumers of due cards wait for messages."""
    client = await nats.connect(url)
    try:
        return (await client.jetstream().consumer_info(DUE_STREAM, CHARGING)).num_waiting
    except NotFoundError:
        return 0
    finally:
        await client.close()


@pytest.mark.slow
def test_a_consumer_whose_password_is_changed_while_it_works_ends(guarded, database_url, tmp_path):
    with started("consumer", database_url, guarded.url("right"), tmp_path) as process:
        until(lambda: asyncio.run(consumers(guarded.url("right"))))
        guarded.wants("another")
        os.kill(int(guarded.pid_file.read_text()), signal.SIGHUP)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 78
    assert REFUSAL in err
