"""`baohao whatif`: real histories under other rules, as tables, JSON and a page; nothing is written."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from importlib import resources

import psycopg
import pytest

from adapters.cli.imagining import NothingToReplayError
from engine.actor import actor
from engine.card.evolve import replay
from engine.errors import CatalogueError, PolicyError, Refused
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Append, Store, Stream
from projections.follow import follow
from projections.live import LIVE
from tests.projections.whatif.years import lived

CARDS, MONTHS = 30, 6
FEW = 'version = "few"\nladder_days = [2]\nladder_then_every_days = 14\n'


def store_by_time(store: Store, histories) -> None:
    """Facts of many cards in the order of time, those of one moment together."""
    streams = {card_id: Stream(card_id, None, 0, None) for card_id in histories}
    moments = sorted({fact.at for facts in histories.values() for fact in facts})
    by_moment = {moment: {} for moment in moments}
    for card_id, facts in histories.items():
        for fact in facts:
            by_moment[fact.at].setdefault(card_id, []).append(fact)
    for cards in by_moment.values():
        appends = [_append(streams[card_id], tuple(facts), store) for card_id, facts in cards.items()]
        refusals = store.append_many(appends)
        assert (refusals.conflicts, refusals.limited) == (frozenset(), {})
        streams |= {one.stream.card_id: one.stored for one in appends}


def _append(stream: Stream, facts, store: Store) -> Append:
    card = replay(stream.card, stream.card_id, facts)
    ids = tuple(store.event_ids(len(facts)))
    return Append(stream, facts, card, None, "year", actor("system", "tests"), event_ids=ids)


@pytest.fixture(scope="module")
def installation(new_installation, tmp_path_factory):
    """One with a lived half-year of the demo's cards."""
    made = new_installation()
    made.migrate()
    pool = datastore(made.database_url, pool_size=1)
    store_by_time(Store(CardRecorder(pool)), lived(CARDS, MONTHS, 3, tmp_path_factory.mktemp("year")))
    pool.close()
    with psycopg.connect(made.database_url, autocommit=True) as connection:
        while follow(connection, LIVE, 1000).fact_count:
            pass
    return made


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "few.toml"
    file.write_text(FEW)
    return file


def all_rows(installation) -> dict[str, int]:
    with psycopg.connect(installation.database_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(f'SELECT count(*) FROM "{schema}"."{table}"').fetchone()[0]
            for schema, table in tables
        }


def test_both_replays_stand_beside_what_happened_and_nothing_is_written(installation, policy, tmp_path):
    before, page = all_rows(installation), tmp_path / "page.html"
    answer = installation.json("whatif", "--policy", policy, "--seeds", 2, "--html", page)
    assert all_rows(installation) == before
    assert {"since", "until", "cards", "seeds", "rows", "answers_today", "answers_other"} <= answer.keys()
    assert answer["seeds"] == [1, 2]
    assert answer["cards"] + sum(answer["left_out"].values()) == CARDS
    rows = {row["figure"]: row for row in answer["rows"] if row["section"] == "terms"}
    assert rows["renewed"]["happened"] > 50
    assert rows["renewed"]["today"]["mean"] == pytest.approx(rows["renewed"]["happened"], rel=0.05)
    assert rows["declines"]["other"]["mean"] < rows["declines"]["today"]["mean"]
    shown = page.read_text()
    assert f"{answer['cards']} cards from 2027-01-01 to 2027-06-" in shown
    assert shown.count("<h1>") == 1
    assert "<script" not in shown
    assert "http" not in shown
    elements = Elements()
    elements.feed(shown)
    assert elements.open == []


VOID = frozenset({"meta", "rect", "line", "polyline", "path"})


class Elements(HTMLParser):
    """Those that are open; fails where one is closed that is not the last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, _):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def test_for_people_it_is_tables_and_how_far_to_trust_them(installation, policy):
    done = installation.run("whatif", "--policy", policy, "--seeds", 1, COLUMNS="120")
    assert (done.exit_code, done.stderr) == (0, "")
    for words in ("recovered after it", "numbers lost", "least tries left", "charged, EUR", "few.toml", "difference"):
        assert words in done.stdout
    assert "their difference is the method's own error" in done.stdout
    assert "Answers by today's rules:" in done.stdout


def test_the_same_seeds_give_the_same_figures(installation, policy):
    asked = ("whatif", "--policy", policy, "--seed", 7, "--seeds", 1)
    assert installation.json(*asked) == installation.json(*asked)


def test_days_cards_and_a_plan_can_be_chosen(installation, policy):
    some = installation.json("whatif", "--policy", policy, "--seeds", 1, "--cards", 5, "--from", "2027-03-01")
    assert some["cards"] + sum(some["left_out"].values()) == 5
    assert some["since"] == "2027-03-01T00:00:00+00:00"
    month = installation.json(
        *("whatif", "--policy", policy, "--seeds", 1, "--from", "2027-03-01", "--to", "2027-03-31")
    )
    assert month["until"] == "2027-04-01T00:00:00+00:00"
    assert {row["figure"] for row in month["rows"] if row["section"] == "renewed in"} == {"2027-03"}
    plan = installation.json("whatif", "--policy", policy, "--seeds", 1, "--plan", "keep-us")
    assert 0 < plan["cards"] < CARDS


def test_another_catalogue_changes_what_is_charged(installation, tmp_path):
    shipped = (resources.files("engine") / "catalogue.toml").read_text("utf-8")
    file = tmp_path / "dearer.toml"
    file.write_text(shipped.replace("EUR = 270", "EUR = 540"))
    answer = installation.json("whatif", "--catalogue", file, "--seeds", 1)
    [euro] = [row for row in answer["rows"] if (row["figure"], row["currency"]) == ("charged", "EUR")]
    assert euro["other"]["mean"] > euro["today"]["mean"]


def test_wrong_words_are_wrong_usage(installation, policy):
    nothing = installation.run("whatif")
    assert nothing.exit_code == 2
    assert "say what would be otherwise" in " ".join(nothing.stderr.split())
    turned = installation.run("whatif", "--policy", policy, "--from", "2027-02-01", "--to", "2027-01-01")
    assert turned.exit_code == 2
    assert "2027-02-01 is after 2027-01-01" in " ".join(turned.stderr.split())
    assert installation.run("whatif", "--policy", "nowhere.toml").exit_code == 2


def test_bad_files_and_an_unknown_plan_are_one_sentence(installation, policy, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('version = "x"\nladder_days = [3, 1]\n')
    with pytest.raises(PolicyError, match=r"wrong\.toml:2: ladder_days: must be days in their order"):
        installation.run("whatif", "--policy", wrong)
    with pytest.raises(CatalogueError, match=r"wrong\.toml"):
        installation.run("whatif", "--catalogue", wrong)
    with pytest.raises(Refused, match="there is no plan 'gold'"):
        installation.run("whatif", "--policy", policy, "--plan", "gold")
    log = "the log goes from 2027-01-01 to 2027-0[67]-..$"
    for days in (("--from", "2030-01-01"), ("--to", "2026-01-01"), ("--from", "2030-01-01", "--to", "2031-01-01")):
        words = " ".join(days).replace("--", "")
        with pytest.raises(NothingToReplayError, match=f"^nothing is left to replay {words}: {log}"):
            installation.run("whatif", "--policy", policy, *days)


def test_the_last_day_that_there_is_is_the_end_of_the_log(installation, policy):
    words = ("whatif", "--policy", policy, "--seeds", 1, "--cards", 3)
    assert installation.json(*words, "--to", "9999-12-31") == installation.json(*words)


def test_a_page_is_never_written_over_a_file_of_rules(installation, policy, tmp_path):
    (tmp_path / "link.html").symlink_to(policy)
    in_force = tmp_path / "in_force.toml"
    in_force.write_text(FEW)
    for page in (policy, tmp_path / "link.html", in_force):
        done = installation.run("whatif", "--policy", policy, "--html", page, BAOHAO_POLICY=str(in_force))
        assert done.exit_code == 2
        assert "is a file of rules: name another one" in " ".join(done.stderr.replace("│", " ").split())
    assert policy.read_text() == in_force.read_text() == FEW


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_read(installation, policy, tmp_path):
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = installation.run("whatif", "--policy", policy, "--html", tmp_path / "none" / "page.html", **nowhere)
    assert done.exit_code == 2
    assert "there is no folder" in done.stderr


def test_an_empty_log_has_nothing_to_replay(new_installation, policy):
    fresh = new_installation()
    fresh.migrate()
    with pytest.raises(NothingToReplayError, match="the log is empty"):
        fresh.run("whatif", "--policy", policy)
    status, out, said = fresh.ended("whatif", "--policy", policy)
    assert (status, out, said) == (1, "", "the log is empty: there is no history to replay\n")


def test_a_bad_policy_ends_with_78_and_ctrl_c_with_one_word(installation, policy, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('version = "x"\nladder_days = [3, 1]\n')
    status, out, said = installation.ended("whatif", "--policy", wrong)
    assert (status, out, said) == (78, "", f"{wrong}:2: ladder_days: must be days in their order, each once\n")
    program = """
import os, signal
from projections.whatif import compared
compared.replay = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)
from adapters.cli import main
main()
"""
    command = [sys.executable, "-c", program, "whatif", "--policy", str(policy), "--html", str(tmp_path / "page.html")]
    environment = os.environ | installation.environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")
    assert not (tmp_path / "page.html").exists()
