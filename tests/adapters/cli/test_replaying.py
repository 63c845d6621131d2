"""Time travel: a card, its reasons and all read models as they stood, and what changed between two moments."""

import csv
import json

import psycopg
import pyarrow.parquet as pq
import pytest

from adapters.cli.moments import MomentError
from projections.audit.as_of import ReplayError
from projections.cards import CARDS
from projections.follow import follow
from projections.live import LIVE, MODELS
from tests.adapters.cards import BEGIN, card_id_of, commands_for

CARD = card_id_of(1)


@pytest.fixture(scope="module")
def told(installation, tmp_path_factory):
    """One card, whose facts were recorded now; returns moments before and after."""
    file = tmp_path_factory.mktemp("cards") / "cards.jsonl"
    file.write_text("\n".join(command.model_dump_json() for command in commands_for(1, "sim:good:x")))
    installation.json("import", file)
    recorded = [fact["recorded_at"] for fact in installation.json("card", "history", CARD)]
    assert recorded == sorted(recorded)
    return "2020-01-01", "2100-01-01T00:00:00"


def test_a_card_is_shown_as_it_was(installation, told):
    before, after = told
    shown = installation.json("card", "show", CARD, "--as-of", after)
    assert (shown["status"], shown["version"], shown["methods"]) == ("active", 3, 1)
    done = installation.run("card", "show", CARD, "--as-of", before)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"there was no card {CARD} on 2020-01-01 00:00:00 UTC" in done.stderr
    assert "as of 2100-01-01" in installation.run("card", "show", CARD, "--as-of", after).stdout


def test_a_card_says_why_as_of_a_moment(installation, told):
    before, after = told
    assert installation.json("card", "why", CARD, "--as-of", after) == installation.json("card", "why", CARD)
    assert installation.run("card", "why", CARD, "--as-of", before).exit_code == 1


def test_all_read_models_are_written_as_they_stood(installation, told, tmp_path):
    before, after = told
    counts = installation.json("audit", "replay", "--as-of", after, "--to", tmp_path / "then")
    assert (counts["position"], counts["cards"], counts["due"], counts["ledger"]) == (3, 1, 1, 0)
    [row] = csv.DictReader((tmp_path / "then" / "cards.csv").read_text().splitlines())
    assert row["card_id"] == str(CARD)
    with pytest.raises(MomentError, match="is not empty"):
        installation.run("audit", "replay", "--as-of", after, "--to", tmp_path / "then")
    with pytest.raises(MomentError, match="the log has no fact of 2020-01-01 00:00:00 UTC or before"):
        installation.run("audit", "replay", "--as-of", before, "--to", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_all_read_models_are_written_as_parquet_with_the_types_of_their_columns(installation, told, tmp_path):
    _, after = told
    words = ("audit", "replay", "--as-of", after, "--format", "parquet", "--to", tmp_path)
    counts = installation.json(*words)
    for model in MODELS:
        table = pq.read_table(tmp_path / f"{model.name}.parquet")
        assert table.column_names == [column.name for column in model.columns]
        assert len(table) == counts[model.name]
    [row] = pq.read_table(tmp_path / "cards.parquet").to_pylist()
    with psycopg.connect(installation.database_url) as connection:
        follow(connection, LIVE, 100)
        [live] = CARDS.select(connection, "")
    assert tuple(row.values()) == live
    with pytest.raises(MomentError, match="is not empty"):
        installation.run(*words)


def test_all_read_models_are_tables_of_a_new_schema_which_only_the_owner_may_create(installation, told):
    before, after = told
    owner = {"BAOHAO_OWNER_DATABASE_URL": installation.database_url}
    words = ("audit", "replay", "--as-of", after, "--to", "schema:january")
    with pytest.raises(ReplayError, match="only the owner of the database may create a schema: set BAOHAO_OWNER"):
        installation.run(*words)
    counts = json.loads(installation.run(*words, "--json", **owner).stdout)
    with psycopg.connect(installation.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM january.cards").fetchone() == (counts["cards"],)
    with pytest.raises(ReplayError, match="there is a schema january already; nothing was changed"):
        installation.run(*words, **owner)
    with pytest.raises(MomentError, match="the log has no fact of 2020-01-01"):
        installation.run("audit", "replay", "--as-of", before, "--to", "schema:none", **owner)
    assert installation.run(*words, "--format", "csv", **owner).exit_code == 2
    with psycopg.connect(installation.database_url) as connection:
        assert connection.execute("SELECT to_regnamespace('none') IS NULL").fetchone() == (True,)


def test_a_replay_that_fails_leaves_no_file(installation, told, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapters.whole_files.os.fsync", full)
    for kind in ("csv", "parquet"):
        for folder in (tmp_path / "new", tmp_path):
            with pytest.raises(OSError, match=f"No space left on device: '.*cards.{kind}'"):
                installation.run("audit", "replay", "--as-of", told[1], "--format", kind, "--to", folder)
            assert list(tmp_path.iterdir()) == []


def test_what_changed_between_two_moments_is_listed(installation, told):
    changes = installation.json("audit", "diff", *told)
    assert {"model": "cards", "key": str(CARD), "what": "added"} in changes
    assert str(CARD) in installation.run("audit", "diff", *told).stdout
    assert installation.json("audit", "diff", told[1], told[1]) == []
    assert "more; --limit shows them" in installation.run("audit", "diff", *told, "--limit", 1).stderr
    with pytest.raises(MomentError, match="the first moment is later than the second"):
        installation.run("audit", "diff", *reversed(told))


def test_under_a_virtual_clock_a_moment_is_one_of_that_clock(installation, told):
    moment = BEGIN.strftime("%Y-%m-%dT%H:%M:%S")
    answer = installation.run("card", "show", CARD, "--as-of", moment, BAOHAO_CLOCK="virtual")
    assert answer.exit_code == 0


def test_a_moment_is_written_plainly(installation, told):
    assert installation.run("card", "show", CARD, "--as-of", "yesterday").exit_code == 2
