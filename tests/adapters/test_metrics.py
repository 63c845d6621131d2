"""Figures are counted from log lines; a process says whether it turns, and whether it reaches its servers."""

import asyncio
import re
import threading
from pathlib import Path

import pytest
from msgspec import json
from prometheus_client import CollectorRegistry, generate_latest

from adapters.metrics import Metrics, SystemStatus
from adapters.watched import Watched

DASHBOARD = Path(__file__).parents[2] / "adapters" / "dashboards" / "baohao.json"


def shown(metrics):
    return generate_latest(metrics.registry).decode()


@pytest.fixture
def loop():
    """An event loop that turns in a thread of its own."""
    turning = asyncio.new_event_loop()
    thread = threading.Thread(target=turning.run_forever)
    thread.start()
    yield turning
    turning.call_soon_threadsafe(turning.stop)
    thread.join(10)
    for task in asyncio.all_tasks(turning):
        turning.run_until_complete(task)
    turning.close()


def test_figures_of_a_line_are_summed_up_and_times_become_a_histogram():
    metrics = Metrics()
    for facts in (2, 3):
        metrics.count({"event": "consumer.batch", "level": "info", "facts": facts, "wake_ms": 20, "answers_charged": 1})
    text = shown(metrics)
    assert 'baohao_handled_total{event="consumer.batch",what="facts"} 5.0' in text
    assert 'baohao_gateway_answers_total{answer="charged"} 2.0' in text
    assert 'baohao_stage_seconds_bucket{event="consumer.batch",le="0.03",stage="wake"} 2.0' in text
    assert 'baohao_log_lines_total{event="consumer.batch",level="info"} 2.0' in text


def test_a_line_without_figures_is_counted_alone():
    metrics = Metrics()
    metrics.count({"event": "role.fault", "level": "warning", "after_ms": 7, "card_id": "c"})
    assert 'baohao_log_lines_total{event="role.fault",level="warning"} 1.0' in shown(metrics)
    assert "after" not in shown(metrics)


def test_while_the_database_is_away_there_is_no_state_but_there_are_metrics():
    metrics = Metrics()
    metrics.registry.register(SystemStatus("postgresql://127.0.0.1:9/none", virtual_clock=False))
    assert "baohao_cases" not in shown(metrics)
    assert "process_cpu_seconds_total" in shown(metrics)


def test_a_process_is_ready_as_long_as_both_servers_answer(loop):
    asked = []

    def ask():
        asked.append(1)
        return {"database": "ok", "broker": "no answer within 6 s"}

    pages = Watched(CollectorRegistry(), loop, ask)
    status, _, body = pages.page("/readyz")
    assert (status, json.decode(body)["broker"]) == (503, "no answer within 6 s")
    pages.page("/readyz?again")
    assert len(asked) == 1, "asked again within two seconds"
    assert pages.page("/healthz")[0] == 200
    assert pages.page("/")[0] == 404


def test_a_process_whose_loop_stands_still_is_not_alive(loop, monkeypatch):
    monkeypatch.setattr("adapters.watched.LOOP_WITHIN_S", 0.1)
    stands, go_on = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (stands.set(), go_on.wait(60)))
    stands.wait(60)
    assert Watched(CollectorRegistry(), loop, dict).page("/healthz")[0] == 503
    go_on.set()


def test_the_dashboard_asks_for_metrics_that_there_are(connection, database_url):
    metrics = Metrics()
    metrics.count({"event": "consumer.batch", "level": "info", "wake_ms": 1, "answers_charged": 1, "facts": 1})
    metrics.registry.register(SystemStatus(database_url, virtual_clock=True))
    there = {line.partition("{")[0].split(" ")[0] for line in shown(metrics).splitlines() if not line.startswith("#")}
    there |= {f"baohao_{name}" for name in ("parked_for_model", "cards", "lag_facts", "roles")}  # those without rows
    asked = re.findall(r"(?:baohao|process)_[a-z_]+", DASHBOARD.read_text())
    assert set(asked) <= there
