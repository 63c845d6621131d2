"""The benchmark, scaled down: it yields all its figures and leaves nothing behind."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.bench.__main__ import measure_main

RATES = (
    "renewals_per_s",
    "renewals_per_s_gateway_200ms",
    "renewals_per_s_200k_cards",
    "renewals_per_s_300_facts",
    "limit_renewals_per_s",
    "append_events_per_s",
    "read_events_per_s",
)
STAGES = {"wake", "gateway", "record", "ack"}
ROLES = {"consumer", "projector", "publisher", "scheduler"}


@pytest.mark.slow
def test_the_main_measurement_renews_every_card_once():
    figures = measure_main(cards=40)
    assert (figures["cards"], figures["flaws"]) == (40, [])
    assert figures["renewals_per_s"] > 0
    assert figures["stages_us"].keys() >= STAGES
    assert figures["peak_rss_mb"].keys() == ROLES
    assert figures["bytes_per_fact"].keys() == figures["bytes_per_renewal"].keys() > {"log", "read models", "all"}
    assert figures["bytes_per_fact"]["log"] > 300


@pytest.mark.slow
def test_the_benchmark_measures_and_leaves_nothing_behind(monkeypatch):
    folder = Path(tempfile.mkdtemp(prefix="bb-"))  # a short path, that other system users may pass
    folder.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(folder))

    command = [sys.executable, "-m", "tests.bench", "--cards", "100", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["cards"] == 100
    assert figures["flaws"] == []
    assert all(figures[rate] > 0 for rate in RATES)
    assert figures["ratio"] > 0
    assert figures["p99_command_ms"] > 0
    assert set(figures["stages_us"]) == STAGES | {f"cpu_{name}" for name in (*ROLES, "postgres", "nats")}
    assert set(figures["peak_rss_mb"]) == ROLES
    folder.rmdir()  # empty


@pytest.mark.slow
def test_sealing_and_verifying_are_measured():
    command = [sys.executable, "-m", "tests.bench", "--cards", "100", "--audit", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["facts"], figures["findings_by_1"], figures["findings_by_2"]) == (2100, 0, 0)
    assert 32 < figures["seal_bytes_per_fact"] < 100
    assert figures["findings_in_the_archive"] == 0
    assert 32 < figures["archive_bytes_per_fact"] < 200


@pytest.mark.slow
def test_commands_over_the_broker_are_measured():
    command = [sys.executable, "-m", "tests.bench", "--cards", "100", "--commands", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["queue_per_s"] > 0
    assert figures["requests_per_s"] > 0
    assert figures["request_p50_ms"] <= figures["request_p99_ms"]
