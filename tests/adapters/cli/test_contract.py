"""`baohao contract build` writes what is generated, checks it, and refuses what would break a reader."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from adapters.broker.documents.building import FOLDER
from adapters.cli.app import app
from engine.errors import BaohaoError


@pytest.fixture
def folder(tmp_path):
    """A copy of the committed contract."""
    return shutil.copytree(FOLDER, tmp_path / "schemas")


def build(*options):
    done = CliRunner().invoke(app, ["contract", "build", *map(str, options), "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


def test_the_committed_contract_passes_the_check():
    assert build("--check")["written"] == 0


def test_a_missing_file_fails_the_check_and_is_written(folder):
    file = folder / "asyncapi.json"
    text = file.read_text("utf-8")
    file.unlink()
    with pytest.raises(BaohaoError, match=r"asyncapi\.json would change: run `baohao contract build`"):
        build("--check", "--folder", folder)
    assert build("--folder", folder)["written"] == 1
    assert file.read_text("utf-8") == text


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["build", "check"])
def test_what_would_break_a_reader_is_refused_and_nothing_is_written(folder, check):
    file = folder / "card_held.v1.json"
    former = json.loads(file.read_text("utf-8"))
    former["properties"]["until"] = {"type": "string"}
    file.write_text(json.dumps(former), "utf-8")
    with pytest.raises(BaohaoError, match=r"card_held\.v1: field until was removed\nGive the message a new version"):
        build(*check, "--folder", folder)
    assert json.loads(file.read_text("utf-8")) == former


def test_a_folder_without_examples_is_refused(tmp_path):
    with pytest.raises(BaohaoError, match=r"the example of card_registered\.v1 is missing or wrong"):
        build("--folder", tmp_path)
