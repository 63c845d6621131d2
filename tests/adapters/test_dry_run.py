"""A dry run of an import: what would happen, decided by the real engine, while nothing changes."""

import json
from dataclasses import asdict

import pytest

from adapters.dry_run import DryRunRecorder, foresee
from adapters.importer import import_commands
from adapters.settings import load_settings
from adapters.wiring import recorder_of, rules_of
from engine.actor import actor
from engine.application import Engine
from engine.store.log import head
from engine.store.streams import Store
from tests.adapters.test_importer import (
    AT,
    BIND,
    CARD,
    ENABLE,
    OTHER,
    REGISTER,
    SWITCH_OFF,
    baohao_import,
    names,
    problems_of,
)

LAPSED = REGISTER | {"card_id": OTHER, "command_id": "l-1", "starts_on": "2025-11-15"}


@pytest.fixture
def run(database_url, connection):
    """Imports commands for real, or into a recorder of a dry run."""
    assert connection.info.dbname
    recorder = recorder_of(load_settings(), database_url)
    rules = rules_of(load_settings())

    def imported(commands, kept):
        engine = Engine(Store(kept), actor("system", "tests"))
        lines = [json.dumps(one).encode() for one in commands]
        return import_commands(lines, engine, actor("operator", "anna"), lambda: (rules, AT), lambda _: None)

    yield lambda *commands: imported(commands, recorder), lambda *commands: _tried(commands, recorder, imported)
    recorder.datastore.close()


def _tried(commands, recorder, imported):
    dry = DryRunRecorder(recorder)
    return imported(commands, dry), dry


@pytest.mark.parametrize(
    ("before", "commands"),
    [
        ([], [REGISTER, BIND, ENABLE]),
        ([], [REGISTER, BIND, REGISTER | {"holder_id": "h-2", "command_id": "again"}, ENABLE, SWITCH_OFF]),
        ([], [ENABLE, LAPSED, REGISTER, REGISTER]),
        ([], [REGISTER, BIND | {"command_id": "c-1"}]),  # the id of another command
        ([REGISTER, BIND], [REGISTER, BIND, ENABLE, SWITCH_OFF, SWITCH_OFF]),
        ([REGISTER, BIND, ENABLE], [REGISTER, BIND, ENABLE]),
        ([REGISTER, BIND], [SWITCH_OFF | {"command_id": "off"}, REGISTER, ENABLE, LAPSED | {"lapsed": True}]),
    ],
)
def test_a_dry_run_foresees_what_the_import_then_does(run, connection, before, commands):
    really, dryly = run
    really(*before)
    position, seen = head(connection), names(connection)
    foreseen, dry = dryly(*commands)
    assert (head(connection), names(connection)) == (position, seen)
    done = really(*commands)
    assert asdict(foreseen) == asdict(done)
    assert len(names(connection)) - len(seen) == sum(one.fact_count for one in dry.accepted.values())


def test_what_was_accepted_before_is_repeated(run):
    really, dryly = run
    really(REGISTER, BIND)
    done, dry = dryly(REGISTER, BIND, ENABLE, ENABLE)
    assert (done.accepted, len(dry.accepted)) == (4, 1)


@pytest.mark.parametrize(
    ("starts_on", "expected", "opens"),
    [
        ("2026-11-15", ("active", "", None, "reminder"), "2026-12-12"),
        ("2026-11-03", ("active", "renewal_started, charge_attempted", "7.70 EUR", "answer_awaited"), "2026-11-30"),
    ],
)
def test_it_says_what_the_engine_would_do_first(run, starts_on, expected, opens):
    _, dryly = run
    _, dry = dryly(REGISTER | {"starts_on": starts_on}, BIND, ENABLE)
    [stream] = Store(dry).load_many(dry.changed).values()
    first = foresee(stream.card, rules_of(load_settings()), AT)
    assert str(first.card_id) == CARD
    assert (first.status, first.at_once, first.charged_now, first.next) == expected
    assert (first.renewal_opens.date().isoformat(), first.renewal_opens.hour) == (opens, 10)  # Berlin's clock


def test_a_mistyped_year_is_refused_by_the_import(run):
    really, _ = run
    assert problems_of(really(LAPSED)) == [(1, "starts_on", "term_ended_long_ago")]
    assert really(LAPSED | {"lapsed": True}).facts == 1


def test_the_command_line_shows_it_and_changes_nothing(connection, database_url, tmp_path):
    file = tmp_path / "cards.jsonl"
    mistyped = LAPSED | {"starts_on": "2000-11-15"}
    lapsed = mistyped | {"command_id": "l-2", "lapsed": True}
    file.write_text("\n".join(map(json.dumps, [mistyped, lapsed, lapsed])))
    done = baohao_import(file, database_url, "--dry-run", "--json")
    assert done.returncode == 1
    shown = json.loads(done.stdout)
    assert [shown[name] for name in ("lines", "accepted", "unchanged", "facts", "repeated")] == [3, 2, 0, 1, 1]
    assert [one["code"] for one in shown["problems"]] == ["term_ended_long_ago"]
    assert [(one["card_id"], one["status"], one["renewal_opens"]) for one in shown["cards"]] == [
        (OTHER, "reclaimed", None)
    ]
    assert "nothing was changed" in baohao_import(file, database_url, "--dry-run").stdout
    assert names(connection) == []
