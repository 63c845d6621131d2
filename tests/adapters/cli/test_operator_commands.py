"""`operator …`: who may use the console, and the links that are printed once."""

import pytest

from adapters.cli.servers import waiting_on
from adapters.clock import recorded_now
from adapters.directory.visit import Visit
from adapters.settings import Settings
from adapters.web.console.signing_in import find_invited
from engine.errors import BaohaoError


def invited(installation, link):
    settings = Settings(database_url=installation.environment["DATABASE_URL"])
    token = link.rpartition("/")[2]
    return waiting_on(settings, lambda connection: find_invited(connection, token, Visit(recorded_now())))


def test_an_account_is_made_with_a_link_that_is_printed_alone(installation):
    made = installation.run("operator", "add", "Ada@example.com", "--role", "support")
    assert made.exit_code == 0
    [link] = made.stdout.splitlines()
    assert link.startswith("CONSOLE/set-up/")
    assert "BAOHAO_CONSOLE_URL" in made.stderr
    assert invited(installation, link).email == "ada@example.com"
    [row] = installation.json("operator", "list")
    assert (row["email"], row["role"], row["is_set_up"]) == ("ada@example.com", "support", False)
    assert link.rpartition("/")[2] not in str(row)
    with pytest.raises(BaohaoError, match="operator reset"):
        installation.run("operator", "add", "ada@example.com", "--role", "read")
    installation.run("operator", "remove", "ada@example.com")


def test_a_reset_replaces_the_link_and_a_removal_ends_it(installation):
    first = installation.json("operator", "add", "bob@example.com", "--role", "operator")
    assert first.keys() == {"operator_id", "link", "works_until"}
    second = installation.json("operator", "reset", "bob@example.com")
    assert invited(installation, first["link"]) is None
    assert invited(installation, second["link"]).operator_id == first["operator_id"]
    assert installation.json("operator", "remove", "bob@example.com").keys() == {"operator_id", "removed_at"}
    assert invited(installation, second["link"]) is None
    assert installation.json("operator", "list") == []
    again = installation.json("operator", "add", "bob@example.com", "--role", "read")
    assert again["operator_id"] != first["operator_id"]
    installation.run("operator", "remove", "bob@example.com")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "ada", "--role", "read"), "is none"),
        (("reset", "nobody@example.com"), "no such account"),
        (("remove", "nobody@example.com"), "no such account"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(installation, words, sentence):
    with pytest.raises(BaohaoError, match=sentence):
        installation.run("operator", *words)


def test_a_role_has_to_be_said_and_be_one(installation):
    assert installation.run("operator", "add", "ada@example.com").exit_code == 2
    assert installation.run("operator", "add", "ada@example.com", "--role", "root").exit_code == 2
