"""`account …` and `number …`: what operators do with the directory, and what they are told."""

import json
from uuid import uuid4

import pytest
import structlog

from adapters.cli.servers import waiting_on
from adapters.directory.answers import Opened
from adapters.directory.signing_in import sign_in
from adapters.directory.visit import Visit
from adapters.settings import Settings
from engine.errors import BaohaoError
from tests.adapters.cards import BEGIN

EMAIL, PASSWORD = "lin@example.org", "correct horse battery"


@pytest.fixture(autouse=True)
def log_lines():
    """Log lines do not come between the results, as in a process of its own."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def signs_in(installation, typed, password) -> bool:
    settings = Settings(database_url=installation.environment["DATABASE_URL"])
    visit = Visit(BEGIN, "203.0.113.7")
    return isinstance(waiting_on(settings, lambda one: sign_in(one, typed, password, visit)), Opened)


def test_a_holder_of_cards_gets_an_account_with_a_password_that_is_no_argument(installation):
    made = installation.ended_with(
        f"{PASSWORD}\nmore\n", "account", "create", "--email", "Lin@Example.org", "--holder", "holder-7",
        "--password-stdin", "--json",
    )  # fmt: skip
    assert json.loads(made.stdout) == {"holder_id": "holder-7", "language": "zh-CN", "zone": "Asia/Shanghai"}
    assert signs_in(installation, EMAIL, PASSWORD)
    shown = installation.json("account", "show", EMAIL)
    assert (shown["holder_id"], shown["email"], shown["has_password"]) == ("holder-7", EMAIL, True)
    assert installation.json("account", "show", "holder-7") == shown
    assert PASSWORD not in made.stdout + made.stderr


def test_without_a_password_it_is_said_how_the_holder_gets_one(installation):
    made = installation.json("account", "create", "--phone", "139 0013 9000", "--language", "en")
    assert made["holder_id"].startswith("h-")
    assert "Forgot password" in made["next"]
    listed = installation.json("account", "list")
    [row] = [row for row in listed if row["holder_id"] == made["holder_id"]]
    assert (row["phone"], row["language"]) == ("+86…00", "en")
    assert "--page 2 has the next" in installation.run("account", "list", "--limit", 1).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "needs an e-mail address or a phone number"),
        (("--email", "nobody"), "as an e-mail address is none"),
        (("--phone", "12345"), "as a phone number is none"),
        (("--email", "a@example.org", "--holder", EMAIL), "is no address"),
        (("--email", "a@example.org", "--zone", "Mars/Base"), "no time zone Mars/Base"),
        (("--email", "a@example.org", "--password-stdin"), "less than 8 characters"),
    ],
)
def test_what_cannot_be_an_account_is_refused_in_a_sentence(installation, words, sentence):
    with pytest.raises(BaohaoError, match=sentence):
        installation.run("account", "create", *words)


def test_an_address_has_one_account(installation):
    installation.json("account", "create", "--email", "one@example.org")
    with pytest.raises(BaohaoError, match="another account has the email"):
        installation.run("account", "create", "--email", "one@example.org")
    with pytest.raises(BaohaoError, match="no such account"):
        installation.run("account", "show", "nobody")


def test_cards_have_numbers(installation, cards):
    first, second = cards.register(1, 2)
    set_ = installation.json("number", "set", first, "13800138001")
    assert set_ == {"card_id": str(first), "number": "+8613800138001"}
    with pytest.raises(BaohaoError, match="another card has that number"):
        installation.run("number", "set", second, "+8613800138001")
    with pytest.raises(BaohaoError, match="there is no card"):
        installation.run("number", "set", uuid4(), "+8613800138002")
    with pytest.raises(BaohaoError, match="no phone number"):
        installation.run("number", "set", second, "12")
    installation.json("number", "set", second, "+85291234567")
    assert installation.json("number", "list", "--ending", "4567") == [
        {"number": "+85291234567", "card_id": str(second)}
    ]
    assert "--page 2 has the next" in installation.run("number", "list", "--limit", 1).stdout


def test_numbers_are_imported_and_bad_lines_named(installation, cards, tmp_path):
    ids = cards.register(*range(10, 15))
    lines = [
        *(json.dumps({"card_id": str(one), "number": f"+49151123450{index}0"}) for index, one in enumerate(ids[:3])),
        "",
        "no JSON",
        json.dumps({"card_id": str(ids[3]), "number": "secret 1"}),
        json.dumps({"card_id": str(ids[3]), "number": "+4915112345000"}),
        json.dumps({"card_id": str(ids[0]), "number": "+4915112345000"}),
        json.dumps({"card_id": str(uuid4()), "number": "+4915112345090"}),
        json.dumps({"card_id": str(ids[4]), "number": "+4915112345091", "name": "secret 2"}),
        json.dumps({"card_id": str(ids[4]), "number": "x" * 70_000}),
    ]
    file = tmp_path / "numbers.jsonl"
    file.write_text("\n".join(lines))
    done = installation.run("number", "import", file, "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (report["lines"], report["set"]) == (11, 3)
    assert [(one["line"], one["code"]) for one in report["problems"]] == [
        (5, "malformed"),
        (6, "malformed"),
        (7, "taken"),
        (8, "repeated"),
        (9, "unknown_card"),
        (10, "malformed"),
        (11, "malformed"),
    ]
    assert "secret" not in done.stdout + done.stderr
    assert "line 7, field number: another card has that number [taken]" in done.stderr
    file.write_text("\n".join(lines[:3]))
    again = installation.run("number", "import", file)
    assert (again.exit_code, again.stdout) == (0, "lines 3, set 3, problems 0\n")
