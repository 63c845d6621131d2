"""`baohao status` counts what waits, is parked or for a person, names the stop; `--watch` shows it again."""

import json
import signal
from datetime import timedelta

import psycopg
import pytest

from adapters.cli.output import out
from engine.commands import HoldCard
from tests.adapters.cards import FAR, card_id_of, cards_of
from tests.adapters.cli.conftest import on_virtual_clock
from tests.adapters.parking import park
from tests.projections.test_parked_cards import spoil

AGES = [timedelta(seconds=5), timedelta(minutes=2), timedelta(hours=2), timedelta(hours=3), timedelta(days=4)]
"""How long the cards 1 to 5 have been due."""
PARKED, UNREADABLE = card_id_of(6), card_id_of(7)


@pytest.fixture(scope="module")
def system(new_installation):
    """Cards that wait, one that is parked and held besides, one that no read model can follow, and rubbish."""
    fresh = new_installation()
    system = on_virtual_clock(fresh, FAR)
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        cards, pool = cards_of(connection, system.environment["DATABASE_URL"], timedelta(seconds=1))
        cards.register(*range(1, 8))
        cards.give(HoldCard(command_id="hold", card_id=PARKED, reason="a stolen number"))
        cards.project()
        spoil(connection, UNREADABLE)
        cards.project()
        for number, age in enumerate(AGES, start=1):
            connection.execute("UPDATE due SET wake_at = %s WHERE card_id = %s", (FAR - age, card_id_of(number)))
        park(connection, [(PARKED, b"", "no such method"), (None, b"1", "malformed"), (None, b"2", "malformed")])
        pool.close()
    return system


@pytest.fixture
def status(system, monkeypatch):
    """Text, as a wide terminal shows it, and what the database says, as JSON."""
    monkeypatch.setattr(out, "_width", 200)

    def shown():
        found = json.loads(system.run("status", "--json").stdout)
        return " ".join(system.run("status").stdout.replace("│", " ").split()), found["database"]

    return shown


def test_what_is_due_is_counted_by_its_age(status):
    shown, found = status()
    assert found["due"] == {"under_1_minute": 1, "under_1_hour": 1, "under_1_day": 2, "older": 2}
    assert "due, by age 1 under 1 minute, 1 under 1 hour, 2 under 1 day, 2 older" in shown


def test_what_is_parked_and_what_is_for_a_person_is_counted(status):
    shown, found = status()
    assert (found["parked_cards"], found["parked_messages"], found["cases"]) == (1, 2, 1)
    assert "parked 1 cards, 2 messages" in shown
    assert "cases 1" in shown


def test_each_read_model_that_cannot_follow_a_card_is_named(status):
    shown, found = status()
    assert found["parked_for_models"].keys() >= {"cards", "due", "ledger"}
    assert set(found["parked_for_models"].values()) == {1}
    assert "ledger: cards it cannot follow 1" in shown


def test_a_stop_of_all_charging_is_shown_with_since_who_and_why_until_it_ends(system, status):
    shown, found = status()
    assert "charging goes on" in shown
    assert found["charging_stopped"] is None
    system.json("charging", "stop", "--why", "a bad night")
    shown, found = status()
    assert f"charging stopped since {FAR:%Y-%m-%d %H:%M} UTC by operator:cli: a bad night" in shown
    assert found["charging_stopped"]["reason"] == "a bad night"
    system.json("charging", "resume")
    assert status()[1]["charging_stopped"] is None


def test_watched_it_is_printed_again_until_ctrl_c(system):
    with system.process("status", "--watch", "--json") as process:
        printed = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert printed[0]["database"]["parked_messages"] == printed[1]["database"]["parked_messages"] == 2
    assert (process.returncode, err) == (130, "stopped\n")
