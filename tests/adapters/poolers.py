"""Poolers in front of PostgreSQL: a real PgBouncer where it is installed, and a small one that has the same effect."""

import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.ports import free_port

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102


@contextmanager
def pgbouncer(database_url, folder, mode) -> Iterator[str]:
    """A real PgBouncer in a pool mode; yields the address of the same database through it."""
    port, socket_file = free_port(), socket_of(database_url)
    settings = folder / "pgbouncer.ini"
    name = urlsplit(database_url).path[1:]
    settings.write_text(
        f"[databases]\n{name} = host={Path(socket_file).parent} port=5432 user=baohao dbname={name}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = {mode}\n"
    )
    settings.chmod(0o644)
    as_owner = ["-u", "baohao_postgres"] if os.geteuid() == 0 else []  # it refuses to run as root
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([PGBOUNCER, *as_owner, settings], stderr=log)
    try:
        yield reachable(f"postgresql://baohao@127.0.0.1:{port}/{name}")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def transaction_pooler(database_url) -> Iterator[str]:
    """All clients share one session, each for a transaction at a time; what comes in between is lost."""
    name = urlsplit(database_url).path[1:]
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, closing(Session(database_url, name)) as session:
        threading.Thread(target=accept_all, args=(listening, session), daemon=True).start()
        yield f"postgresql://baohao@127.0.0.1:{listening.getsockname()[1]}/{name}"


class Session:
    """The one session with the server."""

    def __init__(self, database_url, name):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.connect(socket_of(database_url))
        self.turn = threading.Lock()
        start = struct.pack("!i", 196608) + f"user\0baohao\0database\0{name}\0\0".encode()
        self.line.sendall(struct.pack("!i", len(start) + 4) + start)
        self.greeting = b""
        """What the server says to a new client."""
        while not self.greeting.endswith(b"Z\0\0\0\5I"):
            self.greeting += self.line.recv(65536)

    def close(self):
        self.line.close()


def accept_all(listening, session):
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=serve, args=(client, session), daemon=True).start()


def serve(client, session):
    """Lend the session to one client from each of its requests to the end of that transaction."""
    with closing(client), suppress(OSError):
        while (code := struct.unpack("!i", exactly(client, struct.unpack("!i", exactly(client, 4))[0] - 4)[:4])[0]) in (
            SSL_REQUEST,
            CANCEL_REQUEST,
        ):
            client.sendall(b"N")
        assert code == 196608
        client.sendall(session.greeting)
        while request := client.recv(65536):
            if request.startswith(b"X"):
                return
            with session.turn:
                lend(client, session.line, request)


def lend(client, line, request):
    line.sendall(request)
    seen = b""
    while True:
        seen += (heard := line.recv(65536))
        client.sendall(heard)
        if seen.endswith(b"Z\0\0\0\5I"):
            return
        if seen.endswith((b"Z\0\0\0\5T", b"Z\0\0\0\5E")):
            line.sendall(client.recv(65536))
            seen = b""


def exactly(line, length):
    found = b""
    while len(found) < length:
        found += (heard := line.recv(length - len(found)))
        if not heard:
            raise OSError("the other side is gone")
    return found


def socket_of(database_url):
    [folder] = parse_qs(urlsplit(database_url).query)["host"]
    return f"{folder}/.s.PGSQL.5432"


def reachable(database_url):
    """Wait until it answers."""
    for _ in range(500):
        with suppress(psycopg.OperationalError), psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SELECT 1")
            return database_url
        threading.Event().wait(0.02)
    raise AssertionError("the pooler does not answer")
