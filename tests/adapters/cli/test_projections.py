"""`baohao projections`: how read models stand, pausing, rebuilding, and what they cannot follow."""

import json
from datetime import datetime

import psycopg
import pytest
from psycopg.errors import UndefinedTable

from adapters.cli import rebuilding
from adapters.roles.projector import step
from engine.errors import BaohaoError
from engine.store.log import head
from projections.follow import follow
from projections.live import LIVE, MODELS, differences
from projections.rebuild.building import RebuildError
from tests.adapters.cards import card_id_of, commands_for
from tests.adapters.cli.test_processes import NO_BROKER
from tests.journey.patience import until
from tests.projections.test_parked_cards import spoil

NAMES = [model.name for model in MODELS]
CARD = card_id_of(1)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    lines = [command.model_dump_json() for number in (1, 2) for command in commands_for(number, "sim:good:x")]
    path = tmp_path_factory.mktemp("cards") / "cards.jsonl"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def database(installation, file):
    """As the owner, with two cards in the log."""
    installation.json("import", file)
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        yield connection
        connection.execute("DELETE FROM skipped_facts")
        connection.execute("DELETE FROM parked_cards")


@pytest.fixture
def rebuild(installation):
    """The command's JSON, as the owner."""
    environment = {"BAOHAO_OWNER_DATABASE_URL": installation.database_url}

    def run(*words, status=0):
        done = installation.run("projections", *words, "--json", **environment)
        assert done.exit_code == status, done.stderr
        return json_of(done)

    return run


def json_of(done):
    return json.loads(done.stdout)


def follow_all(connection):
    while follow(connection, LIVE, 1000).fact_count:
        pass


def standing(installation):
    return {one["model"]: one for one in installation.json("projections", "status")["models"]}


def test_the_lag_of_each_model_is_shown_in_facts_and_seconds_until_it_has_followed(installation, database):
    before = standing(installation)
    assert list(before) == NAMES
    assert before["cards"]["behind"] == head(database) - before["cards"]["position"]
    follow_all(database)
    after = standing(installation)
    assert {(one["behind"], one["behind_s"], one["parked"]) for one in after.values()} == {(0, 0.0, 0)}
    assert {one["position"] for one in after.values()} == {head(database)}


def test_nobody_leads_where_no_projector_runs(installation, database):
    assert installation.json("projections", "status")["leader"] is None
    assert "led by nobody" in installation.run("projections", "status").stdout


def test_a_paused_model_is_shown_with_who_and_why_until_it_is_resumed(installation, database):
    done = installation.json("projections", "pause", "ledger", "--why", "the auditors are here")
    assert done["paused"] == ["ledger"]
    shown = standing(installation)["ledger"]
    assert (shown["paused_by"], shown["paused_why"]) == ("operator:cli", "the auditors are here")
    assert datetime.fromisoformat(shown["paused_at"]).tzinfo
    problem = "read models are paused: `baohao projections resume ledger` lets them go on"
    assert problem in json_of(installation.run("status", "--json"))["problems"]
    assert installation.json("projections", "resume", "all")["resumed"] == NAMES
    assert standing(installation)["ledger"]["paused_at"] is None


def test_a_changed_fold_says_that_a_rebuild_is_due_which_ends_it(installation, database, rebuild):
    follow_all(database)
    database.execute("UPDATE followers SET version = 0 WHERE name IN ('read_models.cards', 'read_models.cases')")
    sentence = "a rebuild is due after a change of the program: "
    assert f"{sentence}baohao projections rebuild cards cases" in installation.run("projections", "status").stderr
    problem = f"{sentence}`baohao projections rebuild cards cases`"
    assert problem in json_of(installation.run("status", "--json"))["problems"]
    assert [one["switched"] for one in rebuild("rebuild", "cards", "cases")["models"]] == [True, True]
    assert not any(one["rebuild_due"] for one in standing(installation).values())


def test_the_application_goes_on_with_rebuilt_models(installation, database, rebuild):
    follow_all(database)
    database.execute("UPDATE due SET wake_at = wake_at + interval '1 hour'")
    database.execute("DELETE FROM cases")
    dry = rebuild("rebuild", "all", "--dry-run", status=1)
    assert {one["model"]: one["different"] for one in dry["models"]} == dict.fromkeys(NAMES, 0) | {"due": 2}
    rebuild("rebuild", "all")
    assert not any(differences(database, 100).values())
    with psycopg.connect(installation.environment["DATABASE_URL"], autocommit=True) as application:
        follow_all(application)
        assert not any(differences(application, 100).values())
    assert [one["model"] for one in rebuild("rollback", "due", "cases")] == ["due", "cases"]
    assert differences(database, 100)["due"] == 4
    installation.migrate()
    rebuild("rebuild", "due")


def test_for_people_a_rebuild_is_a_table(installation, database):
    follow_all(database)
    environment = {"BAOHAO_OWNER_DATABASE_URL": installation.database_url}
    done = installation.run("projections", "rebuild", "cards", "--parallel", 1, **environment)
    assert done.exit_code == 0
    assert "is live now" in done.stdout


@pytest.mark.parametrize("words", ["rebuild cards cart", "rollback cart", "pause cart --why x", "resume cart"])
def test_an_unknown_name_is_refused_with_those_that_there_are(installation, words):
    with pytest.raises(BaohaoError, match=f"no read model 'cart'; there are {', '.join(NAMES)}, all"):
        installation.run("projections", *words.split())


def test_a_rebuild_by_the_application_is_refused(installation, database):
    with pytest.raises(RebuildError, match=r"only the owner of the tables .* set BAOHAO_OWNER_DATABASE_URL"):
        installation.run("projections", "rebuild", "cards")


def test_a_pause_without_a_reason_is_refused(installation, database):
    with pytest.raises(BaohaoError, match="a reason is missing"):
        installation.run("projections", "pause", "cards", "--why", " ")


def test_a_rebuild_for_which_the_disk_is_too_small_is_refused():
    with pytest.raises(BaohaoError, match="needs about 101 MiB of disk, and 50 MiB are free; nothing was changed"):
        rebuilding.refuse_short_disk(50 * 2**20, 100 * 2**20)
    rebuilding.refuse_short_disk(None, 100 * 2**20)  # the server is elsewhere


def test_a_fact_that_cannot_be_taken_is_skipped_with_a_reason_that_auditors_find(installation, database, rebuild):
    follow_all(database)
    position = spoil(database, CARD)
    follow_all(database)
    [listed] = [one for one in installation.json("projections", "parked", "list") if one["model"] == "cards"]
    assert (listed["card_id"], listed["position"]) == (str(CARD), position)
    done = installation.run("projections", "parked", "retry", "--json")
    assert (done.exit_code, json_of(done)) == (1, {"retried": 1, "still_parked": 1})
    with pytest.raises(RebuildError, match=f"cards cannot take the fact at position {position} of card {CARD}"):
        rebuild("rebuild", "cards")
    for name in NAMES:
        done = installation.json("projections", "parked", "skip", name, CARD, "--why", "a test's rubbish")
        assert done == {"model": name, "card_id": str(CARD), "skipped": position, "parked_at": None}
    assert installation.json("projections", "parked", "list") == []
    skipped = installation.json("projections", "parked", "list", "--skipped")
    assert {(one["reason"], one["skipped_by"], one["position"]) for one in skipped} == {
        ("a test's rubbish", "operator:cli", position)
    }
    rebuild("rebuild", "cards")
    assert not any(differences(database, 100).values())


def test_what_is_not_parked_is_not_skipped_or_retried(installation, database):
    follow_all(database)
    with pytest.raises(BaohaoError, match=f"card {card_id_of(2)} is not parked for cards; nothing was changed"):
        installation.run("projections", "parked", "skip", "cards", card_id_of(2), "--why", "x")
    with pytest.raises(BaohaoError, match=f"card {card_id_of(2)} is not parked; `baohao projections parked list`"):
        installation.run("projections", "parked", "retry", card_id_of(2))


def test_a_killed_projector_is_replaced_and_each_says_that_a_rebuild_is_due(new_installation):
    fresh = new_installation()
    fresh.migrate()

    def leader():
        return fresh.json("projections", "status")["leader"]

    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO followers (name, position, version) VALUES ('read_models.due', 0, 0)")
    with fresh.process("run", "projector", NATS_URL=NO_BROKER) as first:
        until(leader)
        with fresh.process("run", "projector", NATS_URL=NO_BROKER) as second:
            killed = leader()
            first.kill()
            until(lambda: leader() not in {None, killed})
            second.terminate()
            _, err = second.communicate(timeout=60)
    said = [json.loads(line) for line in err.splitlines() if "rebuild_due" in line]
    assert [(one["models"], one["command"]) for one in said] == [(["due"], "baohao projections rebuild due")]


def test_what_a_step_failed_of_is_shown(installation, database, tmp_path):
    more = tmp_path / "more.jsonl"
    more.write_text("\n".join(command.model_dump_json() for command in commands_for(3, "sim:good:x")))
    with psycopg.connect(installation.environment["DATABASE_URL"], autocommit=True) as application:
        follow_all(application)
        installation.json("import", more)
        database.execute("ALTER TABLE due RENAME TO away")
        with pytest.raises(UndefinedTable):
            step(application)
        database.execute("ALTER TABLE away RENAME TO due")
    failure = standing(installation)["cards"]["failure"]
    assert failure.startswith('relation "public.due" does not exist')
    assert "last error at" in installation.run("projections", "status").stderr
