"""Prices on the command line: what a renewal costs, and whether a catalogue file is valid; no server is needed."""

import json
from datetime import datetime, timedelta
from importlib import resources

import pytest

from adapters.cli import EXIT_FAILED, EXIT_SETTINGS
from engine.catalogue import PERIODS
from engine.errors import Refused
from tests.adapters.cli.conftest import Installation

SHIPPED = (resources.files("engine") / "catalogue.toml").read_text("utf-8")


@pytest.fixture
def command_line(tmp_path):
    """An installation without servers."""
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "NATS_URL": "nats://127.0.0.1:1"}
    return Installation(nowhere | {"BAOHAO_HOME": str(tmp_path / "home")})


@pytest.fixture
def good(tmp_path):
    """The shipped catalogue with a later version that drops most plans and adds two currencies."""
    path = tmp_path / "prices.toml"
    later = """
[[versions]]
version = "dearer"
effective_on = 2027-01-01
discounts = { 1 = 0, 3 = 0, 6 = 1000, 12 = 5000 }
prices.keep-us = { CNY = 123456, USD = 310, EUR = 290, JPY = 4500, KWD = 1250 }
"""
    path.write_text(SHIPPED + later, "utf-8")
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(SHIPPED.replace("CNY = 2100", "CNY = 0").replace('"half_up"', '"up"'), "utf-8")
    return path


def line_of(text: str) -> int:
    """Where the shipped catalogue has this text."""
    [number] = [number for number, line in enumerate(SHIPPED.splitlines(), 1) if text in line]
    return number


@pytest.fixture
def problems():
    """The problems of the bad file."""
    return [
        (line_of("rounding ="), "rounding", "must be 'half_up', 'half_even' or 'down'"),
        (line_of("CNY = 2100"), "versions[0].prices.keep-us.CNY", "must be greater than 0"),
    ]


def test_a_valid_file_is_summarised_in_a_table(command_line, good):
    done = command_line.run("catalogue", "check", good)
    assert (done.exit_code, done.stderr) == (0, "")
    for part in ("2026-11-01 from 2026-01-01", "dearer from 2027-01-01", "keep-us", "CNY, EUR, JPY, KWD, USD"):
        assert part in done.stdout


def test_a_valid_file_is_summarised_in_json(command_line, good):
    assert command_line.json("catalogue", "check", good) == {
        "versions": [
            {"version": "2026-11-01", "effective_on": "2026-01-01"},
            {"version": "dearer", "effective_on": "2027-01-01"},
        ],
        "plans": ["keep-basic", "keep-cn", "keep-plus", "keep-short", "keep-us"],
        "currencies": ["CNY", "EUR", "JPY", "KWD", "USD"],
    }


def test_an_invalid_file_has_its_problems_one_per_line_with_status_1(command_line, bad, problems):
    done = command_line.run("catalogue", "check", bad)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"{bad}:{line}: {place}: {message}" for line, place, message in problems]


def test_an_invalid_file_has_its_problems_in_json_with_status_1(command_line, bad, problems):
    done = command_line.run("catalogue", "check", bad, "--json")
    assert (done.exit_code, done.stderr) == (1, "")
    rows = [{"line": line, "place": place, "message": message} for line, place, message in problems]
    assert json.loads(done.stdout) == rows


def test_a_catalogue_that_is_not_there_is_wrong_usage(command_line, tmp_path):
    for words in (["catalogue", "check"], ["quote", "--plan", "keep-us", "--catalogue"]):
        done = command_line.run(*words, tmp_path / "gone.toml")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "gone.toml" in "".join(done.stderr.replace("│", "").split())  # however the message is wrapped


def test_a_quote_has_price_saving_and_version_in_a_table(command_line):
    words = "quote --plan keep-us --period 12 --currency CNY --on 2026-12-31"
    done = command_line.run(*words.split())
    assert (done.exit_code, done.stderr) == (0, "")
    assert "keep-us on 2026-12-31" in done.stdout
    [row] = [line.strip("│ ").split() for line in done.stdout.splitlines() if "CNY" in line]
    amounts = ["201.60", "CNY", "50.40", "CNY", "7.00", "CNY"]
    assert [cell for cell in row if cell != "│"] == ["12", *amounts, "2026-11-01", "2026-01-01"]


def test_a_quote_has_minor_units_in_json(command_line):
    words = "quote --plan keep-us --period 12 --currency CNY --on 2026-12-31"
    assert command_line.json(*words.split()) == [
        {
            "plan": "keep-us",
            "months": 12,
            "currency": "CNY",
            "price_minor": 20_160,
            "saving_minor": 5_040,
            "reactivation_fee_minor": 700,
            "catalogue_version": "2026-11-01",
            "effective_on": "2026-01-01",
        }
    ]


def test_without_period_and_currency_all_are_quoted(command_line):
    rows = command_line.json("quote", "--plan", "keep-us", "--on", "2026-12-31")
    assert [(row["currency"], row["months"]) for row in rows] == [
        (currency, months) for currency in ("CNY", "USD", "EUR") for months in PERIODS
    ]
    rows = command_line.json("quote", "--plan", "keep-us", "--currency", "EUR", "--on", "2026-12-31")
    assert [row["months"] for row in rows] == list(PERIODS)


@pytest.mark.parametrize(
    ("currency", "months", "price", "saving"),
    [
        ("CNY", 12, "7,407.36 CNY", "7,407.36 CNY"),
        ("JPY", 1, "4,500 JPY", "0 JPY"),
        ("KWD", 6, "6.750 KWD", "0.750 KWD"),
        ("USD", 3, "9.30 USD", "0.00 USD"),
    ],
)
def test_money_is_shown_with_the_digits_of_its_currency(command_line, good, currency, months, price, saving):
    words = f"quote --plan keep-us --period {months} --currency {currency} --on 2027-01-01 --catalogue"
    done = command_line.run(*words.split(), good)
    cells = [cell.strip() for cell in next(row for row in done.stdout.splitlines() if price in row).split("│")]
    assert (cells[2:4], cells[5]) == ([price, saving], "dearer")


def test_the_version_in_force_on_the_day_is_quoted(command_line, good):
    words = ["quote", "--plan", "keep-us", "--currency", "USD", "--catalogue", good, "--on"]
    on_days = [command_line.json(*words, day)[0] for day in ("2026-12-31", "2027-01-01")]
    assert [row["catalogue_version"] for row in on_days] == ["2026-11-01", "dearer"]
    assert [row["price_minor"] for row in on_days] == [300, 310]


def test_the_installation_s_own_catalogue_is_quoted(command_line, good):
    words = "quote --plan keep-us --on 2027-01-01"
    done = command_line.run(*words.split(), BAOHAO_CATALOGUE=str(good))
    assert "dearer" in done.stdout


def test_without_a_day_it_is_today(command_line, tmp_path):
    today = datetime.now().astimezone().date()
    text = SHIPPED
    for version, day in (("as of today", today), ("later", today + timedelta(days=2))):
        discounts = "discounts = { 1 = 0, 3 = 0, 6 = 0, 12 = 0 }\nprices.keep-us = { CNY = 400, USD = 50, EUR = 50 }"
        text += f'\n[[versions]]\nversion = "{version}"\neffective_on = {day}\n{discounts}\n'
    path = tmp_path / "prices.toml"
    path.write_text(text, "utf-8")
    rows = command_line.json("quote", "--plan", "keep-us", "--catalogue", path)
    assert {row["catalogue_version"] for row in rows} == {"as of today"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--plan keep-all", "unknown_plan"),
        ("--plan keep-us --currency GBP --on 2026-12-31", "unknown_currency"),
        ("--plan keep-us --on 2025-12-31", "not_sold"),
        ("--plan keep-us --currency CNY --on 2025-12-31", "not_sold"),
    ],
)
def test_what_is_not_sold_is_refused(command_line, words, code):
    with pytest.raises(Refused) as refused:
        command_line.run("quote", *words.split())
    assert refused.value.code == code


def test_a_refusal_is_a_sentence_and_status_1(command_line):
    status, out, err = command_line.ended("quote", "--plan", "keep-us", "--on", "2025-12-31", "--json")
    assert (status, out) == (EXIT_FAILED, "")
    assert err == "plan 'keep-us' is not sold on 2025-12-31: the prices begin on 2026-01-01\n"


def test_a_quote_from_an_invalid_file_reports_its_problems(command_line, bad, problems):
    status, out, err = command_line.ended("quote", "--plan", "keep-us", "--catalogue", bad)
    assert (status, out) == (EXIT_SETTINGS, "")
    assert err.splitlines() == [f"{bad}:{line}: {place}: {message}" for line, place, message in problems]


@pytest.mark.parametrize("words", ["--plan keep-us --period 7", "--plan keep-us --on tomorrow", ""])
def test_an_invalid_period_or_day_is_wrong_usage(command_line, words):
    done = command_line.run("quote", *words.split())
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_policy_is_checked_and_shows_what_it_changes(command_line, tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text('version = "acme-1"\ncharge_hour = 9\nlead_days = 3\n')
    assert command_line.json("policy", "check", file) == {"version": "acme-1", "charge_hour": 9}
    file.write_text('version = "acme-1"\ncharge_hour = 99\n')
    done = command_line.run("policy", "check", file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"{file}:2: charge_hour: must be less than or equal to 22\n"


def test_a_role_does_not_start_with_a_wrong_policy(installation, tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text("charge_hour = 9\n")
    status, _, err = installation.ended("run", "consumer", BAOHAO_POLICY=str(file))
    assert (status, err.splitlines()[-1]) == (78, f"{file}:1: version: is missing; add it")
