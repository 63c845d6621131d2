"""`catalogue announce`: one announcement reaches every holder of a plan, once."""

import json

import psycopg
import pytest

from adapters import announcing
from engine.card.consent import PriceChangeAnnounced
from engine.commands import SwitchOffAutoRenew
from engine.errors import Refused
from engine.money import Money
from engine.policy import Policy
from tests.adapters.cards import BEGIN, cards_of
from tests.adapters.cli.conftest import on_virtual_clock
from tests.adapters.raised import RAISED, RAISED_PRICE, raised_catalogue

ANNOUNCE = ("catalogue", "announce", "keep-plus", RAISED, "--id", "spring")
ALL = {"cards": 7, "announced": 7, "unchanged": 0, "refused": 0, "failed": 0}


@pytest.fixture
def installation(new_installation, tmp_path):
    """One on the virtual clock, whose next prices are higher; each test has its own."""
    made = on_virtual_clock(new_installation(), BEGIN)
    made.environment["BAOHAO_CATALOGUE"] = str(raised_catalogue(tmp_path))
    return made


@pytest.fixture
def owner(installation):
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def cards(installation, owner):
    found, pool = cards_of(owner, installation.database_url, Policy().gateway_budget)
    yield found
    pool.close()


@pytest.fixture
def holders(cards, monkeypatch):
    """Seven cards that are renewed and one that is not; few are told at once."""
    monkeypatch.setattr(announcing, "CARDS_AT_ONCE", 3)
    ids = cards.register(*range(1, 9))
    cards.give(SwitchOffAutoRenew(command_id="off", card_id=ids[-1]))
    return ids


def announced(cards):
    return [one for one in cards.log() if isinstance(one.fact, PriceChangeAnnounced)]


def test_every_holder_of_the_plan_is_told_once_however_often_it_is_given(installation, holders, cards):
    assert installation.json(*ANNOUNCE) == {"id": "spring", **ALL}
    assert installation.json(*ANNOUNCE) == {"id": "spring", **ALL}
    told = announced(cards)
    assert {one.card_id for one in told} == set(holders[:-1])
    assert len(told) == len(holders) - 1
    assert {one.fact.price for one in told} == {Money(minor=RAISED_PRICE, currency="EUR")}
    assert {(one.actor, one.cause) for one in told} == {("operator:cli", f"spring:{one.card_id}") for one in told}


def test_under_another_id_those_who_know_are_not_told_again(installation, holders, cards):
    installation.json(*ANNOUNCE)
    again = installation.json(*ANNOUNCE[:-1], "again")
    assert (again["announced"], again["unchanged"]) == (0, 7)
    assert len(announced(cards)) == 7


def test_an_interrupted_one_says_how_it_goes_on(installation, holders, cards, monkeypatch):
    execute, calls = announcing.Engine.execute, []

    def interrupted(engine, issued, *rules_and_time):
        calls.append(len(issued))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return execute(engine, issued, *rules_and_time)

    monkeypatch.setattr(announcing.Engine, "execute", interrupted)
    stopped = installation.run(*ANNOUNCE)
    assert stopped.exit_code == 130
    assert "give it again with --id spring" in stopped.stderr
    assert len(announced(cards)) == 3
    assert installation.json(*ANNOUNCE) == {"id": "spring", **ALL}
    assert len(announced(cards)) == 7


def test_a_card_that_cannot_be_read_keeps_no_other_from_being_told(installation, holders, cards, owner):
    cards.project()
    owner.execute("DELETE FROM card_events_snapshots")
    owner.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    owner.execute("UPDATE card_events SET state = '\\x00' WHERE originator_id = %s", [holders[0]])
    done = installation.run(*ANNOUNCE, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout) == {"id": "spring", **ALL, "announced": 6, "failed": 1}
    assert "give it again with --id spring" in done.stderr


@pytest.mark.parametrize(
    ("plan", "version", "code"), [("keep-tea", RAISED, "unknown_plan"), ("keep-plus", "2030", "unknown_version")]
)
def test_what_the_catalogue_does_not_have_is_refused(installation, plan, version, code):
    with pytest.raises(Refused) as refused:
        installation.run("catalogue", "announce", plan, version)
    assert refused.value.code == code


def test_cards_are_not_counted_by_a_read_model_that_stands_still(installation, holders, cards):
    installation.run("projections", "pause", "cards", "--why", "a trial")
    with pytest.raises(announcing.BaohaoError, match="does not follow the log"):
        installation.run(*ANNOUNCE)
    assert announced(cards) == []
