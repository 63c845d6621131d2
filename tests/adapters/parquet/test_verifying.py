"""Whatever is done to an archive is named, from its folder, a public key and heads alone."""

from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.parquet import ParquetError
from adapters.parquet.archive import SUMS, listed, sha256_of
from adapters.parquet.verifying import verify_archive
from projections.audit.heads import SealKey, read_head
from projections.audit.seals import last_seal, seals_from


@pytest.fixture
def files(archive):
    return [archive / name for name in listed(archive)]


def sentences_of(archive, keys, heads=()):
    return [one.sentence for one in verify_archive(archive, keys, heads).findings]


def forge(file, change):
    """Write a file anew with other rows, and list it with its new sum, as somebody would who hides what he did."""
    table = pq.read_table(file)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), file)
    sums = listed(file.parent) | {file.name: sha256_of(file)}
    (file.parent / SUMS).write_text("".join(f"{sums[name]}  {name}\n" for name in sums))


def with_value(table, name, place, value):
    column = table.column(name).combine_chunks()
    storage = column.storage if isinstance(column, pa.ExtensionArray) else column
    values = storage.to_pylist()
    values[place] = value(values[place])
    field = table.schema.field(name)
    changed = pa.array(values, storage.type)
    if isinstance(column, pa.ExtensionArray):
        changed = pa.ExtensionArray.from_storage(field.type, changed)
    return table.set_column(table.column_names.index(name), field, changed)


def without(table, place):
    return pa.concat_tables([table.slice(0, place), table.slice(place + 1)])


def position_at(file, place):
    return pq.read_table(file, columns=["position"]).column(0)[place].as_py()


def test_an_archive_that_nobody_touched_is_as_it_was_sealed(sealed, archive, keys):
    last = last_seal(sealed)
    heads = [read_head(seal.head) for seal in seals_from(sealed, 1)]
    shown = []
    assert verify_archive(archive, keys, heads, shown.append) == (last.size, last.number, 0, [])
    assert shown[-1] == last.size


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bit_is_named_with_its_file(files, archive, keys, seed):
    chance = Random(seed)
    file = chance.choice(files)
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    found = sentences_of(archive, keys)
    assert f"{file.name}: its bytes are not those that SHA256SUMS has" in found


@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_bit_of_a_forged_list_changes_no_fact_or_is_named(files, archive, keys, seed):
    chance = Random(seed)
    file = chance.choice(files)
    before = pq.read_table(file)
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    lines = (archive / SUMS).read_text()
    (archive / SUMS).write_text(lines.replace(lines[lines.index(file.name) - 66 :][:64], sha256_of(file)))
    if not sentences_of(archive, keys):
        assert pq.read_table(file).equals(before)


@pytest.mark.parametrize("place", [3, 20])
def test_a_changed_row_is_named_by_its_position(files, archive, keys, place):
    position = position_at(files[1], place)
    forge(files[1], lambda table: with_value(table, "fact", place, lambda text: text.replace("1", "2")))
    [found] = sentences_of(archive, keys)
    assert found.startswith(f"{files[1].name}: the fact at position {position} was altered; it is now ")


@pytest.mark.parametrize(
    ("name", "change"),
    [("card_id", lambda one: one[::-1]), ("version", lambda one: one + 1), ("name", lambda one: one + "x")],
)
def test_every_column_of_a_row_is_under_its_seal(files, archive, keys, name, change):
    position = position_at(files[1], 5)
    forge(files[1], lambda table: with_value(table, name, 5, change))
    assert f"the fact at position {position} was altered" in sentences_of(archive, keys)[0]


def test_a_time_that_is_not_the_facts_own_is_named(files, archive, keys):
    position = position_at(files[1], 5)
    forge(files[1], lambda table: with_value(table, "recorded_at", 5, lambda at: at.replace(year=2001)))
    [found] = sentences_of(archive, keys)
    assert found == f"{files[1].name}: recorded_at at position {position} is not what the fact says"


def test_a_missing_row_is_named_and_so_is_one_too_many(files, archive, keys):
    position = position_at(files[1], 5)
    forge(files[1], lambda table: without(table, 5))
    assert sentences_of(archive, keys) == [f"{files[1].name}: the fact at position {position} was removed"]
    other = position_at(files[0], 5)
    forge(files[0], lambda table: pa.concat_tables([table.slice(0, 6), table.slice(5)]))
    assert f"{files[0].name}: the fact at position {other} was inserted" in sentences_of(archive, keys)[0]


def test_rows_in_another_order_are_named(files, archive, keys):
    first, last = position_at(files[1], 16), position_at(files[1], 31)
    forge(
        files[1],
        lambda table: pa.concat_tables([table.slice(0, 20), table.slice(21, 1), table.slice(20, 1), table.slice(22)]),
    )
    [found] = sentences_of(archive, keys)
    assert found == f"{files[1].name}: the facts at positions {first} to {last} are not in their order"


def test_a_missing_seal_is_named(files, archive, keys):
    forge(files[1], lambda table: with_value(table, "seal", 15, lambda _: None))
    assert f"{files[1].name}: seal 3: it was removed, with those up to 3" in sentences_of(archive, keys)
    forge(files[0], lambda table: without(table, 15))
    found = sentences_of(archive, keys)
    assert f"{files[0].name}: seal 1: it was removed, with those up to 1" in found
    assert any("are not those of seal 2" in one for one in found)


def test_a_changed_seal_is_named(files, archive, keys):
    forge(files[1], lambda table: with_value(table, "seal", 15, lambda one: one | {"head": one["head"] + "x"}))
    assert "seal 3: this is no signed head" in sentences_of(archive, keys)[0]
    forge(files[0], lambda table: with_value(table, "seal", 15, lambda one: one | {"leaves": b"x" * 32}))
    assert "the hashes or positions kept with it were changed" in sentences_of(archive, keys)[0]


def test_a_file_that_is_missing_is_named_and_the_others_are_compared(files, archive, keys, sealed):
    files[1].unlink()
    verified = verify_archive(archive, keys)
    assert [one.sentence for one in verified.findings] == [f"{files[1].name} is missing"]
    assert 0 < verified.facts < last_seal(sealed).size


def test_a_file_that_is_not_listed_any_more_leaves_a_gap(files, archive, keys):
    for gone in (files[1], files[0]):
        lines = (archive / SUMS).read_text().splitlines(keepends=True)
        (archive / SUMS).write_text("".join(line for line in lines if gone.name not in line))
    *_, found = sentences_of(archive, keys)
    assert found.endswith("it goes on after seal 4, but no file is before it: 64 facts are missing")


def test_a_cut_end_is_shown_by_a_head_that_was_kept(files, archive, keys, sealed):
    lines = (archive / SUMS).read_text().splitlines(keepends=True)
    (archive / SUMS).write_text("".join(lines[:-1]))
    files[-1].unlink()
    assert sentences_of(archive, keys) == []
    last = last_seal(sealed)
    [found] = sentences_of(archive, keys, [read_head(last.head)])
    assert (
        found
        == f"the archive ends after {int(files[-2].name[-20:-8])} facts; the head that was given is of {last.size}"
    )


@pytest.mark.parametrize("kept", [0, 1])
def test_each_file_that_the_list_lacks_is_named(files, archive, keys, kept):
    lines = (archive / SUMS).read_text().splitlines(keepends=True)
    (archive / SUMS).write_text("".join(lines[:kept]))
    rest = "is there, but SHA256SUMS does not list it; what is in it was not compared"
    assert sentences_of(archive, keys) == [f"{file.name} {rest}" for file in files[kept:]]


def test_an_archive_of_no_file_is_nothing_that_was_verified(tmp_path, keys):
    (tmp_path / SUMS).touch()
    with pytest.raises(ParquetError, match="is an archive without any file, so there is nothing to verify"):
        verify_archive(tmp_path, keys)


def test_a_file_of_another_log_is_named(files, archive, keys):
    files[1].write_bytes(files[0].read_bytes())
    found = sentences_of(archive, keys)
    assert any("it goes on after seal 0, but the file before it ends with seal 2" in one for one in found)


def test_another_key_vouches_for_nothing(archive):
    found = sentences_of(archive, [SealKey.new("other").public])
    assert "seal 1: the head of 16 facts of 'baohao.example/archive' is not signed by a key that was given" in found[0]
    assert verify_archive(archive, [SealKey.new("other").public]).facts == 0
