"""Every earlier stored shape of a fact is read with its meaning, and written in today's shape."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from engine.envelope import read_fact
from engine.store.appending import stored_fact
from tests.compatibility import results

SHAPES = sorted(Path(__file__).with_name("shapes").glob("*.json"))
CARD_ID = UUID("5b1f0c3e-0000-4000-8000-000000000001")
ENVELOPE = {
    "event_id": "6f1d2c3b-0000-4000-8000-000000000007",
    "recorded_at": "2026-04-02T16:00:00.123456Z",
    "actor": "consumer",
    "cause": "due-7",
    "wake_at": "2026-04-03T02:00:00Z",
    "last": True,
}


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_an_earlier_shape_is_read_with_its_meaning(path):
    shape, name = json.loads(path.read_bytes()), path.stem.rpartition(".")[0]
    recorded = read_fact(0, CARD_ID, 7, name, results.compact({**ENVELOPE, "fact": shape["stored"]}).encode())
    written = stored_fact(*recorded[1:])
    assert results.as_before(written.topic, json.loads(written.state)["fact"]) == (name, shape["read_as"])
    assert read_fact(0, CARD_ID, 7, written.topic, written.state) == recorded
