"""A pooler that hands out sessions by the transaction is refused at start; one that keeps them is not noticed."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta

import psycopg
import pytest

from adapters import pooler
from adapters.pooler import refuse_transaction_pooler
from adapters.roles.lease import take_lease
from adapters.schema import migrate
from engine.errors import SchemaError
from tests.adapters.cards import cards_of
from tests.adapters.poolers import PGBOUNCER, pgbouncer, transaction_pooler

REAL = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed")


@pytest.fixture(params=["small", *(pytest.param(mode, marks=REAL) for mode in ("transaction", "statement"))])
def shared_url(request, database_url, server_home):
    """The database through a pooler that shares sessions."""
    with ExitStack() as stack:
        if request.param == "small":
            yield stack.enter_context(transaction_pooler(database_url))
        else:
            yield stack.enter_context(pgbouncer(database_url, server_home, request.param))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(pooler, "HEARD_WITHIN", timedelta(seconds=0.5))


def test_a_pooler_in_transaction_mode_is_refused(shared_url, impatient):
    with pytest.raises(SchemaError, match=r"through a pooler in transaction mode.*use session mode"):
        refuse_transaction_pooler(shared_url)


def test_nothing_is_migrated_through_it(database_url, impatient):
    with transaction_pooler(database_url) as url, pytest.raises(SchemaError, match="pooler in transaction mode"):
        migrate(url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT to_regclass('card_events')").fetchone() == (None,)
        assert connection.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").rowcount == 0


def test_the_servers_own_address_is_accepted(database_url):
    refuse_transaction_pooler(database_url)


def test_a_role_ends_with_78_and_one_sentence(database_url):
    migrate(database_url)
    with transaction_pooler(database_url) as url:
        role = [sys.executable, "-m", "adapters.cli", "run", "consumer"]
        env = {**os.environ, "DATABASE_URL": url, "NATS_URL": "nats://127.0.0.1:1"}
        ended = subprocess.run(role, env=env, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.startswith("the database is reached through a pooler in transaction mode")
    assert ended.stderr.count("\n") == 1


@REAL
def test_in_session_mode_leases_and_appends_work(database_url, server_home):
    with pgbouncer(database_url, server_home, "session") as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            [(session,)] = connection.execute("SELECT pg_backend_pid()").fetchall()
            assert session != connection.info.backend_pid, "the pooler makes up a number of its own"
            assert take_lease(connection, "projector") == session
            found, pool = cards_of(connection, url, gateway_budget=timedelta(seconds=1))
            found.register(1)
            [(limit,)] = [connection.execute("SHOW lock_timeout").fetchone()]
            assert limit == "0"
            with pool.get_connection() as ours:
                assert list(ours.execute("SHOW lock_timeout").fetchone().values()) == ["5s"]
            pool.close()
