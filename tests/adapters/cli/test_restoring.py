"""`baohao restore` says in sentences whether a restore is open, and when it can end."""

from datetime import UTC, datetime

import pytest

from adapters.control import move_clock
from engine.errors import Refused


def read(done):
    return " ".join(done.stdout.split())


def test_without_a_restore_there_is_nothing_to_end(installation):
    for command in ("status", "end"):
        done = installation.run("restore", command)
        assert (done.exit_code, "No restore is open" in read(done)) == (0, True)
    assert installation.json("restore", "end") == {"ended": False, "open": False}


def test_a_restore_that_was_open_is_said_and_so_is_when_it_can_end(installation, cards):
    cards.register(1)
    move_clock(cards.connection, datetime(2027, 1, 2, tzinfo=UTC))

    def run(*words):
        return installation.run(*words, BAOHAO_CLOCK="virtual")

    begin = ("restore", "begin", "--why", "the disk was lost")
    assert "was open already" not in read(run(*begin))
    assert "A restore was open already, from" in read(run(*begin))
    status = read(run("restore", "status"))
    assert "such_as" not in status
    assert "Cards still to be looked up: 1;" in status
    with pytest.raises(Refused, match="certainly complete from 2027-01-03"):
        run("restore", "end")
    assert "The restore is ended" in read(run("restore", "end", "--why", "they are known"))
