"""One process leads a role; when it stands still another takes its place, and it can write nothing more."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from adapters.roles.lease import take_lease
from projections.follow import lock_position, save_position
from tests.engine.databases import application_url
from tests.journey.patience import until


@pytest.fixture
def sessions(connection, database_url):
    """Two sessions that want to lead."""
    del connection
    with psycopg.connect(database_url, autocommit=True) as one, psycopg.connect(database_url, autocommit=True) as other:
        yield one, other


def test_one_session_leads_each_role(sessions):
    one, other = sessions
    assert take_lease(one, "projector")
    assert not take_lease(other, "projector")
    assert take_lease(other, "publisher")


def test_the_lease_of_a_session_that_ended_is_free_at_once(sessions, eventually):
    one, other = sessions
    assert take_lease(one, "projector")
    other.execute("UPDATE leaders SET lease_until = 'infinity'")
    assert not take_lease(other, "projector")
    one.close()
    eventually(lambda: take_lease(other, "projector"))


def test_a_leader_that_stands_still_loses_lease_and_rows_and_cannot_commit(sessions, eventually):
    one, other = sessions
    assert take_lease(one, "projector")
    one.execute("BEGIN")
    lock_position(one, "read_models")
    save_position(one, "read_models", 99)
    eventually(lambda: take_lease(other, "projector"))
    assert lock_position(other, "read_models") == 0
    with pytest.raises(psycopg.OperationalError):
        one.execute("COMMIT")


def leader_of(connection, role):
    row = connection.execute("SELECT process FROM leaders WHERE role = %s", (role,)).fetchone()
    return int(row[0].split()[-1]) if row else None


def test_a_projector_that_is_stopped_is_replaced_by_its_twin_and_steps_back_when_it_wakes(
    cards, database_url, nats_url, tmp_path
):
    env = os.environ | {
        "DATABASE_URL": application_url(database_url),
        "NATS_URL": nats_url,
        "BAOHAO_HOME": str(tmp_path),
        "BAOHAO_CLOCK": "virtual",
    }
    command = [sys.executable, "-m", "adapters.cli", "run", "projector"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        twins = [subprocess.Popen(command, env=env, stdout=output, stderr=output) for _ in range(2)]
    try:
        until(lambda: leader_of(cards.connection, "projector"))
        first = leader_of(cards.connection, "projector")
        os.kill(first, signal.SIGSTOP)
        cards.register(1, 2, 3)
        until(lambda: cards.connection.execute("SELECT FROM cards").rowcount == 3)
        second = leader_of(cards.connection, "projector")
        assert {first, second} == {twin.pid for twin in twins}
        os.kill(first, signal.SIGCONT)
        until(lambda: b"role.fault" in log.read_bytes())
        assert leader_of(cards.connection, "projector") == second
        assert all(twin.poll() is None for twin in twins)
    finally:
        for twin in twins:
            twin.kill()
            twin.wait()
