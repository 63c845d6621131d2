"""A command without the setting by which the roles charge is refused in a sentence, and changes and asks nothing."""

import json

import psycopg
import pytest

from adapters.charged_through import charge_through
from adapters.settings import SettingsError
from tests.adapters.cards import FAR, card_id_of
from tests.adapters.cli.conftest import on_virtual_clock

SAID = (
    "the cards of this database are charged through the gateway stripe, and BAOHAO_GATEWAY is simulated; "
    "set BAOHAO_GATEWAY=stripe here, with what belongs to it, or use another database"
)
CARD = card_id_of(1)


@pytest.fixture(scope="module")
def installation(new_installation):
    """One that is charged through Stripe, and commands that were not told so."""
    fresh = on_virtual_clock(new_installation(), FAR)
    with psycopg.connect(fresh.database_url, autocommit=True) as connection:
        charge_through(connection, "stripe")
    return fresh


@pytest.fixture(scope="module")
def attempt_id(cards):
    """Of a charge of the card."""
    cards.register(1, token="cus_1/pm_1")
    [question] = cards.engine.wake({CARD: "test"}, cards.rules()[0], FAR).questions
    cards.project()
    return question.request.attempt_id


@pytest.mark.parametrize(
    "words",
    [
        "bind {card}",
        "refund {attempt}",
        "reconcile",
        "reconcile --apply",
        "replan",
        "charging resume",
        "restore begin --why disk",
        "limits allow fp-1 --why good",
    ],
    ids=lambda words: words.partition(" {")[0].replace(" ", "_"),
)
def test_it_is_refused_and_changes_nothing(installation, cards, attempt_id, words):
    before = cards.log()
    with pytest.raises(SettingsError) as refused:
        installation.run(*words.format(card=CARD, attempt=attempt_id).split())
    assert str(refused.value) == SAID
    assert cards.log() == before


def test_its_status_is_that_of_a_wrong_setting(installation, attempt_id):
    assert installation.ended("refund", attempt_id) == (78, "", f"{SAID}\n")


def test_a_role_without_the_setting_does_not_start(installation, attempt_id):
    assert installation.ended("run", "consumer") == (78, "", f"{SAID}\n")


def test_status_says_so_and_asks_no_gateway(installation, attempt_id):
    assert SAID in json.loads(installation.run("status", "--json").stdout)["problems"]


def test_charging_can_be_stopped_all_the_same(installation, attempt_id):
    assert installation.json("charging", "stop", "--why", "a bad night")["why"] == "a bad night"
