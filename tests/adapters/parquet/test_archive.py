"""An archive grows by whole files, holds nothing that was not finished, and goes into an empty store."""

import subprocess
from functools import partial

import pytest

from adapters.parquet import ParquetError
from adapters.parquet import archive as archives
from adapters.parquet.archive import SUMS, add_to_archive, archived, last_of_archive, listed
from engine.store.log import head
from projections.audit.seals import NO_SEAL, last_seal, seals_from
from projections.audit.transfer import import_sealed
from projections.audit.tree import ProofError
from tests.adapters.parquet.conftest import seal_all
from tests.engine.random_histories import random_history, store_all
from tests.projections.audit.tampering import rows_of

FACTS_PER_FILE = 32


def names_in(folder):
    return sorted(one.name for one in folder.iterdir())


def test_files_are_named_by_their_facts_and_listed_with_their_sums(sealed, archive):
    sums = listed(archive)
    ends = [tuple(map(int, archives.NAME.fullmatch(name).groups())) for name in sums]
    assert [first for first, _ in ends] == [1, *(last + 1 for _, last in ends[:-1])]
    assert ends[-1][1] == last_seal(sealed).size
    assert len(ends) > 2
    assert names_in(archive) == sorted([SUMS, *sums])
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=archive, check=True)


def test_a_second_run_goes_on_behind_the_last_file(sealed, archive, keys, store):
    before = {name: (archive / name).read_bytes() for name in listed(archive)}
    assert add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE).files == 0
    store_all(store, [random_history(9, 20)])
    seal_all(sealed)
    done = add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)
    last = last_seal(sealed)
    assert (done.last_seal, done.last_fact, done.last_position) == (last.number, last.size, last.position)
    assert done.facts == last.size - max(int(name[-20:-8]) for name in before)
    assert {name: (archive / name).read_bytes() for name in before} == before
    assert last_of_archive(archive, listed(archive)) == last


def test_only_stretches_that_end_before_are_written(sealed, keys, tmp_path):
    second = seals_from(sealed, 2, 1)[0]
    done = add_to_archive(sealed, keys, tmp_path / "new", second.position + 1, FACTS_PER_FILE)
    assert (done.files, done.seals, done.last_position) == (1, 2, second.position)
    with pytest.raises(ParquetError, match="no stretch of the log that was sealed lies wholly before then"):
        add_to_archive(sealed, keys, tmp_path / "none", seals_from(sealed, 1, 1)[0].position - 1, FACTS_PER_FILE)
    assert not (tmp_path / "none").exists()


def test_what_a_killed_run_left_half_is_no_part_of_it_and_is_removed(sealed, archive, keys):
    for name in (max(listed(archive)), SUMS):
        (archive / f".{name}.unfinished").write_bytes(b"half")
    assert last_of_archive(archive, listed(archive)) == last_seal(sealed)
    add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)
    assert names_in(archive) == sorted([SUMS, *listed(archive)])


def list_first(archive, files):
    """Have only the first so many files listed, and return what was listed."""
    whole = (archive / SUMS).read_text()
    (archive / SUMS).write_text("".join(whole.splitlines(keepends=True)[:files]))
    return whole


@pytest.mark.parametrize("facts_per_file", [FACTS_PER_FILE, 1])
def test_a_file_that_was_not_listed_yet_is_taken_in_as_it_is(sealed, archive, keys, facts_per_file):
    whole = list_first(archive, -1)
    last = archive / whole.split()[-1]
    written = last.stat()
    done = add_to_archive(sealed, keys, archive, head(sealed), facts_per_file)
    assert (done.files, done.bytes, done.last_fact) == (1, written.st_size, last_seal(sealed).size)
    assert (archive / SUMS).read_text() == whole
    assert last.stat().st_mtime_ns == written.st_mtime_ns


def killed(*_):
    raise KeyboardInterrupt


def test_a_first_run_that_ended_before_it_listed_its_file_goes_on(sealed, keys, tmp_path, monkeypatch):
    folder = tmp_path / "archive"
    with monkeypatch.context() as patched:
        patched.setattr(archives, "sha256_of", killed)
        with pytest.raises(KeyboardInterrupt):
            add_to_archive(sealed, keys, folder, head(sealed), FACTS_PER_FILE)
    assert (len(names_in(folder)), listed(folder)) == (2, {})
    add_to_archive(sealed, keys, folder, head(sealed), FACTS_PER_FILE)
    assert names_in(folder) == sorted([SUMS, *listed(folder)])
    assert last_of_archive(folder, listed(folder)) == last_seal(sealed)


def content_of(folder):
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def emptied(archive):
    list_first(archive, 0)


def removed(archive):
    (archive / SUMS).unlink()


def shortened(archive):
    list_first(archive, -2)


def with_gap(archive):
    lines = (archive / SUMS).read_text().splitlines(keepends=True)
    (archive / SUMS).write_text("".join([lines[0], *lines[2:]]))


def with_flipped_bit(archive):
    last = archive / list_first(archive, -1).split()[-1]
    content = bytearray(last.read_bytes())
    content[200] ^= 1
    last.write_bytes(content)


def with_another_file_in_its_place(archive):
    names = list_first(archive, -1).split()[1::2]
    (archive / names[-1]).write_bytes((archive / names[0]).read_bytes())


def with_what_is_none_of_the_log(archive):
    (archive / "facts-000000009999-000000010001.parquet").write_bytes(b"half")


@pytest.mark.parametrize(
    "damage",
    [
        emptied,
        removed,
        shortened,
        with_gap,
        with_flipped_bit,
        with_another_file_in_its_place,
        with_what_is_none_of_the_log,
    ],
)
def test_where_the_list_is_damaged_no_file_is_removed_and_one_is_named(sealed, archive, keys, damage):
    damage(archive)
    before = content_of(archive)
    sentence = r"SHA256SUMS does not list facts-\d+-\d+\.parquet, so nothing was written: restore SHA256SUMS, or move "
    with pytest.raises(ParquetError, match=sentence):
        add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)
    assert content_of(archive) == before


def test_a_full_disk_leaves_no_half_file(sealed, keys, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    folder = tmp_path / "archive"
    add_to_archive(sealed, keys, folder, seals_from(sealed, 2, 1)[0].position, FACTS_PER_FILE)
    before = names_in(folder)
    monkeypatch.setattr("adapters.whole_files.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*parquet'"):
        add_to_archive(sealed, keys, folder, head(sealed), FACTS_PER_FILE)
    assert names_in(folder) == before


def test_a_first_run_that_fails_leaves_nothing(sealed, keys, tmp_path, monkeypatch):
    def full(file, *_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives, "write_log", full)
    there = tmp_path / "there"
    there.mkdir()
    for folder in (tmp_path / "archive", there):
        with pytest.raises(OSError, match="No space left on device"):
            add_to_archive(sealed, keys, folder, head(sealed), FACTS_PER_FILE)
    assert names_in(tmp_path) == ["there"]
    assert names_in(there) == []


def test_a_folder_of_something_else_is_refused(sealed, keys, tmp_path, archive, other, store):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ParquetError, match="is not empty, and no archive"):
        add_to_archive(sealed, keys, tmp_path, head(sealed), FACTS_PER_FILE)
    with pytest.raises(ParquetError, match="has no SHA256SUMS"):
        listed(tmp_path)
    (tmp_path / SUMS).write_text("x\n")
    with pytest.raises(ParquetError, match=r"line 1 of .* is none of an archive"):
        listed(tmp_path)
    (tmp_path / SUMS).write_bytes(b"\xff")
    with pytest.raises(ParquetError, match="is no list"):
        listed(tmp_path)
    sealed.execute("SET session_replication_role = replica")
    sealed.execute("DELETE FROM seals WHERE number > 1")
    with pytest.raises(ParquetError, match="is the archive of another log: its last seal, "):
        add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)


def test_one_process_at_a_time_writes_to_it(sealed, archive, keys):
    with (
        archives._alone(archive),
        pytest.raises(ParquetError, match="another process writes to"),
    ):
        add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)


def test_an_archive_goes_into_an_empty_store_and_later_files_behind_it(sealed, archive, keys, store, other):
    import_sealed(other, keys, partial(archived, archive))
    assert rows_of(other) == rows_of(sealed)
    assert seals_from(other, 1) == seals_from(sealed, 1)
    with pytest.raises(ProofError, match="nothing to add"):
        import_sealed(other, keys, partial(archived, archive))
    store_all(store, [random_history(9, 20)])
    seal_all(sealed)
    add_to_archive(sealed, keys, archive, head(sealed), FACTS_PER_FILE)
    import_sealed(other, keys, partial(archived, archive))
    assert rows_of(other) == rows_of(sealed)


def test_an_archive_with_a_gap_is_not_taken_and_nothing_is_left(sealed, archive, keys, other):
    lines = (archive / SUMS).read_text().splitlines(keepends=True)
    (archive / SUMS).write_text("".join([lines[0], *lines[2:]]))
    (archive / lines[1].split()[1]).unlink()
    with pytest.raises(ProofError, match="the file goes on after seal 4, but the log ends with seal 2"):
        import_sealed(other, keys, partial(archived, archive))
    assert rows_of(other) == []


def test_of_an_archive_whose_list_was_cut_nothing_is_taken(sealed, archive, keys, other):
    lines = (archive / SUMS).read_text().splitlines(keepends=True)
    (archive / SUMS).write_text("".join(lines[:-1]))
    with pytest.raises(ParquetError, match="does not list it: the archive was cut, or not finished"):
        import_sealed(other, keys, partial(archived, archive))
    assert rows_of(other) == []


def test_of_no_file_the_last_seal_is_none(tmp_path):
    assert last_of_archive(tmp_path, ()) == NO_SEAL
