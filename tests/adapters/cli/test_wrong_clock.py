"""Commands on a log with facts of the future: refused in a sentence, until the operator has confirmed the clock."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.clock_check import ClockWrongError
from adapters.control import read_control
from engine.actor import actor
from engine.commands import Issued
from engine.errors import Refused
from engine.policy import Policy
from tests.adapters.cards import cards_of, commands_for

AHEAD = timedelta(days=12)
WHY = "the time server was wrong"


@pytest.fixture
def ahead(new_installation):
    """An installation with a card that was registered while the clocks were ahead."""
    fresh = new_installation()
    fresh.migrate()
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        cards, pool = cards_of(connection, fresh.database_url, Policy().gateway_budget)
        issued = [Issued(command, actor("operator", "tests")) for command in commands_for(1, "sim:good:1")]
        cards.engine.execute(issued, cards.policy_and_catalogue, datetime.now(UTC) + AHEAD)
        pool.close()
    return fresh


def test_commands_that_record_are_refused_until_the_clock_is_confirmed(ahead, tmp_path):
    file = tmp_path / "cards.jsonl"
    file.write_text("\n".join(command.model_dump_json() for command in commands_for(2, "sim:good:2")))
    for words in (("import", file), ("import", "--dry-run", file), ("charging", "stop")):
        with pytest.raises(ClockWrongError, match="was recorded: `baohao clock confirm` lets the work go on"):
            ahead.run(*words)

    shown = ahead.run("status")
    assert shown.exit_code == 1
    assert "`baohao clock confirm` lets the work go on" in shown.stderr

    done = ahead.json("clock", "confirm", "--why", WHY)
    assert datetime.fromisoformat(done["facts_upto"]) - datetime.fromisoformat(done["now"]) > AHEAD / 2
    [row] = ahead.json("charging", "history")
    assert (row["by"], row["why"]) == ("operator:cli", WHY)
    assert ahead.json("import", file)["accepted"] == 3
    assert ahead.json("charging", "stop")["by"] == "operator:cli"
    assert "clock confirm" not in ahead.run("status").stderr
    with psycopg.connect(ahead.database_url) as connection:
        assert read_control(connection, virtual_clock=False).clock_ahead_until is not None


def test_nothing_is_confirmed_without_a_reason(ahead):
    with pytest.raises(Refused, match="say why facts of the future are of a clock that was ahead"):
        ahead.run("clock", "confirm", "--why", " ")
