"""The simulated gateway's record: what is written when, and how processes share it."""

import asyncio
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta

import pytest
from msgspec.structs import replace

from adapters.gateways.simulated import SimulatedGateway, double_charges, totals
from adapters.gateways.simulated_record import IN_MEMORY
from engine.ports import Charged
from tests.adapters.gateways.asking import (
    BUDGET,
    NOON,
    ROOT,
    UNAVAILABLE,
    charge,
    charged,
    look_up,
    movements,
    request,
)

# What is written


def test_calls_in_one_turn_are_one_transaction(gateway, record):
    statements = []
    gateway._db.set_trace_callback(statements.append)
    answers = charge(gateway, *(request(f"{i}") for i in range(300)))
    assert all(isinstance(answer, Charged) for answer in answers)
    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 1
    assert len(movements(record)) == 300


def test_a_cancelled_call_is_charged_and_affects_no_other(gateway, record):
    async def cancelling():
        cancelled_call = asyncio.create_task(gateway.charge(request("a"), NOON))
        other_call = asyncio.create_task(gateway.charge(request("b"), NOON))
        await asyncio.sleep(0)
        cancelled_call.cancel()
        return await asyncio.gather(cancelled_call, other_call, return_exceptions=True)

    cancelled, other = asyncio.run(cancelling())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert other == charged(request("b"))
    assert len(movements(record)) == 2


def test_while_the_record_is_locked_every_answer_is_unclear(record):
    requests = [request(f"{i}") for i in range(5)]
    with (
        closing(SimulatedGateway(record, 1, budget=timedelta(milliseconds=80))) as gateway,
        closing(sqlite3.connect(record, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        assert charge(gateway, *requests) == [UNAVAILABLE] * 5
        other.execute("ROLLBACK")
        assert movements(record) == []
        assert charge(gateway, *requests) == [charged(r) for r in requests]


def test_after_an_error_in_a_batch_every_call_is_answered(gateway):
    charge(gateway, request("a"))
    naive = NOON.replace(tzinfo=None)
    assert charge(gateway, request("a"), request("b"), at=naive) == [UNAVAILABLE] * 2
    assert charge(gateway, request("b")) == charged(request("b"))


def test_a_closed_gateway_is_unavailable(gateway):
    gateway.close()
    assert charge(gateway, request()) == UNAVAILABLE
    assert look_up(gateway, request()) == UNAVAILABLE


def test_the_next_process_uses_the_same_record(record):
    with closing(SimulatedGateway(record, 1, BUDGET)) as gateway:
        charge(gateway, request())
    with closing(SimulatedGateway(record, 2, BUDGET)) as gateway:
        assert charge(gateway, request()) == charged(request())
    assert totals(record) == {"EUR": 990}


def test_a_record_in_memory_can_be_copied_to_a_file(record):
    with closing(SimulatedGateway(IN_MEMORY, 1, BUDGET)) as gateway:
        charge(gateway, request("a"))
        gateway.save(record)
        charge(gateway, request("b"))
        assert totals(record) == {"EUR": 990}
        gateway.save(record)
    assert totals(record) == {"EUR": 1980}


def test_totals_are_per_currency_and_double_charges_per_card_and_purpose(gateway, record):
    assert (totals(record), double_charges(record)) == ({}, 0)
    once, other_attempt = request("a"), request("a", purpose="renewal:2")
    twice = replace(once, attempt_id=request("z").attempt_id)
    charge(gateway, once, request("b", minor=7, currency="USD"))
    charge(gateway, replace(other_attempt, attempt_id=request("y").attempt_id))
    assert double_charges(record) == 0
    charge(gateway, twice)
    assert double_charges(record) == 1
    assert totals(record) == {"EUR": 2970, "USD": 7}


def test_auditing_a_missing_record_raises_and_creates_none(record):
    for audit in (totals, double_charges):
        with pytest.raises(FileNotFoundError):
            audit(record)
    assert not record.exists()


def test_auditing_does_not_wait_for_writers(gateway, record):
    charge(gateway, request())
    with closing(sqlite3.connect(record, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert (totals(record), double_charges(record)) == ({"EUR": 990}, 0)


def test_a_new_record_can_be_opened_by_many_at_once(tmp_path):
    def open_and_close(record):
        SimulatedGateway(record, 1, BUDGET).close()

    with ThreadPoolExecutor(8) as threads:
        for i in range(20):
            list(threads.map(open_and_close, [tmp_path / f"{i}.db"] * 8))


# Several processes

CHARGER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5
from adapters.gateways.simulated import SimulatedGateway
from engine.money import Money
from engine.ports import ChargeRequest
from msgspec.structs import replace

record, count = Path(sys.argv[1]), int(sys.argv[2])
gateway = SimulatedGateway(record, 1, timedelta(seconds=20))

async def charge(i):
    id = uuid5(NAMESPACE_OID, str(i))
    amount = Money(minor=1, currency="EUR")
    noon = datetime(2027, 2, 28, 12, tzinfo=UTC)
    about = {"card_id": id, "purpose": "renewal:1", "amount": amount, "attempted_at": noon}
    answer = await gateway.charge(ChargeRequest(attempt_id=id, token="sim:flaky:50:x", **about), noon)
    print(id, type(answer).__name__, flush=True)

async def main():
    for start in range(0, count, 16):
        await asyncio.gather(*map(charge, range(start, start + 16)))

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""


@contextmanager
def chargers(record, *, count, processes):
    """So many processes that make the same charges at the same time."""
    command = [sys.executable, "-c", CHARGER, record, str(count)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with ExitStack() as stack:
        started = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(processes)]
        assert [process.stdout.readline() for process in started] == ["ready\n"] * processes
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started


def answers_in(output):
    """Answers by key; the last line may be cut off."""
    return dict(line.split() for line in output.splitlines(keepends=True) if line.endswith("\n"))


def test_processes_that_charge_the_same_keys_at_the_same_time_get_the_same_answers_and_move_money_once(record):
    with chargers(record, count=1024, processes=3) as processes:
        answers = [answers_in(process.stdout.read()) for process in processes]
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]) == 1024
    charged_keys = sorted(key for key, answer in answers[0].items() if answer == "Charged")
    assert sorted(key for key, _ in movements(record)) == charged_keys


def test_the_answers_of_a_killed_process_are_in_the_record(record):
    with chargers(record, count=10**9, processes=1) as (process,):
        begun = "".join(process.stdout.readline() for _ in range(1000))
        process.kill()
        answers = answers_in(begun + process.stdout.read())
    moved = {key for key, _ in movements(record)}
    assert len(answers) >= 1000
    assert {key for key, answer in answers.items() if answer == "Charged"} <= moved
    assert not moved & {key for key, answer in answers.items() if answer == "Declined"}
    with closing(SimulatedGateway(record, 1, BUDGET)) as gateway:
        assert charge(gateway, request()) == charged(request())
    assert double_charges(record) == 0
