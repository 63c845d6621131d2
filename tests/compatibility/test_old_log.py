"""An old log is read, projected, explained and continued as by the program that wrote it; see SHAPES.md."""

import json
from datetime import datetime

import pytest

from engine.card.facts import STORED_NAMES
from engine.store.appending import stored_fact
from projections.live import MODELS
from tests.compatibility import results
from tests.compatibility.continued import continued

KINDS = 43
"""The number of stored names when the log was written."""


@pytest.fixture(scope="module")
def log():
    return results.read_log()


@pytest.fixture(scope="module")
def facts(log):
    return results.facts_of(log)


@pytest.fixture(scope="module")
def histories(facts):
    return results.histories(facts)


def test_the_log_holds_every_kind_of_fact_of_its_time(log):
    names = {row.topic for row in log}
    assert len(names) == KINDS
    assert names <= {name.replace(".v2", ".v1") for name in STORED_NAMES}


def test_each_fact_is_read_and_written_again_unchanged(log, facts):
    for row, recorded in zip(log, facts, strict=True):
        assert (recorded.position, recorded.card_id, recorded.version) == (row.position, row.card_id, row.version)
        written = stored_fact(*recorded[1:])
        topic, fact = results.as_before(written.topic, json.loads(written.state)["fact"])
        assert (topic, fact) == (row.topic, json.loads(row.state)["fact"])
        assert written.state == row.state or topic != written.topic


@pytest.mark.parametrize("name", results.read("rows"))
def test_read_models_have_the_same_rows(name, facts):
    model = next(model for model in MODELS if model.name == name)
    assert results.rows(model, facts) == results.read("rows")[name]


@pytest.mark.parametrize("name", results.PER_CARD)
def test_explanations_notices_and_public_messages_are_the_same(name, histories):
    expected = results.read(name)
    assert histories.keys() == expected.keys()
    for card_id, then in expected.items():
        now = results.PER_CARD[name](histories[card_id])
        assert (results.digest(now) if isinstance(then, str) else now) == then, card_id


def months():
    """Those after every second place in the log, or with --slow all."""
    for number, month in enumerate(results.read("continued")):
        marks = [pytest.mark.slow] if number % 2 else []
        yield pytest.param(month, id=f"after {month['position']}", marks=marks)


@pytest.mark.parametrize("month", list(months()))
def test_a_further_month_appends_the_same_facts(log, month):
    begins = datetime.fromisoformat(month["begins"])
    now = results.shown(continued(log[: month["position"]], results.frozen_rules(), begins))
    assert now.keys() == month["facts"].keys()
    for card_id, then in month["facts"].items():
        assert [before(one) for one in now[card_id]] == then, card_id


def before(shown: dict) -> dict:
    """A shown fact in the shape in which it was stored then."""
    topic, fact = results.as_before(shown["topic"], shown["fact"])
    return shown | {"topic": topic, "fact": fact}
