"""Passwords come from files, a wrong one ends a role, and `baohao health` says in time whether both servers answer."""

import json
import socket
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from adapters import embedded
from adapters.health import WITHIN_S

ROLE = "guarded_app"


@pytest.fixture
def guarded(new_installation, tmp_path):
    """An installation whose application needs a password, which stands in a file."""
    fresh = new_installation()
    owner = fresh.database_url
    data = Path(conninfo_to_dict(owner)["host"])
    rules = data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all {ROLE} scram-sha-256\n{before}")
    password = tmp_path / "password"
    password.write_text("it's right\n")
    fresh.environment |= {
        "DATABASE_URL": owner.replace("//baohao@", f"//{ROLE}@", 1),
        "BAOHAO_DATABASE_PASSWORD_FILE": str(password),
    }
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
        assert fresh.run("migrate", BAOHAO_OWNER_DATABASE_URL=owner).exit_code == 0
        yield fresh, password
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"DROP OWNED BY {ROLE}")
        connection.execute(f"DROP ROLE {ROLE}")


def test_the_password_of_a_file_lets_in_and_a_wrong_one_ends_a_role_and_a_command(guarded):
    installation, password = guarded
    assert installation.json("health") == {"database": "ok", "broker": "ok"}
    assert installation.json("cards", "list") == []
    password.write_text("a wrong one")
    for words in (("run", "projector"), ("cards", "list")):
        status, out, err = installation.ended(*words)
        assert (status, out) == (78, "")
        last = err.splitlines()[-1]
        assert f'password authentication failed for user "{ROLE}". Correct it, then start again.' in last
        assert "wrong one" not in err
    password.write_text("")
    status, _, err = installation.ended("cards", "list")
    assert (status, err) == (78, f"The file {password} with a password or key is empty.\n")
    password.unlink()
    status, _, err = installation.ended("cards", "list")
    assert (status, err) == (
        78,
        f"The file {password} with a password or key cannot be read: No such file or directory.\n",
    )


@pytest.fixture
def mute():
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_servers_that_hang_are_not_healthy_and_health_says_so_in_time(installation, mute):
    hanging = {"DATABASE_URL": f"postgresql://127.0.0.1:{mute}/x", "NATS_URL": f"nats://127.0.0.1:{mute}"}
    status, out, _ = installation.ended("health", "--json", **hanging)
    assert (status, json.loads(out)) == (1, dict.fromkeys(("database", "broker"), f"no answer within {WITHIN_S} s"))


def test_health_names_the_server_that_is_wrong_and_starts_none(installation, new_installation, tmp_path):
    status, out, _ = installation.ended("health", "--json", NATS_URL="nats://127.0.0.1:1")
    assert (status, json.loads(out)) == (1, {"database": "ok", "broker": f"no answer within {WITHIN_S} s"})
    unmigrated = new_installation().run("health", "--json")
    assert unmigrated.exit_code == 1
    nothing = installation.run("health", "--json", DATABASE_URL="", NATS_URL="", BAOHAO_HOME=str(tmp_path))
    assert json.loads(nothing.stdout) == dict.fromkeys(("database", "broker"), f"none runs in {tmp_path}")
    assert not embedded.url_in_use(embedded.PostgresServer(tmp_path))
