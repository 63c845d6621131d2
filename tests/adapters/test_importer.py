"""Import: valid lines are executed, others are reported with their numbers, and neither affects the other."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from adapters import importer
from adapters.importer import LINE_BYTES, Problem, import_commands, read_lines
from adapters.settings import load_settings
from adapters.wiring import rules_of
from engine.actor import actor
from engine.application import Engine
from engine.commands import Command
from engine.envelope import NAME_OF
from engine.store.log import head, read_log
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store

SAMPLE = Path(__file__).resolve().parents[2] / "scripts" / "sample_cards.jsonl"
AT = datetime(2026, 12, 1, tzinfo=UTC)
CARD = "8c1f1b1e-0000-4000-8000-000000000001"
OTHER = "8c1f1b1e-0000-4000-8000-000000000002"
REGISTER = {
    "command": "RegisterCard",
    "command_id": "c-1",
    "card_id": CARD,
    "holder_id": "h-1",
    "plan": "keep-plus",
    "currency": "EUR",
    "zone": "Europe/Berlin",
    "starts_on": "2026-11-15",
    "months": 1,
}
METHOD = {"method_id": "pm-1", "kind": "paypal", "token": "sim:good:1"}
BIND = {"command": "BindPaymentMethod", "command_id": "c-2", "card_id": CARD, "method": METHOD}
ENABLE = {
    "command": "EnableAutoRenew",
    "command_id": "c-3",
    "card_id": CARD,
    "months": 3,
    "terms_version": "2026-11",
    "channel": "web",
}
SWITCH_OFF = {"command": "SwitchOffAutoRenew", "command_id": "c-4", "card_id": CARD}
ALL = [REGISTER, BIND, ENABLE, SWITCH_OFF]
FACTS = ["card_registered.v1", "payment_method_bound.v1", "auto_renew_enabled.v1", "auto_renew_switched_off.v1"]


@pytest.fixture
def import_lines(connection, database_url):
    """Imports lines: commands as dicts, or raw bytes."""
    pool = datastore(database_url, pool_size=1)
    engine, rules = Engine(Store(CardRecorder(pool)), actor("system", "tests")), rules_of(load_settings())

    def run_import(*lines, on_progress=lambda _: None):
        texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        return import_commands(texts, engine, actor("operator", "anna"), lambda: (rules, AT), on_progress)

    yield run_import
    pool.close()


def names(connection):
    return [NAME_OF[type(one.fact)] for one in read_log(connection, 0, 1000)]


def problems_of(done):
    return [(problem.line, problem.field, problem.code) for problem in done.problems]


def without(command, field):
    return {name: value for name, value in command.items() if name != field}


def test_commands_become_facts_in_their_order(import_lines, connection):
    done = import_lines(*ALL)
    assert (done.lines, done.accepted, done.unchanged, done.facts, done.problems) == (4, 4, 0, 4, [])
    assert names(connection) == FACTS


def test_facts_name_their_command_and_its_actor(import_lines, connection):
    import_lines(*ALL)
    recorded = read_log(connection, 0, 1000)
    assert [one.cause for one in recorded] == ["c-1", "c-2", "c-3", "c-4"]
    assert {one.actor for one in recorded} == {"operator:anna"}
    assert {one.fact.at for one in recorded} == {AT}


@pytest.mark.parametrize(
    ("bad", "fields", "expected"),
    [
        (b'{"command":', [None], "Invalid JSON"),
        (b"\xff\xfe", [None], "Invalid JSON"),
        (b"[1]", [None], "object"),
        (REGISTER | {"command": "Reclaim"}, [None], "Reclaim"),
        (without(REGISTER, "command"), [None], "'command'"),
        (without(REGISTER, "zone"), ["zone"], "required"),
        (REGISTER | {"months": 2}, ["months"], "1, 3, 6 or 12"),
        (REGISTER | {"starts_on": "2026-02-30"}, ["starts_on"], "date"),
        (REGISTER | {"card_id": "13"}, ["card_id"], "UUID"),
        (REGISTER | {"color": "red"}, ["color"], "Extra"),
        (REGISTER | {"holder_id": ""}, ["holder_id"], "at least 1"),
        (REGISTER | {"holder_id": "h\0"}, ["holder_id"], "pattern"),
        (BIND | {"method": METHOD | {"method_id": "pm\0"}}, ["method.method_id"], "pattern"),
        (BIND | {"method": METHOD | {"kind": "cash"}}, ["method.kind"], "credit_card"),
        (BIND | {"method": METHOD | {"last4": "12345"}}, ["method.last4"], "pattern"),
        (REGISTER | {"months": "x", "plan": 7}, ["plan", "months"], ""),
    ],
)
def test_a_malformed_line_is_reported_with_its_field_and_the_others_are_executed(
    import_lines, connection, bad, fields, expected
):
    done = import_lines(REGISTER, bad, BIND)
    assert problems_of(done) == [(2, field, "malformed") for field in fields]
    assert all(expected in problem.message for problem in done.problems)
    assert done.accepted == 2
    assert names(connection) == FACTS[:2]


@pytest.mark.parametrize(
    ("refused", "field", "code"),
    [
        (REGISTER | {"card_id": OTHER, "plan": "keep-mars"}, "plan", "unknown_plan"),
        (REGISTER | {"card_id": OTHER, "currency": "CHF"}, "currency", "unknown_currency"),
        (REGISTER | {"card_id": OTHER, "zone": "Mars/Olympus"}, "zone", "unknown_zone"),
        (REGISTER | {"holder_id": "h-2"}, "card_id", "already_registered"),
        (BIND | {"card_id": OTHER}, "card_id", "unknown_card"),
        (BIND | {"method": METHOD | {"token": "sim:good:2"}}, "method.method_id", "method_exists"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refused_line_is_reported_with_its_code_and_the_others_are_executed(
    import_lines, connection, refused, field, code
):
    done = import_lines(REGISTER, BIND, refused, ENABLE)
    assert problems_of(done) == [(3, field, code)]
    assert done.problems[0].message
    assert names(connection) == FACTS[:3]


def test_each_line_is_decided_after_those_before_it(import_lines, connection):
    done = import_lines(ENABLE, REGISTER, ENABLE, BIND, ENABLE)
    assert problems_of(done) == [(1, "card_id", "unknown_card"), (3, None, "no_payment_method")]
    assert names(connection) == FACTS[:3]


def test_an_impossible_date_is_reported_and_affects_no_other_line(import_lines, connection):
    done = import_lines(REGISTER | {"card_id": OTHER, "starts_on": "9999-12-31"}, REGISTER)
    assert problems_of(done) == [(1, "starts_on", "malformed")]
    assert names(connection) == FACTS[:1]


def test_a_card_that_cannot_be_read_fails_alone(import_lines, connection):
    import_lines(REGISTER)
    statement = "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 2, 'odd.v9', '')"
    connection.execute(statement, (CARD,))
    done = import_lines(BIND, REGISTER | {"card_id": OTHER, "command_id": "r-other"}, ENABLE)
    assert problems_of(done) == [(1, None, "failed"), (3, None, "failed")]
    assert "no fact is called 'odd.v9'" in done.problems[0].message
    assert (done.accepted, done.facts) == (1, 1)


def test_a_repeated_import_has_the_same_result_and_changes_nothing(import_lines, connection):
    import_lines(REGISTER, BIND, ENABLE)
    before = head(connection)
    done = import_lines(REGISTER, BIND, ENABLE)
    assert (done.accepted, done.repeated, done.facts, done.problems) == (3, 3, 0, [])
    assert head(connection) == before


def test_a_line_repeated_within_a_file_is_counted_as_repeated(import_lines):
    done = import_lines(REGISTER, REGISTER, BIND, ENABLE, ENABLE | {"command_id": "another"})
    assert (done.accepted, done.repeated, done.unchanged, done.facts) == (5, 1, 1, 3)


def test_empty_lines_are_counted_and_skipped(import_lines):
    done = import_lines(b"\n", REGISTER, b"   \n", b"{")
    assert (done.lines, done.accepted) == (4, 1)
    assert problems_of(done) == [(4, None, "malformed")]


def test_a_long_file_is_executed_in_batches_and_problems_are_in_the_order_of_lines(import_lines, monkeypatch):
    monkeypatch.setattr(importer, "BATCH", 2)
    progress = []
    done = import_lines(ENABLE, b"{", REGISTER, BIND, b"{", on_progress=lambda so_far: progress.append(so_far.lines))
    assert progress == [2, 4, 5]
    assert [problem.line for problem in done.problems] == [1, 2, 5]


def test_a_problem_reads_as_a_sentence():
    assert str(Problem(7, "zone", "unknown_zone", "no such zone")) == "line 7, field zone: no such zone [unknown_zone]"
    assert str(Problem(7, None, "malformed", "Invalid JSON")) == "line 7: Invalid JSON [malformed]"


# Lines and fields without end


def test_of_a_line_that_is_too_long_only_the_beginning_is_kept():
    file = BytesIO(b"first\n" + b"x" * (3 * LINE_BYTES) + b"\nlast")
    assert [len(line) for line in read_lines(file)] == [6, LINE_BYTES + 1, 4]


def test_a_line_without_end_is_read_in_bounded_memory():
    class Endless(BytesIO):
        left = 16_000

        def readline(self, size=-1):
            assert 0 < size <= LINE_BYTES + 1
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    assert [len(line) for line in read_lines(Endless())] == [LINE_BYTES + 1]


def test_a_line_that_is_too_long_is_one_problem_and_affects_no_other(import_lines):
    done = import_lines(REGISTER, b" " * LINE_BYTES + json.dumps(BIND).encode(), BIND)
    assert [str(one) for one in done.problems] == ["line 2: longer than 65,536 bytes; no command is [malformed]"]
    assert done.accepted == 2


def test_thousands_of_fields_are_one_problem(import_lines):
    done = import_lines(BIND | {str(number): 0 for number in range(5000)})
    [problem] = done.problems
    assert str(problem) == "line 1: 5,000 fields are wrong or unknown; is it a command? [malformed]"


def test_no_problem_repeats_a_card_number_or_what_moves_a_terminal(import_lines):
    number = "4242424242424242"
    done = import_lines(
        REGISTER,
        BIND | {"method": METHOD | {"token": number}},
        BIND | {number: 1, "\x1b[2J": 1},
        {"command": "RemovePaymentMethod", "command_id": "c-9", "card_id": CARD, "method_id": number},
        {"command": f"\x9b{number} " + "x" * 9999, "command_id": "c-9", "card_id": CARD},
    )
    texts = list(map(str, done.problems))
    assert texts[0].startswith("line 2, field method.token: looks like the number of a payment card, which is never ")
    assert (done.problems[1].field, done.problems[2].field) == ("************4242", "?[2J")
    assert texts[3] == "line 4, field method_id: no method '************4242' is bound to the card [unknown_method]"
    assert len(texts[4]) < 600
    assert not any(number in text or "\x1b" in text or "\x9b" in text for text in texts)


# The command line, as a process


def baohao_import(file, database_url, *options):
    command = [sys.executable, "-m", "adapters.cli", "import", str(file), *options]
    environment = os.environ | {"DATABASE_URL": database_url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_file_with_problems_ends_with_status_1_and_names_each(connection, database_url, tmp_path):
    file = tmp_path / "cards.jsonl"
    file.write_text("\n".join(map(json.dumps, [REGISTER, BIND | {"method": METHOD | {"kind": "cash"}}, BIND])))
    done = baohao_import(file, database_url)
    assert done.returncode == 1
    assert done.stdout == "lines 3, accepted 2, repeated 0, unchanged 0, facts 2, problems 1\n"
    [problem] = done.stderr.splitlines()
    assert problem.startswith("line 2, field method.kind: Input should be 'credit_card'")
    assert names(connection) == FACTS[:2]


def test_the_sample_is_imported_without_a_problem_and_ends_with_status_0(connection, database_url):
    done = baohao_import(SAMPLE, database_url, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures == {"lines": 184, "accepted": 184, "repeated": 0, "unchanged": 0, "facts": 184, "problems": []}
    recorded = read_log(connection, 0, 1000)
    assert len({one.card_id for one in recorded}) == 50


def test_the_sample_shows_what_there_is():
    commands = [importer.COMMANDS.validate_json(line) for line in SAMPLE.read_bytes().splitlines()]
    registered = of(commands, "RegisterCard")
    assert {one.months for one in registered} == {1, 3, 6, 12}
    assert {one.currency for one in registered} == {"CNY", "EUR", "USD"}
    assert {one.plan for one in registered} == set(rules_of(load_settings()).catalogue.plans)
    assert len({one.zone for one in registered}) > 9
    methods = Counter(one.card_id for one in of(commands, "BindPaymentMethod"))
    assert max(methods.values()) == 3
    assert {one.method.kind for one in of(commands, "BindPaymentMethod")} == {
        *("credit_card", "debit_card", "paypal", "e_wallet")
    }
    assert {one.command for one in commands} >= {"OrderPaymentMethods", "SetAutoTopUp", "TopUp"}
    renewing = {one.card_id for one in of(commands, "EnableAutoRenew")}
    assert 0 < len({one.card_id for one in registered} - renewing) < 10


def of(commands: list[Command], name: str) -> list[Command]:
    return [command for command in commands if command.command == name]
