"""Somebody with nats-py and the published schemas alone follows renewals while brokers and publishers die."""

import asyncio
import json
import os
import signal
from collections import defaultdict
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib import import_module
from itertools import count, islice
from pathlib import Path
from threading import Event, Thread

import jsonschema_rs
import psycopg
import pytest

from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.roles.publisher import PUBLISHER
from adapters.settings import load_settings
from engine.store.log import head
from projections.follow import positions
from tests.adapters.cards import FAR, cards_of, commands_for
from tests.journey.patience import until

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "adapters/broker/schemas"
BATCH = 100


class Reader:
    """What somebody has heard, each event judged by the schemas as it comes."""

    def __init__(self, follow):
        self._follow, self.heard, self.wrong = follow, [], []
        files = SCHEMAS.glob("*.v1.json")
        self._schemas = {file.stem: jsonschema_rs.validator_for(json.loads(file.read_bytes())) for file in files}

    def __call__(self, headers, data):
        name = headers["ce-type"].removeprefix("baohao.")
        for schema, value in ((name, data), ("card_headers.v1", dict(headers))):
            self.wrong += [f"{name}: {error.message}" for error in self._schemas[schema].iter_errors(value)]
        self.heard.append((headers["ce-subject"], int(headers["ce-cardversion"]), headers["ce-id"]))

    @contextmanager
    def following(self, url):
        stop = Event()

        async def follow():
            task = asyncio.ensure_future(self._follow(url, "somebody", self))
            await asyncio.to_thread(stop.wait)
            while not task.done():  # before Python 3.12 `wait_for` loses a cancellation that comes with its result
                task.cancel()
                await asyncio.wait([task], timeout=0.2)
            with suppress(asyncio.CancelledError):
                task.result()

        thread = Thread(target=asyncio.run, args=(follow(),))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def ids(self):
        return {event_id for _, _, event_id in list(self.heard)}

    def out_of_order(self):
        """Cards of which an event was heard for the first time after a later one."""
        last, seen = defaultdict(int), set()
        for card_id, version, event_id in self.heard:
            if event_id not in seen and version <= last[card_id]:
                yield card_id
            seen.add(event_id)
            last[card_id] = max(last[card_id], version)


@pytest.fixture
def reader(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts/examples")
    return Reader(import_module("follow_events").follow)


@pytest.fixture
def settings(served):
    return load_settings(**served, gateway_budget_s=0.5, ack_wait_s=1, poll_ms=200)


def registered(cards, many):
    """Cards that are due within twenty days."""
    numbers = list(islice((number for number in count() if number % 300 in range(1, 20)), many))
    for start in range(0, many, BATCH):
        batch = numbers[start : start + BATCH]
        cards.give(*(command for number in batch for command in commands_for(number, f"sim:good:{number}")))


@pytest.mark.parametrize(
    ("many", "kills", "wipes"),
    [pytest.param(40, 3, 1, id="few"), pytest.param(5000, 20, 3, id="many", marks=pytest.mark.slow)],
)
def test_a_reader_hears_every_event_in_the_order_of_its_card(reader, settings, wipe, many, kills, wipes):
    with (
        all_roles(settings) as (_, supervisor),
        psycopg.connect(settings.database_url, autocommit=True) as connection,
        reader.following(settings.nats_url),
    ):
        cards, pool = cards_of(connection, settings.database_url, timedelta(seconds=0.5))
        registered(cards, many)
        for number in range(kills):
            move_clock(connection, FAR + timedelta(days=9) * number / (kills - 1))
            before = supervisor.pids()["publisher"]
            os.kill(before[0], signal.SIGKILL)
            until(lambda before=before: supervisor.pids()["publisher"] not in ([], before))
            if number < wipes:
                wipe()
            heard_until(reader, lambda: positions(connection).get(PUBLISHER) == head(connection))
        heard_until(reader, lambda: cards_with(connection, "renewal_started.v1") >= many)
        move_clock(connection, FAR + timedelta(days=15))  # the notices that came late are old enough
        heard_until(reader, lambda: cards_with(connection, "card_renewed.v1") >= many)
        public = set(cards.public_ids())
        heard_until(reader, lambda: public <= reader.ids())
        assert reader.ids() <= set(cards.public_ids())
        pool.close()
    assert reader.wrong == []
    assert list(reader.out_of_order()) == []
    assert len(public) >= 7 * many


def heard_until(reader, holds):
    """Wait as long as there is news."""
    while not holds():
        heard = len(reader.heard)
        until(lambda heard=heard: len(reader.heard) > heard or holds())


def cards_with(connection, fact):
    query = "SELECT count(DISTINCT originator_id) FROM card_events WHERE topic = %s"
    return connection.execute(query, (fact,)).fetchone()[0]
