"""The example in JavaScript follows the events of a real stream, killed in between, and on an account of its own."""

import json
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adapters.stored import publish_all

EXAMPLE = Path(__file__).parents[3] / "scripts/examples/follow_events.mjs"
INSTALL = ("npm", "install", "nats@2", "--no-audit", "--no-fund", "--silent")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example in a folder with the package that it needs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copy(EXAMPLE, folder)
    done = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        pytest.skip(f"npm does not give the package nats: {done.stderr[-200:]}")
    return folder / EXAMPLE.name


@contextmanager
def following(installed, url):
    command = ["node", installed, url, "somebody"]
    env = {key: value for key, value in os.environ.items() if not key.startswith("NATS_")}
    with subprocess.Popen(command, cwd=installed.parent, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process, count):
    """So many lines: instant, card, type, data."""
    return [_event(process.stdout.readline()) for _ in range(count)]


def _event(line):
    _, card, kind, data = line.rstrip("\n").split(" ", 3)
    return card, kind, json.loads(data)


def test_it_hears_each_event_once_in_order_and_goes_on_where_it_was(
    run, cards, connection, client, nats_url, installed
):
    cards.register(*range(1, 41))
    run(publish_all(connection, client))
    with following(installed, nats_url) as process:
        first = told(process, 3)
        process.send_signal(signal.SIGKILL)
        first += [_event(line) for line in process.stdout]  # it was ahead of us
    left = len(cards.public_ids()) - len(first)
    assert left > 0
    with following(installed, nats_url) as process:
        rest = told(process, left)
        if rest[0] == first[-1]:  # it was told, and not acknowledged
            rest = [*rest[1:], *told(process, 1)]
    names = ["card_registered", "payment_method_bound", "auto_renew_enabled"]
    assert [kind for _, kind, _ in (*first, *rest)] == [f"baohao.{name}.v1" for name in names * 40]
    assert [card for card, _, _ in (*first, *rest)] == [str(one.card_id) for one in cards.log()]
