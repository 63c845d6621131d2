"""`token …`: what operators do with tokens of the API, and what they are told."""

import pytest
import structlog

from adapters.cli.servers import waiting_on
from adapters.clock import recorded_now
from adapters.settings import Settings
from adapters.web.api.tokens import find_token
from engine.errors import BaohaoError

READ = ("--scope", "cards:read", "--days", 30)


@pytest.fixture(autouse=True)
def log_lines():
    """Log lines do not come between the results, as in a process of its own."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def found(installation, token):
    settings = Settings(database_url=installation.environment["DATABASE_URL"])
    return waiting_on(settings, lambda connection: find_token(connection, token, recorded_now()))


def test_a_token_is_printed_once_and_is_what_was_asked_for(installation):
    made = installation.run("token", "create", "--name", "shop", "--holder", "h-1", "--scope", "cards:write", *READ)
    assert made.exit_code == 0
    [token] = made.stdout.splitlines()
    bearer = found(installation, token)
    assert (bearer.name, bearer.holder_id, bearer.actor) == ("shop", "h-1", "holder:h-1")
    assert bearer.scopes == {"cards:read", "cards:write"}
    listed = installation.run("token", "list", "--json").stdout
    assert "shop" in listed
    assert token not in listed


def test_a_back_office_is_named_in_facts_and_loses_its_token_at_once(installation):
    token = installation.json("token", "create", "--name", "office", *READ)["token"]
    assert found(installation, token).actor == "operator:office"
    [row] = [row for row in installation.json("token", "list") if row["name"] == "office"]
    assert (row["holder_id"], row["scopes"], row["revoked_at"]) == (None, ["cards:read"], None)
    assert row["used_at"]
    assert installation.json("token", "revoke", "office")["name"] == "office"
    assert found(installation, token) is None
    with pytest.raises(BaohaoError, match="no token office"):
        installation.run("token", "revoke", "office")
    with pytest.raises(BaohaoError, match="has, or had, that name"):
        installation.run("token", "create", "--name", "office", *READ)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--name", "a b", *READ), "a name has 1 to 64"),
        (("--name", "13800138000", *READ), "is no address"),
        (("--name", "x", "--holder", "", *READ), "1 to 200 characters"),
        (("--name", "x", "--days", 1, "--scope", "cards:own"), "no scope cards:own"),
    ],
)
def test_what_cannot_be_a_token_is_refused_in_a_sentence(installation, words, sentence):
    with pytest.raises(BaohaoError, match=sentence):
        installation.run("token", "create", *words)


def test_scope_and_days_have_to_be_said(installation):
    assert installation.run("token", "create", "--name", "x").exit_code == 2
    assert installation.run("token", "create", "--name", "x", "--scope", "cards:read", "--days", 0).exit_code == 2
