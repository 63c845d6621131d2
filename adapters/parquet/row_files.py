"""Rows of a read model as a Parquet file, with the types that its columns have in the database."""

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.parquet.log_files import abandon
from projections.read_model import ReadModel

ROW_GROUP = 16_384
_TYPES = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "text": pa.string(),
    "uuid": pa.uuid(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
"""By the SQL type; a read model with a column of another one does not pass the test over all of them."""


def schema_of(model: ReadModel[Any]) -> Any:  # noqa: ANN401 (pyarrow has no types)
    """The columns of a file; the key is never null."""
    key = model.columns[0]
    return pa.schema([pa.field(one.name, _TYPES[one.type], nullable=one != key) for one in model.columns])


def write_rows(file: BinaryIO, model: ReadModel[Any], batches: Iterable[Sequence[Sequence[Any]]]) -> None:
    """Write rows, some at a time; raises OSError."""
    schema = schema_of(model)
    writer = pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True)
    try:
        waiting: list[Sequence[Any]] = []
        for rows in batches:
            waiting += rows
            if len(waiting) >= ROW_GROUP:
                writer.write_batch(_as_batch(waiting, schema))
                waiting = []
        if waiting:
            writer.write_batch(_as_batch(waiting, schema))
        writer.close()
    except BaseException:
        abandon(writer)
        raise


def _as_batch(rows: Sequence[Sequence[Any]], schema: Any) -> Any:  # noqa: ANN401 (pyarrow has no types)
    columns = [
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one and one.bytes for one in values], pa.binary(16)))
        if field.type == pa.uuid()
        else pa.array(values, field.type)
        for values, field in zip(zip(*rows, strict=True), schema, strict=True)
    ]
    return pa.record_batch(columns, schema=schema)
