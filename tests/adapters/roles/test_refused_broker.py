"""A broker that will never take us ends the role with status 78, and hears no password over plaintext."""

import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from adapters.schema import migrate
from tests.engine.databases import application_url

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"


@pytest.fixture
def guarded(tmp_path, eventually):
    """The port of a server that wants a password, and its log of what it heard."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "nats.log"
    options = ["--addr", "127.0.0.1", "--port", str(port), "--user", "baohao", "--pass", "right", "-DV", "--log", log]
    server = subprocess.Popen([PROGRAM, "--jetstream", "--store_dir", tmp_path / "nats", *options])
    eventually(lambda: log.exists() and "Server is ready" in log.read_text())
    yield port, log
    server.kill()
    server.wait()


def ended(role, database_url, nats_url, home):
    migrate(database_url, application := application_url(database_url))
    env = os.environ | {"DATABASE_URL": application, "NATS_URL": nats_url, "BAOHAO_HOME": str(home)}
    command = [sys.executable, "-m", "adapters.cli", "run", role]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_tls_to_a_plaintext_server_is_refused_before_the_password_is_sent(guarded, database_url, tmp_path):
    port, log = guarded
    done = ended("consumer", database_url, f"tls://baohao:right@127.0.0.1:{port}", tmp_path)
    assert done.returncode == 78
    assert f"the server at 127.0.0.1:{port} does not require TLS; nothing was sent to it" in done.stderr
    assert "CONNECT" not in log.read_text()


def test_a_wrong_password_of_the_broker_ends_the_role(guarded, database_url, tmp_path):
    port, _ = guarded
    done = ended("publisher", database_url, f"nats://baohao:wrong@127.0.0.1:{port}", tmp_path)
    assert done.returncode == 78
    assert "The broker refuses the user or the password of NATS_URL" in done.stderr
