"""One process leads a role; when it stands still another takes its place, and it can write nothing more."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from adapters.broker.due import DUE_STREAM
from adapters.broker.events import EVENTS_STREAM
from adapters.control import move_clock
from adapters.roles.lead import RETRY
from adapters.roles.lease import LEASE, take_lease
from projections.follow import lock_position, save_position
from tests.adapters.cards import FAR
from tests.engine.databases import application_url
from tests.journey.patience import until

MACHINE_BUSY_S = 15
"""What a busy machine may add to the time after which a leader is replaced."""


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


@pytest.fixture
def environment(database_url, nats_url, tmp_path):
    """Of roles on a virtual clock."""
    servers = {"DATABASE_URL": application_url(database_url), "NATS_URL": nats_url}
    return os.environ | servers | {"BAOHAO_HOME": str(tmp_path), "BAOHAO_CLOCK": "virtual"}


def works(role, cards, run, client):
    """Whether a new leader has done what there is to do for three cards."""
    jetstream = client.jetstream()
    match role:
        case "projector":
            return cards.connection.execute("SELECT FROM cards").rowcount == 3
        case "publisher":
            return run(jetstream.stream_info(EVENTS_STREAM)).state.messages == len(cards.public_ids())
        case "scheduler":
            return run(jetstream.stream_info(DUE_STREAM)).state.messages == 3


@pytest.mark.parametrize("role", ["projector", "publisher", "scheduler"])
def test_a_leader_that_is_stopped_is_replaced_by_its_twin_in_time_and_steps_back_when_it_wakes(
    role, cards, environment, tmp_path, run, client
):
    move_clock(cards.connection, FAR)
    command = [sys.executable, "-m", "adapters.cli", "run", role]
    log = tmp_path / "log"
    with log.open("wb") as output:
        twins = [subprocess.Popen(command, env=environment, stdout=output, stderr=output) for _ in range(2)]
    try:
        until(lambda: b"role.leading" in log.read_bytes() and b"role.standby" in log.read_bytes())
        first = leader_of(cards.connection, role)
        os.kill(first, signal.SIGSTOP)
        since = time.monotonic()
        until(lambda: leader_of(cards.connection, role) != first)
        assert time.monotonic() - since < (LEASE + RETRY).total_seconds() + MACHINE_BUSY_S
        second = leader_of(cards.connection, role)
        assert {first, second} == {twin.pid for twin in twins}
        cards.register(1, 2, 3)
        if role == "scheduler":
            cards.project()
        until(lambda: works(role, cards, run, client))
        os.kill(first, signal.SIGCONT)
        until(lambda: b"role.fault" in log.read_bytes())
        assert leader_of(cards.connection, role) == second
        assert all(twin.poll() is None for twin in twins)
    finally:
        for twin in twins:
            twin.kill()
            twin.wait()
