"""The embedded servers start, are shared, keep their data, and leave nothing running."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import nats
import psutil
import psycopg
import pytest

from adapters import embedded

OWNER = """
import signal, sys, time
from pathlib import Path
from adapters import embedded
signal.signal(signal.SIGINT, signal.default_int_handler)  # which what runs in the background was told to ignore
home = Path(sys.argv[1])
with embedded.postgres(home) as database, embedded.nats(home) as broker:
    print(database, broker, flush=True)
    time.sleep(60)
"""
SHOWN = ("shared_buffers", "max_connections", "max_wal_size", "synchronous_commit", "jit", "TimeZone")


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="baohao-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def owner(home):
    """Another process that runs both servers, and their addresses."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(home)], stdout=subprocess.PIPE, text=True)
    yield process, process.stdout.readline().split()
    process.terminate()
    process.wait()
    process.stdout.close()


def query(url, sql):
    """As the owner."""
    url = embedded.owner_url(url)
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else None


async def account_of(url):
    client = await nats.connect(url, allow_reconnect=False)
    try:
        return await client.jetstream().account_info()
    finally:
        await client.close()


async def add_stream(url, name):
    client = await nats.connect(url, allow_reconnect=False)
    try:
        await client.jetstream().add_stream(name=name, subjects=[name])
    finally:
        await client.close()


def servers_of(home):
    """Living processes that work on this home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            is_server = words.startswith(("postgres", "nats-server")) or "/bin/" in words.split(" ")[0]
            if str(home) in words and is_server and "python" not in words:
                found.append(process)
    return found


def test_postgres_runs_with_our_settings_and_restarts_with_its_data(home):
    with embedded.postgres(home) as url:
        shown = [query(url, f"SHOW {name}")[0][0] for name in SHOWN]
        assert shown == ["256MB", "100", "4GB", "on", "off", "UTC"]
        query(url, "CREATE TABLE kept (word text)")
    assert not servers_of(home)
    with embedded.postgres(home) as url:
        assert query(url, "SELECT * FROM kept") == []
    assert not servers_of(home)


def modes_of(*paths):
    return [oct(path.stat().st_mode & 0o777) for path in paths]


def test_a_new_home_its_data_logs_and_socket_are_closed_to_others(home):
    new = home / "new"
    as_root = os.geteuid() == 0  # then the account of the server passes the folder by its group
    with embedded.postgres(new) as url, embedded.nats(new):
        assert modes_of(new) == ["0o710" if as_root else "0o700"]
        assert modes_of(new / "postgres", new / "nats", new / "logs") == ["0o700"] * 3
        assert modes_of(new / "postgres" / ".s.PGSQL.5432") == ["0o700"]
        if as_root:
            assert new.stat().st_gid == (new / "postgres").stat().st_gid
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", str(new / "postgres")]
            assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    with embedded.postgres(new) as again:
        assert modes_of(new) == ["0o710" if as_root else "0o700"]
        assert again == url


def test_the_processes_are_no_superuser(home):
    with embedded.postgres(home) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
            "baohao_app",
            False,
        )


def test_text_sorts_by_code_point(database_url):
    assert query(database_url, "SELECT 'a' < 'B', upper('ä'), '保' > 'z'") == [(False, "Ä", True)]


def test_each_test_gets_an_empty_database(database_url):
    assert query(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_a_home_with_a_long_name_works(home):
    deep = home / ("long-" * 20) / "保 号's"
    deep.mkdir(parents=True)
    with embedded.postgres(deep) as url:
        assert query(url, "SELECT 1") == [(1,)]
    assert not servers_of(deep)


def test_nats_runs_with_jetstream_and_restarts_with_its_data(home):
    with embedded.nats(home) as url:
        assert asyncio.run(account_of(url)).streams == 0
        asyncio.run(add_stream(url, "kept"))
    assert not servers_of(home)
    with embedded.nats(home) as url:
        assert asyncio.run(account_of(url)).streams == 1
    assert not servers_of(home)


def test_nats_can_be_restarted_on_its_old_port_without_its_data(home):
    with embedded.nats(home) as url:
        asyncio.run(add_stream(url, "lost"))
    shutil.rmtree(home / "nats")
    with embedded.nats(home, port=int(url.rpartition(":")[2])) as again:
        assert again == url
        assert asyncio.run(account_of(url)).streams == 0


def test_a_second_process_shares_the_servers_and_stops_none(home, owner):
    _, (database, broker) = owner
    with embedded.postgres(home) as url:
        assert url == database
    with embedded.nats(home) as url:
        assert url == broker
    assert query(database, "SELECT 1") == [(1,)]
    assert asyncio.run(account_of(broker)).streams == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl_c", "sigterm"])
def test_a_signal_stops_the_servers(home, owner, number):
    process, _ = owner
    assert servers_of(home)
    process.send_signal(number)
    assert process.wait(60) != 0
    assert not servers_of(home)


def test_servers_of_a_killed_owner_are_replaced(home, owner):
    process, (_, broker) = owner
    process.kill()
    process.wait()
    left = servers_of(home)
    assert left
    with embedded.postgres(home) as database, embedded.nats(home) as url:
        assert query(database, "SELECT 1") == [(1,)]
        assert url != broker
        assert not [old for old in left if old.is_running() and old.status() != psutil.STATUS_ZOMBIE]
    assert not servers_of(home)


def test_an_exception_stops_the_server(home):
    with pytest.raises(ZeroDivisionError), embedded.nats(home):
        raise ZeroDivisionError
    assert not servers_of(home)


def test_a_thread_may_run_a_server(home):
    urls = []

    def run():
        with embedded.nats(home) as url:
            urls.append(url)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert urls
    assert not servers_of(home)


def test_a_server_that_does_not_start_reports_why(home, nats_url):
    taken = int(nats_url.rpartition(":")[2])
    refusal = f"nats does not start: port {taken} is taken; set BAOHAO_NATS_PORT to a free one"
    with pytest.raises(embedded.EmbeddedError, match=refusal), embedded.nats(home, port=taken):
        pass
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(embedded.EmbeddedError, match="postgres does not start: pg_ctl ended"), embedded.postgres(home):
        pass
    assert not servers_of(home)
