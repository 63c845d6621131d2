"""Traces: which spans a command and a wake-up leave at a collector, over all processes, and what a lost one costs."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from adapters.cli.serving import _traced
from adapters.otlp import collected
from adapters.settings import SettingsError, load_settings
from adapters.traces import Traces, ids_of, traces
from tests.adapters.collectors import Collector

SETTINGS = load_settings(traces_url="http://127.0.0.1:9/v1/traces")
NOW = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


@contextmanager
def exporting(url, **settings):
    with collected(url, "consumer", load_settings(traces_url=url, **settings)):
        yield


def put(cause="crm:1"):
    traces.root("command", cause, NOW, {"baohao.command": "RenewNow"}, failed=False)
    traces.part("record", cause, NOW, {}, failed=True)


def test_all_that_has_one_correlation_id_is_one_trace(collector):
    with exporting(collector.url):
        put()
        put("crm:2")
    assert collector.of("crm:1") == {("consumer", "command", None), ("consumer", "record", "command")}
    statuses = {span.name: span.status.code for _, span in collector.spans}
    assert statuses == {"command": 0, "record": 2}


def test_the_ids_are_what_the_documentation_says():
    assert ids_of("crm:1") == (0x9547A70099F1A7CA8A21971FC29DBFDE, 0x5DEBA1924DFBD242)  # of sha256sum


def test_a_share_of_the_traces_is_the_same_one_in_every_process():
    kept = defaultdict(set)
    for share in (0, 0.25, 1):
        one = Traces(lambda span, share=share: kept[share].add(span.trace_id), share)
        for number in range(400):
            one.part("record", f"crm:{number}", NOW, {}, failed=False)
    assert not kept[0]
    assert 60 < len(kept[0.25]) < 140
    assert kept[0.25] < kept[1]
    assert len(kept[1]) == 400


def test_a_collector_that_is_away_holds_the_end_up_for_seconds_only():
    with exporting("http://127.0.0.1:9/v1/traces"):
        for _ in range(3000):
            put()
        before = time.monotonic()
    assert time.monotonic() - before < 30


def test_without_a_collector_nothing_is_kept():
    put()
    assert traces.export is None


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://user:word@127.0.0.1/"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(SettingsError, match="BAOHAO_TRACES_URL"):
        load_settings(traces_url=address)


def test_where_the_packages_are_missing_a_role_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "adapters.otlp", None)
    with pytest.raises(SettingsError, match=r"install baohao\[traces\]"), _traced("consumer", SETTINGS):
        pass
