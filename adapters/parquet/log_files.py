"""Parquet files of the sealed log: a row for each fact, and a seal in the row of the last fact of its stretch.

So a file is written and read a stretch at a time, in bounded memory. Its metadata holds the seal after which it goes
on, with the nodes of the tree there, so that it is verified by itself. A seal has all that its row in the database has:
the leaf hashes and positions of its stretch name a row that was changed, removed or added.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import MsgspecError, Struct, json

from adapters.parquet import ParquetError
from projections.audit.leaves import LeafFact, as_ranges
from projections.audit.seals import Seal, Stretch
from projections.audit.transfer import Sealed, Transferred
from projections.audit.tree import HASH_BYTES, ProofError, split

ROW_GROUP = 16_384
"""A row group has at least so many facts, of whole stretches: some 10 MB of memory."""
_BATCH = 2_048
"""Rows that are made objects at a time."""
_WRITING: dict[str, Any] = {
    "compression": "zstd",
    "use_dictionary": ["name"],  # the other columns hardly repeat themselves
    "write_page_checksum": True,
}
_AFTER = b"baohao.v1.after"
"""The name of the metadata."""
_RECORDED_AT = b'"recorded_at":"'

_SEAL = pa.struct(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("head", pa.string(), nullable=False),
        pa.field("nodes", pa.binary(), nullable=False),
        pa.field("sealed_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("leaves", pa.binary(), nullable=False),
        pa.field("positions", pa.list_(pa.int64()), nullable=False),  # first and last of each range by turns
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("card_id", pa.uuid(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", tz="UTC")),  # as the fact says, for who selects by time
        pa.field("fact", pa.string(), nullable=False),  # its JSON, byte for byte as first stored
        pa.field("seal", _SEAL),
    ]
)


class _After(Struct, forbid_unknown_fields=True):
    number: int
    size: int
    position: int
    head: str
    nodes: bytes


class ReadStretch(NamedTuple):
    """A seal of a file, what it says of its stretch, and the rows before it."""

    seal: Seal
    kept: Stretch
    facts: list[LeafFact]
    recorded_at: list[datetime | None]


class LogFile(NamedTuple):
    """A file that was opened: the seal after which it goes on, and its stretches, which can be read once."""

    after: Seal
    stretches: Iterator[ReadStretch]


def recorded_at(state: bytes) -> datetime | None:
    """When a fact says that it was recorded; our compact JSON has the name in quotes once."""
    start = state.find(_RECORDED_AT) + len(_RECORDED_AT)
    if start < len(_RECORDED_AT):
        return None
    try:
        found = datetime.fromisoformat(state[start : state.index(b'"', start)].decode())
    except ValueError:
        return None
    return found if found.tzinfo else None


def write_log(
    file: BinaryIO, before: Seal, stretches: Iterable[Sealed], progress: Callable[[int], None] = lambda _: None
) -> Transferred:
    """Write stretches that go on after a seal; `progress` is told how many facts were written. Raises OSError."""
    facts = seals = 0
    after = json.encode(_After(before.number, before.size, before.position, before.head, before.nodes))
    writer = pq.ParquetWriter(file, SCHEMA.with_metadata({_AFTER: after}), **_WRITING)
    try:
        waiting: list[Sealed] = []
        for stretch in stretches:
            waiting.append(stretch)
            facts, seals = facts + len(stretch.facts), seals + 1
            if sum(len(one.facts) for one in waiting) >= ROW_GROUP:
                writer.write_batch(_as_rows(waiting))
                waiting = []
                progress(facts)
        if waiting:
            writer.write_batch(_as_rows(waiting))
            progress(facts)
        writer.close()
    except BaseException:
        abandon(writer)
        raise
    return Transferred(facts, seals)


def abandon(writer: Any) -> None:  # noqa: ANN401 (pyarrow has no types)
    """Close a writer whose file is of no use, so that it does not try by itself later."""
    try:
        writer.close()
    except (OSError, ValueError):
        writer.is_open = False


def _as_rows(stretches: Iterable[Sealed]) -> Any:  # noqa: ANN401 (pyarrow has no types)
    facts = [fact for one in stretches for fact in one.facts]
    seals: list[dict[str, Any] | None] = []
    for one in stretches:
        seals += [None] * (len(one.facts) - 1) + [_as_struct(one)]
    states = pa.array([fact.state for fact in facts], pa.binary())
    try:
        texts = states.cast(pa.string())
    except pa.ArrowInvalid:
        raise ProofError(f"a fact at positions {facts[0].position} to {facts[-1].position} is no text") from None
    ids = pa.array([fact.card_id.bytes for fact in facts], pa.binary(16))
    return pa.record_batch(
        [
            pa.array([fact.position for fact in facts], pa.int64()),
            pa.ExtensionArray.from_storage(pa.uuid(), ids),
            pa.array([fact.version for fact in facts], pa.int64()),
            pa.array([fact.name for fact in facts], pa.string()),
            pa.array([recorded_at(fact.state) for fact in facts], SCHEMA.field("recorded_at").type),
            texts,
            pa.array(seals, _SEAL),
        ],
        schema=SCHEMA,
    )


def _as_struct(one: Sealed) -> dict[str, Any]:
    ranges = as_ranges([fact.position for fact in one.facts])
    places = [place for each in ranges for place in (each.lower, (each.upper or 0) - 1)]
    return one.seal._asdict() | {"leaves": b"".join(one.hashes), "positions": places}


def open_log(file: BinaryIO, name: str) -> LogFile:
    """Open a file of this kind; what it says is not verified. Raises ParquetError, also while stretches are read."""
    with _reading(name):
        opened = pq.ParquetFile(file, page_checksum_verification=True, arrow_extensions_enabled=True, pre_buffer=False)
        if not opened.schema_arrow.remove_metadata().equals(SCHEMA):
            raise ParquetError(f"{name} is a Parquet file, but of no log of ours: it has other columns")
        try:
            after = json.decode((opened.schema_arrow.metadata or {}).get(_AFTER, b""), type=_After)
        except MsgspecError:
            raise ParquetError(f"{name} does not say after which seal it goes on") from None
    seal = Seal(after.number, after.size, after.position, after.head, after.nodes)
    return LogFile(seal, _stretches(opened, name))


def last_seal_of(file: BinaryIO, name: str) -> Seal:
    """The seal in the last row of a file; raises ParquetError."""
    with _reading(name):
        opened = pq.ParquetFile(file, page_checksum_verification=True)
        groups = opened.metadata.num_row_groups
        rows = opened.read_row_group(groups - 1, columns=["seal"]).column("seal") if groups else []
        seal = rows[-1].as_py() if len(rows) else None
        if seal is None:
            raise ParquetError(f"{name} is cut: it does not end with a seal")
        return _as_seal(seal)[0]


def _stretches(opened: Any, name: str) -> Iterator[ReadStretch]:  # noqa: ANN401 (pyarrow has no types)
    facts: list[LeafFact] = []
    times: list[datetime | None] = []
    for rows, moments, seals in _batches(opened, name):
        start = 0
        for place, seal in enumerate(seals):
            if seal is not None:
                facts += rows[start : place + 1]
                times += moments[start : place + 1]
                yield ReadStretch(*_as_seal(seal), facts, times)
                facts, times, start = [], [], place + 1
        facts += rows[start:]
        times += moments[start:]
    if facts:
        raise ParquetError(f"{name} is cut: no seal is over its last {len(facts)} facts")


def _batches(opened: Any, name: str) -> Iterator[tuple[list[LeafFact], list[Any], list[Any]]]:  # noqa: ANN401 (pyarrow has no types)
    """Facts, times and seals of some rows at a time."""
    with _reading(name):
        for batch in opened.iter_batches(batch_size=_BATCH, use_threads=False):
            columns = {field: batch.column(field) for field in SCHEMA.names}
            ids = [UUID(bytes=one) for one in columns["card_id"].storage.to_pylist()]
            texts = columns["fact"].cast(pa.binary()).to_pylist()
            others = (columns[field].to_pylist() for field in ("position", "version", "name"))
            positions, versions, names = others
            facts = [LeafFact(*one) for one in zip(positions, ids, versions, names, texts, strict=True)]
            yield facts, columns["recorded_at"].to_pylist(), columns["seal"].to_pylist()


def _as_seal(found: dict[str, Any]) -> tuple[Seal, Stretch]:
    leaves, places = found["leaves"], found["positions"]
    ranges = list(zip(places[::2], places[1::2], strict=False))
    positions: Sequence[int] = ()
    if sum(last - first + 1 for first, last in ranges if last >= first) == len(leaves) // HASH_BYTES:
        positions = [position for first, last in ranges for position in range(first, last + 1)]
    return Seal(**{field: found[field] for field in Seal._fields}), Stretch(split(leaves), list(positions))


@contextmanager
def _reading(name: str) -> Generator[None]:
    """What pyarrow says of a file that it cannot read, as one sentence; other errors of the system as they are."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        first, *_ = str(error).splitlines() or [type(error).__name__]
        raise ParquetError(f"{name} cannot be read as Parquet: {first.rstrip('.')}") from None
