"""The sealed log as Parquet files: exported and imported, archived and verified from there alone."""

import json
import resource

import psycopg
import pyarrow.parquet as pq
import pytest

from adapters import parquet
from adapters.cli.moments import MomentError
from engine.errors import BaohaoError
from tests.adapters.cli.conftest import Installation

AFTER, BEFORE = "2100-01-01", "2020-01-01T00:00:00"


@pytest.fixture
def archive(installation, public, tmp_path):
    """Of both seals, in a file each."""
    folder = tmp_path / "archive"
    words = ("--before", AFTER, "--to", folder, "--facts-per-file", 4, "--key", public)
    done = installation.json("audit", "archive", *words)
    assert done.pop("bytes") == sum(one.stat().st_size for one in folder.glob("*.parquet"))
    assert done.pop("bytes_per_fact") > 100
    assert done == {"files": 2, "facts": 6, "seals": 2, "last_seal": 2, "last_fact": 6, "last_position": 6}
    return folder


def test_a_sealed_log_goes_through_parquet_into_another_installation(installation, new_installation, public, tmp_path):
    file = tmp_path / "log.parquet"
    words = ("audit", "export", file, "--format", "parquet", "--key", public)
    assert installation.json(*words) == {"facts": 6, "seals": 2}
    assert pq.read_table(file).column("position").to_pylist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(FileExistsError):
        installation.run(*words)
    other = new_installation()
    other.migrate()
    words = ("audit", "import", file, "--key", public, "--json")
    done = other.run(*words, BAOHAO_OWNER_DATABASE_URL=other.database_url)
    assert done.stdout == '{"facts": 6, "seals": 2}\n'
    assert other.json("audit", "head") == installation.json("audit", "head")


def test_an_archive_is_verified_without_a_database(installation, public, archive, tmp_path):
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    verify = ("audit", "verify", "--archive", archive, "--key", public)
    said = installation.run(*verify, **nowhere).stdout
    assert said.startswith("6 facts under 2 seals compared; all are as they were sealed\nwhether facts were cut off")
    head = tmp_path / "head"
    head.write_text(installation.run("audit", "head").stdout)
    assert installation.run(*verify, "--head", head, **nowhere).exit_code == 0
    second = max(archive.glob("*.parquet"))
    content = second.read_bytes()
    second.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    done = installation.run(*verify, "--json", **nowhere)
    assert done.exit_code == 1
    assert f"{second.name}: its bytes are not those that SHA256SUMS has" in [
        one["sentence"] for one in json.loads(done.stdout)["findings"]
    ]


@pytest.mark.parametrize("kept", [0, 1])
def test_where_the_list_is_damaged_nothing_is_removed_and_the_verification_fails(installation, public, archive, kept):
    sums = archive / "SHA256SUMS"
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:kept]))
    (archive / "facts-000000000007-000000000008.parquet").write_bytes(b"half")
    before = {one.name for one in archive.iterdir()}
    status, out, said = installation.ended("audit", "archive", "--before", AFTER, "--to", archive, "--key", public)
    assert (status, out) == (1, "")
    assert "SHA256SUMS does not list facts-" in said
    assert {one.name for one in archive.iterdir()} == before
    done = installation.run("audit", "verify", "--archive", archive, "--key", public)
    assert done.exit_code == 1
    assert "does not list it" in " ".join(done.stdout.split())
    assert "all are as they were sealed" not in done.stdout


def test_an_archive_without_files_is_not_verified(installation, public, tmp_path):
    (tmp_path / "SHA256SUMS").touch()
    status, out, said = installation.ended("audit", "verify", "--archive", tmp_path, "--key", public)
    assert (status, out) == (1, "")
    assert said == f"{tmp_path} is an archive without any file, so there is nothing to verify\n"


def test_lines_are_imported_from_standard_input(installation, new_installation, public, tmp_path):
    file = tmp_path / "log.jsonl"
    installation.json("audit", "export", file, "--key", public)
    other = new_installation()
    other.migrate()
    owned = Installation(other.environment | {"BAOHAO_OWNER_DATABASE_URL": other.database_url})
    words = ("audit", "import", "-", "--key", public, "--json")
    assert owned.ended_with(file.read_text(), *words).stdout == '{"facts": 6, "seals": 2}\n'


def test_an_archive_goes_into_an_empty_installation(installation, new_installation, public, archive):
    other = new_installation()
    other.migrate()
    words = ("audit", "import", archive, "--key", public, "--json")
    done = other.run(*words, BAOHAO_OWNER_DATABASE_URL=other.database_url)
    assert done.stdout == '{"facts": 6, "seals": 2}\n'
    assert other.json("audit", "head") == installation.json("audit", "head")


def test_a_second_run_has_nothing_to_add_and_the_log_is_whole(installation, public, archive):
    done = installation.run("audit", "archive", "--before", AFTER, "--to", archive, "--key", public, "--json")
    assert (json.loads(done.stdout)["files"], json.loads(done.stdout)["last_fact"]) == (0, 6)
    assert done.stderr == "the log keeps these facts as well: it is only added to\n"
    with psycopg.connect(installation.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM card_events").fetchone() == (6,)


def test_bad_input_is_refused_in_a_sentence_and_nothing_is_written(installation, public, tmp_path):
    to = tmp_path / "new"
    for before in (BEFORE, "0001-01-01"):
        with pytest.raises(MomentError, match="the log has no fact from before"):
            installation.run("audit", "archive", "--before", before, "--to", to, "--key", public)
    assert not to.exists()
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(BaohaoError, match="is not empty, and no archive"):
        installation.run("audit", "archive", "--before", AFTER, "--to", tmp_path, "--key", public)
    with pytest.raises(BaohaoError, match="is no archive: it has no SHA256SUMS"):
        installation.run("audit", "verify", "--archive", to, "--key", public)
    for words in (
        ("export", to, "--format", "xml"),
        ("archive", "--before", "soon", "--to", to),
        ("archive", "--before", AFTER, "--to", to, "--facts-per-file", 0),
        ("verify", "--archive", to, "--parallel", 2),
    ):
        done = installation.run("audit", *words, "--key", public)
        assert (done.exit_code, done.stdout) == (2, "")
    with pytest.raises(FileNotFoundError):
        installation.run("audit", "import", to, "--key", public)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(BaohaoError, match=r"cut\.parquet cannot be read as Parquet: "):
        installation.run(
            *("audit", "import", tmp_path / "cut.parquet", "--key", public),
            BAOHAO_OWNER_DATABASE_URL=installation.database_url,
        )
    assert not to.exists()


def test_without_pyarrow_a_sentence_says_what_to_install(installation, public, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "find_spec", lambda _: None)
    for words in (
        ("export", tmp_path / "new", "--format", "parquet"),
        ("archive", "--before", AFTER, "--to", tmp_path / "new"),
        ("verify", "--archive", tmp_path / "new"),
    ):
        with pytest.raises(BaohaoError, match=r"pip install 'baohao\[parquet\]'"):
            installation.run("audit", *words, "--key", public)
    assert not (tmp_path / "new").exists()


def test_where_no_more_can_be_written_no_half_file_is_left(installation, public, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    file = tmp_path / "log.parquet"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: '.*log\.parquet'"):
            installation.run("audit", "export", file, "--format", "parquet", "--key", public)
        with pytest.raises(OSError, match=r"File too large: '.*log\.parquet'"):
            installation.run("audit", "export", file, "--key", public)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
