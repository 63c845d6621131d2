"""TLS to both servers, with certificates made here: roles trust the authority they are told of, and no other."""

import asyncio
import os
import select
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters.broker.connection import connected
from adapters.schema import migrate
from adapters.settings import SettingsError, load_settings
from tests.adapters.certificates import Authority
from tests.engine.databases import application_url
from tests.journey.patience import until

PROGRAM = Path(sysconfig.get_path("scripts")) / "nats-server"
CONFIGURATION = """
host: 127.0.0.1
port: {port}
jetstream {{ store_dir: "{store}" }}
authorization {{ user: baohao, password: "it's right" }}
tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{authority}", verify: true }}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "theirs")


@pytest.fixture
def broker(tmp_path, authority, eventually):
    """The address of a server that speaks TLS only and wants a certificate and a password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    certificate, key = authority.signed("server")
    files = {"certificate": certificate, "key": key, "authority": authority.certificate}
    configuration, log = tmp_path / "nats.conf", tmp_path / "nats.log"
    configuration.write_text(CONFIGURATION.format(port=port, store=tmp_path / "nats", **files))
    server = subprocess.Popen([PROGRAM, "--config", configuration, "--log", log])
    eventually(lambda: log.exists() and "Server is ready" in log.read_text())
    yield f"tls://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture
def access(tmp_path, authority):
    """Settings with which the broker lets us in."""
    password = tmp_path / "password"
    password.write_text("it's right\n")
    certificate, key = authority.signed("client")
    return {
        "nats_ca": authority.certificate,
        "nats_cert": certificate,
        "nats_key": key,
        "nats_user": "baohao",
        "nats_password_file": password,
    }


def variables(access):
    return {f"BAOHAO_{name.upper()}": str(value) for name, value in access.items()}


async def stream_count(settings):
    async with connected(settings.nats_url, settings) as client:
        return (await client.jetstream().account_info()).streams


def test_our_own_connections_trust_the_authority_and_show_who_they_are(broker, access):
    assert asyncio.run(stream_count(load_settings(nats_url=broker, **access))) == 0


def test_a_server_that_a_stranger_signed_for_is_sent_nothing(broker, access, stranger):
    settings = load_settings(nats_url=broker, **access | {"nats_ca": stranger.certificate})
    with pytest.raises(SettingsError, match=r"certificate is not to be trusted: .*; nothing was sent to it"):
        asyncio.run(stream_count(settings))


def test_a_wrong_password_in_the_file_is_named(broker, access):
    access["nats_password_file"].write_text("wrong")
    with pytest.raises(SettingsError, match="The broker refuses the user or the password"):
        asyncio.run(stream_count(load_settings(nats_url=broker, **access)))


@pytest.fixture
def environment(database_url, tmp_path):
    migrate(database_url, application_url(database_url))
    return os.environ | {"DATABASE_URL": application_url(database_url), "BAOHAO_HOME": str(tmp_path)}


def test_the_consumer_works_over_tls_with_the_library_as_with_our_own_connection(broker, access, environment, tmp_path):
    env = environment | variables(access) | {"NATS_URL": broker}
    command = [sys.executable, "-m", "adapters.cli", "run", "consumer"]
    log = tmp_path / "consumer.log"
    with log.open("wb") as out, subprocess.Popen(command, env=env, stderr=out) as process:
        try:
            until(lambda: "charging" in asyncio.run(consumers(load_settings(nats_url=broker, **access))))
        finally:
            process.terminate()
        assert process.wait(30) == 0, log.read_text()


async def consumers(settings):
    """Durable consumers that somebody pulls from."""
    async with connected(settings.nats_url, settings) as client:
        with suppress(Exception):
            return [one.name for one in await client.jetstream().consumers_info("BAOHAO_DUE") if one.num_waiting]
    return []


@pytest.fixture
def tls_database(postgres_url, authority):
    """A PostgreSQL that speaks TLS: the address of a door of ours before the real server, which has none."""
    door = TlsDoor(*authority.signed("database"), conninfo_to_dict(postgres_url))
    yield door.port
    door.close()


class TlsDoor:
    """Takes PostgreSQL's request for TLS, and passes what comes over it to the server's socket file."""

    def __init__(self, certificate, key, server):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._path = f"{server['host']}/.s.PGSQL.{server['port']}"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._listening.close()

    def _serve(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._welcome, args=(client,), daemon=True).start()

    def _welcome(self, client):
        with client, suppress(OSError), socket.socket(socket.AF_UNIX) as server:
            client.recv(8)  # the request for TLS
            client.sendall(b"S")
            server.connect(self._path)
            with self._context.wrap_socket(client, server_side=True) as opened:
                _pass_on(opened, server)


def _pass_on(client, server):
    while True:
        readable = [client] if client.pending() else select.select([client, server], [], [])[0]
        for one in readable:
            data = one.recv(65536)
            if not data:
                return
            (server if one is client else client).sendall(data)


def over_tls(database_url, port, authority):
    name = conninfo_to_dict(database_url)["dbname"]
    certificate = f"sslmode=verify-full&sslrootcert={authority.certificate}"
    return f"postgresql://baohao_app@127.0.0.1:{port}/{name}?{certificate}&sslcertmode=disable"


def test_the_database_is_reached_over_tls_and_a_strangers_certificate_ends_the_role(
    tls_database, database_url, authority, stranger, environment
):
    url = over_tls(database_url, tls_database, authority)
    with psycopg.connect(url) as connection:
        assert connection.pgconn.ssl_in_use
    command = [sys.executable, "-m", "adapters.cli", "cards", "list", "--json"]
    right = subprocess.run(
        command, env=environment | {"DATABASE_URL": url}, capture_output=True, text=True, check=False
    )
    assert (right.returncode, right.stdout) == (0, "[]\n")
    env = environment | {"DATABASE_URL": over_tls(database_url, tls_database, stranger), "NATS_URL": "nats://127.0.0.1"}
    command = [sys.executable, "-m", "adapters.cli", "run", "projector"]
    wrong = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert wrong.returncode == 78
    assert "certificate verify failed" in wrong.stderr
