"""The example in projections/README.md is a read model as it stands there, and so is its test."""

import re
from pathlib import Path

import pytest

from projections.follow import follow
from projections.read_model import Follower
from tests.engine import samples
from tests.engine.random_histories import random_history, store_all
from tests.projections.folding import rows

README = Path(__file__).parents[2] / "projections" / "README.md"


@pytest.fixture(scope="module")
def example():
    """The names of both blocks."""
    names = {name: getattr(samples, name) for name in ("CARD_ID", "OPENS_AT", "PAYING", "enabled", "switched_off")}
    names |= {"rows": rows, "__name__": "projections.switched_off"}
    for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(compile(block, str(README), "exec"), names)
    return names


def test_its_test_passes(example):
    example["test_a_card_is_listed_until_it_is_switched_on_again"]()


def test_it_follows_the_log_and_answers(example, store, connection):
    model = example["SWITCHED_OFF"]
    store_all(store, [random_history(seed, 30) for seed in range(20)])
    for statement in model.create():
        connection.execute(statement)
    follow(connection, Follower("example", (model,)), 10_000)
    listed = example["list_switched_off"](connection, "holder", 100)
    assert listed
    assert {row.reason for row in listed} == {"holder"}
