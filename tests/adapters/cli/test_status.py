"""`baohao status` shows what waits for the web role, whether that runs, and since when the provider does not answer."""

import json

import psycopg
import pytest

from adapters.cli.output import out
from adapters.control import gateway_is_down, gateway_is_up
from adapters.status import named
from tests.adapters.cards import FAR

ARRIVED = "INSERT INTO inbox (provider_event, hint, received_at) VALUES (%s, '{}', '2027-03-01 10:00:07Z')"
LOOKED_UP = "UPDATE inbox SET settled_at = '2027-03-01 10:00:09Z' WHERE provider_event = %s"


@pytest.fixture
def database(installation):
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        yield connection
        connection.execute("DELETE FROM inbox")


@pytest.fixture
def status(installation, monkeypatch):
    """Text, as a wide terminal shows it, and JSON; without a broker's roles its exit status is 1."""
    monkeypatch.setattr(out, "_width", 200)

    def shown():
        found = json.loads(installation.run("status", "--json").stdout)
        return " ".join(installation.run("status").stdout.replace("│", " ").split()), found

    return shown


def test_where_no_provider_notifies_nothing_is_said_of_web(status):
    shown, found = status()
    assert found["database"]["inbox"] is None
    assert "looked up last" not in shown


def test_what_waits_is_counted_and_that_nobody_looks_it_up_is_a_problem(status, database):
    database.execute(ARRIVED, ("evt_1",))
    database.execute(ARRIVED, ("evt_2",))
    database.execute(LOOKED_UP, ("evt_1",))
    shown, found = status()
    inbox = found["database"]["inbox"]
    assert (inbox["waiting"], inbox["oldest_at"][:19], inbox["looked_up_at"][:19]) == (
        1,
        "2027-03-01T10:00:07",
        "2027-03-01T10:00:09",
    )
    assert "web does not run; looked up last: 2027-03-01 10:00:09 UTC" in shown
    assert "notifications that wait: 1, the first since 2027-03-01 10:00:07 UTC" in shown
    assert "notifications wait, and no web runs; `baohao run web` starts one" in found["problems"]


def test_a_log_that_ends_before_what_was_followed_is_a_problem(status, database):
    database.execute("INSERT INTO followers (name, position) VALUES ('publisher', 3)")
    _, found = status()
    [problem] = [one for one in found["problems"] if "the log ends" in one]
    assert problem.startswith("the log ends 3 positions before what publisher followed: it was cut, or restored")
    database.execute("DELETE FROM followers WHERE name = 'publisher'")
    assert not any("the log ends" in one for one in status()[1]["problems"])


def test_a_web_role_that_runs_is_shown_also_before_anything_has_arrived(installation, status):
    with psycopg.connect(named(installation.environment["DATABASE_URL"], "web", "here", 4711)):
        shown, found = status()
    assert found["database"]["inbox"] == {"waiting": 0, "oldest_at": None, "looked_up_at": None}
    assert "web runs; looked up last: never; notifications that wait: 0" in shown
    assert not [problem for problem in found["problems"] if "web" in problem]


def test_that_the_provider_does_not_answer_is_shown_until_it_does(status, database):
    gateway_is_down(database, FAR)
    shown, found = status()
    assert f"gateway does not answer since {FAR:%Y-%m-%d %H:%M} UTC; nothing is sent" in shown
    assert found["database"]["gateway_down_since"] == FAR.isoformat()
    gateway_is_up(database)
    shown, found = status()
    assert "does not answer since" not in shown
    assert found["database"]["gateway_down_since"] is None


def test_that_holders_are_to_be_told_and_nobody_does_it_is_a_problem(installation, status, tmp_path):
    problem = "holders are to be told, and no notifier runs; `baohao run notifier` starts one"
    _, found = status()
    assert problem not in found["problems"]
    told = {"BAOHAO_MAIL_FOLDER": str(tmp_path), "BAOHAO_MAIL_FROM": "baohao@example.org"}
    assert problem in json.loads(installation.run("status", "--json", **told).stdout)["problems"]
    with psycopg.connect(named(installation.environment["DATABASE_URL"], "notifier", "here", 4711)):
        assert problem not in json.loads(installation.run("status", "--json", **told).stdout)["problems"]
