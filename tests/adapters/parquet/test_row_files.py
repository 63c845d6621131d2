"""Read models as Parquet files: every column has a type, and every value comes back as it was."""

from datetime import UTC, date, datetime
from io import BytesIO
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from adapters.parquet import row_files
from adapters.parquet.row_files import schema_of, write_rows
from projections.cards import CARDS
from projections.live import MODELS

VALUES = {
    "boolean": True,
    "integer": 7,
    "bigint": 2**40,
    "text": "保号",
    "uuid": UUID(int=7),
    "date": date(2027, 1, 31),
    "timestamptz": datetime(2027, 1, 31, 12, 0, 0, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_column_of_every_read_model_has_its_type(model, monkeypatch):
    monkeypatch.setattr(row_files, "ROW_GROUP", 2)
    row = tuple(VALUES[column.type] for column in model.columns)
    rows = [row, (row[0], *(None for _ in row[1:])), row]
    file = BytesIO()
    write_rows(file, model, [rows[:2], rows[2:]])
    table = pq.read_table(file)
    assert table.schema.equals(schema_of(model))
    assert [tuple(one.values()) for one in table.to_pylist()] == rows


def test_no_row_is_a_file_too():
    file = BytesIO()
    write_rows(file, CARDS, [])
    assert pq.read_table(file).num_rows == 0
