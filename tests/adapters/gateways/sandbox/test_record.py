"""The record: what was answered survives whatever is killed, and a request is one transaction with its batch."""

import os
import signal
import subprocess
import sys
import threading
from http.client import HTTPException

import pytest

from adapters.gateways.sandbox.record import Record
from adapters.gateways.sandbox.server import Options
from tests.adapters.gateways.sandbox.api import Api, payment


@pytest.fixture
def process(tmp_path):
    """Starts `baohao sandbox` on one record; returns its address and the process."""
    started = []

    def start():
        words = ["sandbox", "--port", "0", "--record", str(tmp_path / "money.db")]
        running = subprocess.Popen(
            [sys.executable, "-m", "adapters.cli", *words],
            env=os.environ | {"BAOHAO_HOME": str(tmp_path / "home")},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(running)
        return running.stdout.readline().split(" at ")[1].split(";")[0], running

    yield start
    for one in started:
        one.kill()
        one.communicate()


def test_every_answered_payment_survives_kill_9(process):
    address, running = process()
    api = Api(address)
    method, customer = api.method("pm_card_visa")
    answered = {}

    def pay(worker):
        try:
            for number in range(1000):
                answer = api.post("payment_intents", payment(method, customer), key=f"{worker}-{number}")
                answered[f"{worker}-{number}"] = answer.raw
        except (OSError, HTTPException):
            pass  # killed

    workers = [threading.Thread(target=pay, args=(name,)) for name in "abcd"]
    for worker in workers:
        worker.start()
    while len(answered) < 60:
        assert any(worker.is_alive() for worker in workers), "no answer came any more"
        workers[0].join(0.01)
    running.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.join()
    again = Api(process()[0])
    charges = again.control("totals")["charges"]
    assert len(answered) <= charges <= len(answered) + len(workers)
    for key, raw in answered.items():
        assert again.post("payment_intents", payment(method, customer), key=key).raw == raw
    assert again.control("totals")["charges"] == charges


def test_a_payment_that_was_committed_but_never_answered_is_there_after_kill_9(process):
    address, running = process()
    api = Api(address)
    method, customer = api.method("pm_card_visa")
    api.control("faults", {"faults": [{"kind": "commit_then_stall", "path": "payment_intents", "times": 1}]})
    with pytest.raises(TimeoutError):
        Api(address, timeout_s=1).post("payment_intents", payment(method, customer), key="k1")
    running.send_signal(signal.SIGKILL)
    again = Api(process()[0])
    (intent,) = again.found("payment_intents", {"customer": customer})["data"]
    answer = again.post("payment_intents", payment(method, customer), key="k1")
    assert (answer.body["id"], answer.headers["idempotent-replayed"]) == (intent["id"], "true")


def test_a_record_goes_on_where_it_was(started, tmp_path):
    first = started(Options(record=tmp_path / "money.db"))
    first.control("clock", {"now": 1_800_000_000})
    intent = first.charge("pm_sandbox_processing").body
    second = started(Options(record=tmp_path / "money.db"))
    assert second.control("clock") == {"now": 1_800_000_000.0, "real": False}
    second.control("clock", {"forward_s": 3600})
    assert second.found(f"payment_intents/{intent['id']}")["status"] == "succeeded"
    assert second.customer() not in [one["id"] for one in first.found("events")["data"]]


def test_a_request_that_fails_leaves_nothing_in_its_batch(tmp_path):
    record = Record(tmp_path / "money.db")
    kept = record.new("cus", {"object": "customer"}, 1)
    record.keep()
    lost = record.new("cus", {"object": "customer"}, 1)
    record.forget()
    record.commit()
    assert record.get(kept.id).body["object"] == "customer"
    assert record.get(lost.id) is None
    record.close()


def test_a_batch_that_cannot_be_written_is_dropped_whole(tmp_path):
    record = Record(tmp_path / "money.db")
    lost = record.new("cus", {"object": "customer"}, 1)
    record.keep()
    record.abandon()
    assert record.get(lost.id) is None
    assert record.new("cus", {"object": "customer"}, 1).id != lost.id
    record.close()
