"""What Prometheus reads of a process, counted from its log lines, so that a figure and a line never disagree."""

from collections import Counter as Counts
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from structlog.typing import EventDict

from adapters.status import Status, read_status

STAGE_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
"""The bounds of the histogram of stages, in seconds: from a read of one card to a gateway's time budget."""
ANSWERS = "answers_"
COUNTED: Mapping[str, tuple[str, ...]] = {
    "consumer.batch": ("messages", "cards", "facts", "questions", "parked"),
    "commands.batch": ("messages", "accepted", "refused", "failed"),
    "publisher.batch": ("messages",),
    "forwarder.batch": ("messages",),
    "projector.batch": ("facts",),
    "scheduler.sent": ("messages",),
    "notices.followed": ("added",),
    "notices.batch": ("claimed",),
    "look_up.batch": ("taken", "settled"),
    "reconcile.done": ("at_provider", "in_log", "differences"),
}
"""Log line → the fields that are summed up."""


class Metrics:
    """The registry of one process; `count` is told every log line from `info` upward."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        about: Any = {"registry": self.registry}
        self._lines = Counter("baohao_log_lines", "Log lines.", ("event", "level"), **about)
        self._handled = Counter("baohao_handled", "What log lines sum up to.", ("event", "what"), **about)
        self._answers = Counter("baohao_gateway_answers", "Answers of the gateway.", ("answer",), **about)
        self._stages = Histogram(
            "baohao_stage_seconds", "How long the stages of a batch took.", ("event", "stage"), buckets=STAGE_S, **about
        )

    def count(self, line: EventDict) -> None:
        """Count a line, and sum up its figures."""
        event = str(line.get("event"))
        self._lines.labels(event, str(line.get("level"))).inc()
        for what in COUNTED.get(event, ()):
            self._handled.labels(event, what).inc(line.get(what, 0))
        if event not in COUNTED:
            return
        for name, value in line.items():
            if name.endswith("_ms"):
                self._stages.labels(event, name.removesuffix("_ms")).observe(value / 1000)
            elif name.startswith(ANSWERS):
                self._answers.labels(name.removeprefix(ANSWERS)).inc(value)


class SystemStatus(Collector):
    """The whole system's state, read from the database at each look; empty while that is away.

    One role shows it, `scheduler`, since it is the same for all.
    """

    def __init__(self, database_url: str, *, virtual_clock: bool) -> None:
        self._database_url = database_url
        self._virtual_clock = virtual_clock

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that nobody asks the database when it is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges of `read_status`."""
        try:
            with psycopg.connect(self._database_url, autocommit=True, connect_timeout=3) as connection:
                connection.execute("SET statement_timeout = '5s'")
                status = read_status(connection, virtual_clock=self._virtual_clock)
        except psycopg.Error:
            return
        yield from _gauges(status)


def _gauges(status: Status) -> Iterator[GaugeMetricFamily]:
    reasons = {"operator": status.charging_stopped, "gateway": status.gateway_down_since, "restore": status.restored}
    stopped = {why: int(since is not None) for why, since in reasons.items()}
    parked = {"cards": status.parked_cards, "messages": status.parked_messages}
    roles = Counts(one.role for one in status.roles)
    labelled: tuple[tuple[str, str, str, Mapping[str, int]], ...] = (
        ("roles", "Processes of a role.", "role", roles),
        ("lag_facts", "Facts that a follower has not handled yet.", "follower", status.lag),
        ("due_cards", "Due cards by how long they have waited.", "age", status.due),
        ("cards", "Cards by status.", "status", status.cards),
        ("parked", "Cards and messages that were set aside.", "what", parked),
        ("parked_for_model", "Cards that a read model does not follow.", "model", status.parked_for_models),
        ("charging_stopped", "1 while nothing is charged, by reason.", "why", stopped),
    )
    for name, meaning, label, values in labelled:
        gauge = GaugeMetricFamily(f"baohao_{name}", meaning, labels=(label,))
        for key, value in values.items():
            gauge.add_metric((key,), value)
        yield gauge
    yield GaugeMetricFamily("baohao_in_flight", "Messages about due cards that are under way.", status.in_flight)
    yield GaugeMetricFamily("baohao_cases", "What waits for a person.", status.cases)
    yield GaugeMetricFamily("baohao_clock_wrong", "1 while a clock is wrong.", int(status.clock_wrong is not None))
