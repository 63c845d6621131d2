"""What every read model has in common: rows fit their table, and folding in batches is folding one by one."""

from dataclasses import replace

import pytest

from projections.live import MODELS
from projections.read_model import ReadModel, fold_batch
from tests.engine.random_histories import random_history
from tests.projections.folding import recorded

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def log_of(*seeds: int):
    """Several lives, interleaved."""
    queues = [(life, iter(life.appends), [0]) for life in map(random_history, seeds, [60] * len(seeds))]
    position = 0
    while queues:
        for queue in list(queues):
            life, appends, version = queue
            append = next(appends, None)
            if append is None:
                queues.remove(queue)
                continue
            for fact in append.facts:
                position, version[0] = position + 1, version[0] + 1
                last = fact is append.facts[-1]
                yield recorded(
                    fact, version[0], position=position, wake_at=append.wake_at, last=last, card_id=life.card_id
                )


def folded(model: ReadModel, log: list, batch: int) -> dict:
    rows = {}

    def rows_of(keys):
        return {key: rows[key] for key in keys if rows.get(key) is not None}

    for start in range(0, len(log), batch):
        rows |= fold_batch(model, log[start : start + batch], rows_of)
    return {key: row for key, row in rows.items() if row is not None}


@each_model
def test_a_row_has_the_fields_of_its_tables_columns_and_its_key_first(model):
    assert model.row._fields == tuple(column.name for column in model.columns)
    log = list(log_of(1, 2, 3, 4, 5))
    for key, row in folded(model, log, 1000).items():
        assert row[0] == key


@each_model
@pytest.mark.parametrize("batch", [1, 2, 7, 100])
def test_folding_in_batches_is_folding_all_at_once(model, batch):
    log = list(log_of(1, 2, 3, 4, 5))
    assert len(log) > 100
    assert folded(model, log, batch) == folded(model, log, len(log))


@each_model
def test_a_model_that_reads_no_rows_needs_none(model):
    """Where the rows are not read first, reading them would change nothing."""
    log = list(log_of(1, 2, 3, 4, 5))
    assert folded(model, log, 3) == folded(replace(model, reads_row=True), log, 3)


@each_model
def test_only_the_rows_that_facts_concern_are_asked_for_and_changed(model):
    asked = []

    def rows_of(keys):
        asked.extend(keys)
        return {}

    log = list(log_of(1, 2, 3, 4, 5))[:40]
    changed = fold_batch(model, log, rows_of)
    keys = {model.key_of(one) for one in log} - {None}
    assert set(changed) <= keys
    assert asked == list(dict.fromkeys(asked))
    assert set(asked) == (keys if model.reads_row else set())
