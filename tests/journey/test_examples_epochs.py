"""The example consumers forget what a restored log has lost, and take nothing twice."""

import csv
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "scripts/examples"
CARD = "0b2f7d1e-5a3c-5d7e-9f10-2b6c8d4e1a90"


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return import_module


def headers(epoch, position, event):
    about = {"ce-epoch": str(epoch), "ce-position": str(position), "ce-type": f"baohao.{event}.v1"}
    return about | {"ce-subject": CARD, "ce-id": f"id-{position}", "ce-time": f"2027-01-0{position}T00:00:00Z"}


CARRIER = [(1, 1, "card_registered"), (1, 2, "card_suspended"), (1, 3, "card_reinstated")]


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ([], "on"),
        ([(1, 2, "card_suspended")], "on"),
        ([(2, 2, "epoch_started")], "off"),
        ([(2, 1, "epoch_started"), (2, 2, "charge_failed")], "on"),
        ([(2, 2, "card_suspended")], "off"),
        ([(2, 2, "epoch_started"), (1, 3, "card_reinstated")], "off"),
        ([(2, 2, "epoch_started"), (2, 3, "card_closed")], "ended"),
    ],
    ids=[
        "as told",
        "told again",
        "the last event is void",
        "two events are void",
        "a broker filled anew in a later epoch",
        "a void event comes late",
        "other events in its place",
    ],
)
def test_a_carrier_knows_the_state_that_the_restored_log_has(example, tmp_path, more, state):
    lines = example("carrier_lines").Lines(str(tmp_path / "lines.sqlite3"))
    for one in [*CARRIER, *more]:
        lines(headers(*one), {})
    lines._db.close()
    with closing(sqlite3.connect(tmp_path / "lines.sqlite3")) as db:
        assert db.execute("SELECT card_id, state FROM lines").fetchall() == [(CARD, state)]


def test_a_journal_is_written_without_what_a_restored_log_has_lost(example, tmp_path):
    journal = example("finance_journal").Journal(tmp_path)
    charged = {"attempt_id": "a-1", "amount": {"minor": 270, "currency": "EUR"}}
    for position in (1, 2):
        journal(headers(1, position, "charge_succeeded"), charged)
    journal.write()
    journal(headers(2, 1, "epoch_started"), {"position": 1})
    journal(headers(2, 3, "charge_refunded"), charged)
    journal.write()
    journal._db.close()
    files = [file.read_text("utf-8").splitlines() for file in sorted(tmp_path.glob("*.csv"))]
    rows = [row for lines in files for row in csv.DictReader(lines)]
    assert [(row["event_id"], row["minor"]) for row in rows] == [("id-1", "270"), ("id-3", "-270")]
    assert len(files) == 3
