"""Bugs sown into what the simulation cannot reach: each is found by the test that is named beside it.

That is the store's SQL and the way over the broker, since its recorder is in memory and it has no broker, and what is
explained, since it asks for no explanation. Each bug is sown into a copy of the tree.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import LENT_NATS, LENT_POSTGRES

HUNG_AFTER_S = 300
SLIPS = r"\b(Name|Import|ModuleNotFound|Syntax)Error\b"
"""Of Python and of SQL: where these are seen, what was sown is no program, and proves nothing of the test."""
ROOT = Path(__file__).resolve().parents[2]
COPIED = ("engine", "projections", "adapters", "tests", "pyproject.toml")

STORE, LIMITS = "engine/store/recorder_sql.py", "engine/store/limits_sql.py"
CONSUMER, SCHEDULER = "adapters/roles/consumer.py", "adapters/roles/scheduler.py"
PUBLISHER, SENDING = "adapters/roles/publisher.py", "adapters/broker/sending.py"
FORWARDER = "adapters/roles/forwarder.py"
LEASE, STREAMS = "adapters/roles/lease.py", "adapters/broker/streams.py"

OBSTACLES = "engine/why/obstacles.py"


class Bug(NamedTuple):
    """What is wrong, where, what stands there and what is put in its place, and the test that finds it."""

    name: str
    file: str
    there: str
    put: str
    found_by: str


BUGS = (
    Bug(
        "stream versions are not compared",
        STORE,
        "e.originator_id = s.card AND e.originator_version = s.first_version\n",
        "false\n",
        "engine/test_recorders.py::test_a_stream_whose_version_is_taken_is_left_out_whole_and_the_others_are_stored",
    ),
    Bug(
        "a stream goes on from whatever fact stands before",
        STORE,
        "substring(e.state FROM 14 FOR 36) = convert_to(s.after, 'UTF8')",
        "true",
        "engine/test_recorders.py::test_a_stream_goes_on_only_from_the_fact_on_which_it_was_decided",
    ),
    Bug(
        "a database that nobody compared is appended to",
        STORE,
        "IF writes ->> 'incarnation' <> {incarnation}() THEN",
        "IF false THEN",
        "adapters/test_lost.py::test_a_database_that_may_be_another_one_is_compared_before_anything_is_appended_to_it",
    ),
    Bug(
        "appends take no lock",
        STORE,
        "PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));\n        SELECT encode",
        "SELECT encode",
        "engine/test_recorder.py::test_a_held_lock_of_the_appends_is_a_sentence_and_nothing_is_stored",
    ),
    Bug(
        "the time of recording falls with the clock",
        STORE,
        "CASE WHEN last_time ~",
        "CASE WHEN false AND last_time ~",
        "engine/test_recorders.py::test_a_clock_that_goes_back_does_not_take_the_log_back",
    ),
    Bug(
        "nobody is told of an append",
        STORE,
        "NOTIFY {channel};\n            INSERT",
        "INSERT",
        "engine/test_log.py::test_a_listener_is_woken_by_new_facts_and_sleeps_otherwise",
    ),
    Bug(
        "facts can be changed",
        STORE,
        "BEFORE UPDATE OR DELETE ON",
        "BEFORE DELETE ON",
        "engine/test_recorder.py::test_the_database_refuses_to_change_a_fact",
    ),
    Bug(
        "an attempt may be recorded twice",
        STORE,
        "CREATE UNIQUE INDEX IF NOT EXISTS {attempts_index}",
        "CREATE INDEX IF NOT EXISTS {attempts_index}",
        "engine/test_wrong_state.py::test_an_attempt_that_the_log_holds_is_not_recorded_again_and_the_others_are_stored",
    ),
    Bug(
        "an accepted command is forgotten",
        STORE,
        "WHERE s.command_id IS NOT NULL AND s.card <> ALL (left_out);",
        "WHERE false;",
        "engine/test_recorders.py::test_an_accepted_command_is_found_with_the_place_of_its_facts",
    ),
    Bug(
        "two commands of a batch share an id",
        STORE,
        "c.nth > 1 OR EXISTS",
        "EXISTS",
        "engine/test_recorders.py::test_of_two_commands_with_one_id_in_a_batch_the_first_is_accepted",
    ),
    Bug(
        "limits are not looked at",
        STORE,
        "cardinality(blocks) > 0 OR EXISTS (SELECT FROM unnest(tries) AS t WHERE t.network IS NOT NULL)",
        "cardinality(blocks) > 0",
        "engine/test_recorders.py::test_limits_hold_in_the_order_of_the_batch",
    ),
    Bug(
        "limits count one try too few",
        LIMITS,
        "SELECT count(*), count(*) FILTER",
        "SELECT count(*) - 1, count(*) FILTER",
        "engine/test_limits.py::test_a_mastercard_may_be_declined_ten_times_in_a_day",
    ),
    Bug(
        "of a limited card the facts are stored",
        STORE,
        "left_out := left_out || limited_cards;",
        "NULL;",
        "engine/test_recorders.py::test_of_a_limited_stream_neither_fact_nor_snapshot_nor_command_is_kept",
    ),
    Bug(
        "an open try is no try",
        LIMITS,
        "WHERE t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window\n                    "
        "AND (t.amount = w.amount OR NOT r.per_amount)\n                ) AS c",
        "WHERE t.fingerprint = w.fingerprint AND t.declined_at > w.at - r.window AND isfinite(t.declined_at)\n"
        "                    AND (t.amount = w.amount OR NOT r.per_amount)\n                ) AS c",
        "engine/test_limits.py::test_open_tries_count_and_are_looked_at_again_soon",
    ),
    Bug(
        "messages are acknowledged before the append",
        CONSUMER,
        "            await self._run(batch)\n",
        "            await ack_all(messages)\n            await self._run(batch)\n",
        "adapters/roles/test_parking.py::test_when_the_database_fails_the_batch_is_redelivered",
    ),
    Bug(
        "answers beyond 200 of a batch are dropped",
        CONSUMER,
        "return list(zip(questions, replies, strict=True))",
        "return list(zip(questions, replies, strict=True))[:200]",
        "adapters/roles/test_consumer.py::test_every_answer_of_a_large_batch_is_recorded",
    ),
    Bug(
        "of two malformed messages one is acknowledged but not parked",
        CONSUMER,
        "asyncio.to_thread(self.park, batch.parked)",
        "asyncio.to_thread(self.park, batch.parked[:1])",
        "adapters/roles/test_parking.py::test_all_malformed_messages_of_a_batch_are_parked",
    ),
    Bug(
        "an answer that cannot be stored at once is lost",
        CONSUMER,
        "if monotonic() >= deadline:",
        "if deadline:",
        "adapters/roles/test_database_trouble.py::test_answers_of_the_gateway_are_kept_while_the_database_restarts",
    ),
    Bug(
        "a card in flight is sent again",
        SCHEDULER,
        "WHERE s.card_id IS NULL OR s.version <> d.version OR (%(again)s AND s.lease_until <= clock_timestamp())",
        "WHERE %(again)s OR true",
        "adapters/roles/test_scheduler.py::test_a_card_in_flight_is_not_sent_again",
    ),
    Bug(
        "a lost message is sent again under its old id, and swallowed",
        SCHEDULER,
        "THEN s.lease + 1 ELSE 1 END",
        "THEN s.lease ELSE 1 END",
        "adapters/roles/test_scheduler.py::test_a_lost_message_is_sent_again_with_another_id",
    ),
    Bug(
        "cards are marked as sent before they are",
        SCHEDULER,
        "        await send(client, [_message(lease) for lease in leases])\n"
        "        await asyncio.to_thread(mark_sent, connection, leases, lease_time)\n",
        "        await asyncio.to_thread(mark_sent, connection, leases, lease_time)\n"
        "        await send(client, [_message(lease) for lease in leases])\n",
        "adapters/roles/test_scheduler.py::test_nothing_is_marked_that_the_broker_did_not_store",
    ),
    Bug(
        "parked cards are sent",
        SCHEDULER,
        "WHERE wake_at <= %(now)s AND NOT EXISTS (SELECT FROM parked p WHERE p.card_id = due.card_id)",
        "WHERE wake_at <= %(now)s",
        "adapters/roles/test_scheduler.py::test_a_parked_card_is_sent_only_when_it_is_retried",
    ),
    Bug(
        "messages are stored behind a hole",
        SENDING,
        "await _publish(client, message, expected, number)",
        "await _publish(client, message, {}, number)",
        "adapters/broker/test_sending.py::test_nothing_is_stored_behind_a_hole",
    ),
    Bug(
        "a new stream is not filled",
        PUBLISHER,
        "intact = created == str(info.created) and sequence <= info.state.last_seq",
        "intact = True",
        "adapters/roles/test_publisher.py::test_a_new_stream_is_filled_from_the_start_of_the_log",
    ),
    Bug(
        "what a step sent is sent again after a lost commit",
        PUBLISHER,
        "position = above if found is None else found",
        "position = above",
        "adapters/roles/test_publisher.py::test_a_publisher_that_dies_between_sending_and_committing_stores_nothing_twice",
    ),
    Bug(
        "what was read ahead is told though another publisher told it",
        PUBLISHER,
        "if ahead is None or ahead.after != position:",
        "if ahead is None:",
        "adapters/roles/test_publisher.py::test_what_was_read_ahead_is_not_told_where_another_one_has_gone_on",
    ),
    Bug(
        "a broker that was wiped hears only what comes",
        FORWARDER,
        "await asyncio.to_thread(_save, connection, 0, None)",
        "await asyncio.to_thread(_save, connection, before, None)",
        "adapters/roles/test_forwarder.py::test_a_broker_that_was_wiped_is_told_all_of_the_log_again",
    ),
    Bug(
        "other brokers are told what the publisher has not published",
        FORWARDER,
        "INTERNAL_FACTS, known.position, limit, known.published_upto",
        "INTERNAL_FACTS, known.position, limit",
        "adapters/roles/test_forwarder.py::test_nothing_is_told_that_the_publisher_has_not_published",
    ),
    Bug(
        "a fact of a newer program is passed over",
        "adapters/known_facts.py",
        "elif isinstance(row.error, UnknownFactError):",
        "elif row.position < 0:",
        "adapters/roles/test_foreign_events.py::test_a_fact_of_a_newer_program_stops_the_publisher_before_it",
    ),
    Bug(
        "whoever asks leads",
        LEASE,
        "WHERE leaders.lease_until < clock_timestamp() OR NOT EXISTS (",
        "WHERE true OR NOT EXISTS (",
        "adapters/roles/test_lease.py::test_one_session_leads_each_role",
    ),
    Bug(
        "a queue with other settings is left as it is",
        STREAMS,
        "    if not changes:\n",
        "    if changes is not None:\n",
        "adapters/broker/test_streams.py::test_settings_of_a_stream_made_by_hand_are_corrected",
    ),
    Bug(
        "of a card that was registered lapsed it is said that it was paid",
        OBSTACLES,
        "if fact.at >= card.term.ends_at:",
        "if False:",
        "engine/test_why_day.py::test_of_a_card_that_was_registered_already_lapsed_nobody_says_that_it_was_paid",
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "_"))
def test_each_bug_is_found_by_its_test(bug, tmp_path, postgres_url, nats_url):
    sow(bug, tmp_path)
    file, name = bug.found_by.split("::")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", f"tests/{file}", "-k", name]
    env = os.environ | {LENT_POSTGRES: postgres_url, LENT_NATS: nats_url}
    ended = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=HUNG_AFTER_S, check=False
    )
    last = ended.stdout.splitlines()[-1]
    assert re.search(r"\d+ failed", last), f"nothing failed: {last}\n{ended.stderr}"
    assert "error" not in last, f"it only crashed: {ended.stdout}"
    assert not re.search(SLIPS, ended.stdout), f"it is a slip, which any test would find: {ended.stdout}"


def sow(bug, folder):
    """Put a bug into a copy of the tree."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    source = (folder / bug.file).read_text("utf-8")
    assert source.count(bug.there) == 1, f"{bug.there!r} stands {source.count(bug.there)} times in {bug.file}"
    (folder / bug.file).write_text(source.replace(bug.there, bug.put), "utf-8")


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name.replace(" ", "_"))
def test_the_place_of_each_bug_and_its_test_exist(bug):
    assert (ROOT / bug.file).read_text("utf-8").count(bug.there) == 1
    file, name = bug.found_by.split("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_no_bug_names_what_its_file_does_not_have(tmp_path):
    for number, bug in enumerate(BUGS):
        source = (ROOT / bug.file).read_text("utf-8").replace(bug.there, bug.put)
        (tmp_path / f"bug_{number}.py").write_text(f"# {bug.name}\n{source}", "utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E9,F821", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG_AFTER_S, check=False)
    assert done.returncode == 0, done.stdout
