"""The sealed log as a Parquet file: each fact as first stored, written and read a stretch at a time."""

from datetime import UTC, datetime
from functools import partial
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from adapters.parquet import ParquetError, log_files
from adapters.parquet.archive import stretches_after
from adapters.parquet.log_files import last_seal_of, open_log, recorded_at, write_log
from engine.store.log import read_log
from projections.audit.heads import HeadError, SealKey
from projections.audit.seals import last_seal, seals_from, stretches_between
from projections.audit.transfer import import_sealed, read_sealed, seals_between
from projections.audit.tree import ProofError
from tests.projections.audit.tampering import rows_of


def written(connection, keys, first=1, last=None):
    before, seals = seals_between(connection, first, last)
    file = BytesIO()
    done = write_log(file, before, read_sealed(connection, keys, before, seals))
    assert done == (seals[-1].size - before.size, len(seals))
    file.seek(0)
    return file


def test_a_row_is_a_fact_as_it_was_first_stored(sealed, keys):
    table = pq.read_table(written(sealed, keys))
    found = zip(*(table.column(name).to_pylist() for name in ("position", "card_id", "version", "name")), strict=True)
    facts = [text.encode() for text in table.column("fact").to_pylist()]
    assert [(*one, fact) for one, fact in zip(found, facts, strict=True)] == rows_of(sealed)
    assert table.column("recorded_at").to_pylist() == [one.recorded_at for one in read_log(sealed, 0, 100_000)]


def test_a_file_holds_the_seals_with_all_that_their_rows_have(sealed, keys, monkeypatch):
    monkeypatch.setattr(log_files, "ROW_GROUP", 40)
    monkeypatch.setattr(log_files, "_BATCH", 7)
    seals = seals_from(sealed, 1)
    file = written(sealed, keys, 3)
    assert pq.ParquetFile(file).metadata.num_row_groups > 1
    log = open_log(file, "log")
    read = list(log.stretches)
    assert log.after[:5] == seals[1][:5]
    assert [one.seal for one in read] == seals[2:]
    assert {one.seal.number: one.kept for one in read} == stretches_between(sealed, 3, seals[-1].number)
    assert last_seal_of(file, "log") == seals[-1]


def test_another_store_has_the_same_rows_and_seals(sealed, keys, other, tmp_path):
    file = tmp_path / "log.parquet"
    file.write_bytes(written(sealed, keys).getvalue())
    last = last_seal(sealed)
    assert import_sealed(other, keys, partial(stretches_after, [file])) == (last.size, last.number)
    assert rows_of(other) == rows_of(sealed)
    assert seals_from(other, 1) == seals_from(sealed, 1)


def test_a_file_that_does_not_fit_is_refused_and_nothing_of_it_is_left(sealed, keys, other, tmp_path):
    file = tmp_path / "log.parquet"
    file.write_bytes(written(sealed, keys, 2).getvalue())
    with pytest.raises(ProofError, match="the file goes on after seal 1, but the log ends with seal 0"):
        import_sealed(other, keys, partial(stretches_after, [file]))
    file.write_bytes(written(sealed, keys).getvalue())
    with pytest.raises(HeadError, match="not signed by a key that was given"):
        import_sealed(other, [SealKey.new("other").public], partial(stretches_after, [file]))
    assert rows_of(other) == []


def test_a_file_that_was_cut_or_is_something_else_is_refused_in_a_sentence(sealed, keys):
    whole = written(sealed, keys, 1, 2).getvalue()
    for cut in (b"", b"PAR1", whole[: len(whole) // 2], whole[:-1], whole[4:]):
        with pytest.raises(ParquetError, match=r"^log cannot be read as Parquet: [^\n]+$"):
            list(open_log(BytesIO(cut), "log").stretches)
    others = BytesIO()
    pq.write_table(pq.read_table(BytesIO(whole), columns=["position"]), others)
    with pytest.raises(ParquetError, match="of no log of ours"):
        open_log(others, "log")
    unmarked = BytesIO()
    pq.write_table(pq.read_table(BytesIO(whole)).replace_schema_metadata({}), unmarked)
    with pytest.raises(ParquetError, match="does not say after which seal it goes on"):
        open_log(unmarked, "log")
    unsealed = BytesIO()
    table = pq.read_table(BytesIO(whole))
    pq.write_table(table.slice(0, len(table) - 1), unsealed)
    with pytest.raises(ParquetError, match="is cut"):
        list(open_log(unsealed, "log").stretches)
    with pytest.raises(ParquetError, match="is cut"):
        last_seal_of(unsealed, "log")


def test_when_a_fact_was_recorded_is_read_from_it():
    assert recorded_at(b'{"recorded_at":"2027-01-31T12:00:00.5Z","x":1}') == datetime(
        2027, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC
    )
    for without in (b"x", b'{"recorded_at":"2027', b'{"recorded_at":"soon"}', b'{"recorded_at":"2027-01-31T12:00:00"}'):
        assert recorded_at(without) is None


def test_a_full_disk_is_an_error_of_the_system(sealed, keys):
    class Full(BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    before, seals = seals_between(sealed, 1, None)
    with pytest.raises(OSError, match="No space left on device"):
        write_log(Full(), before, read_sealed(sealed, keys, before, seals))
