"""`limits blocked` and `limits allow`: payment cards that a code has blocked for every card."""

from datetime import timedelta

import psycopg
import pytest

from adapters import allowing
from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, OrderPaymentMethods
from engine.errors import Refused
from engine.networks import NEVER
from engine.ports import Declined
from tests.adapters.cards import BEGIN
from tests.adapters.cli.conftest import on_virtual_clock

WHY = "its issuer vouches for it"
NOW = BEGIN + timedelta(days=5)


@pytest.fixture(scope="module")
def installation(new_installation):
    """One on the virtual clock."""
    return on_virtual_clock(new_installation(), NOW)


def blocked(cards, fingerprint, *numbers):
    """Cards with that payment card before another method: that of the first is stolen, the others learn it."""
    ids = cards.register(*numbers)
    for card_id in ids:
        method = PaymentMethod(method_id="visa", kind="credit_card", token="sim:lost:1", fingerprint=fingerprint)
        cards.give(BindPaymentMethod(command_id=f"visa-{card_id}", card_id=card_id, method=method))
        order = {"method_ids": ("visa", "pm-1"), "balance_first": False}
        cards.give(OrderPaymentMethods(command_id=f"order-{card_id}", card_id=card_id, **order))
    rules, _ = cards.rules()
    for card_id in ids:
        woken = cards.engine.wake({card_id: "test"}, rules, NOW)
        if card_id == ids[0]:
            [question] = woken.questions
            cards.engine.record([(question, Declined(code="stolen_card"))], rules, NOW)
    return ids


def ended(cards, card_id):
    stream = cards.engine._load([card_id], {})[card_id]
    return dict(stream.card.methods.ended)


def test_a_payment_card_is_allowed_again_also_on_the_cards_on_which_the_code_had_ended_it(
    installation, cards, monkeypatch
):
    ids = blocked(cards, "fp-7", 1, 2, 3)
    assert [ended(cards, one) for one in ids] == [{"visa": NEVER}] * 3
    [row] = installation.json("limits", "blocked")
    assert (row["fingerprint"], row["code"], row["until"], row["cards"]) == ("fp-7", "stolen_card", None, 3)
    assert row["since"].startswith("2027-01-06T00:00:00")

    with pytest.raises(Refused, match="say why"):
        installation.run("limits", "allow", "fp-7", "--why", " ")
    monkeypatch.setattr(allowing, "CARDS_AT_ONCE", 2)
    done = installation.json("limits", "allow", "fp-7", "--why", WHY)
    assert (done["fingerprint"], done["why"], done["cards"]) == ("fp-7", WHY, 3)
    assert [ended(cards, one) for one in ids] == [{}] * 3
    [fact] = [one for one in cards.log() if one.card_id == ids[1] and type(one.fact).__name__ == "PaymentMethodAllowed"]
    assert (fact.fact.reason, fact.actor) == (WHY, "operator:cli")
    assert installation.json("limits", "blocked") == []
    *_, last = installation.json("charging", "history")
    assert (last["what"], last["why"], last["by"]) == ("allowed fp-7", WHY, "operator:cli")


def test_what_a_killed_command_left_undone_is_done_when_it_is_given_again(installation, cards):
    [card_id] = blocked(cards, "fp-8", 4)
    cards.connection.execute("DELETE FROM card_events_blocked")  # as far as the first one came
    assert installation.json("limits", "allow", "fp-8", "--why", WHY)["cards"] == 1
    assert ended(cards, card_id) == {}
    with pytest.raises(Refused, match="is not blocked"):
        installation.run("limits", "allow", "fp-8", "--why", WHY)


def test_blocked_payment_cards_are_listed_page_by_page(installation, cards):
    with psycopg.connect(installation.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO card_events_blocked VALUES ('a'), ('b'), ('c')")
        connection.execute("INSERT INTO card_events_blocked VALUES ('over', %s)", (NOW - timedelta(hours=1),))
    second = installation.json("limits", "blocked", "--limit", 2, "--page", 2)
    assert [(row["fingerprint"], row["since"], row["cards"]) for row in second] == [("c", None, 0)]
    assert "blocked 1 to 2 of 3; --page 2 has the next" in installation.run("limits", "blocked", "--limit", 2).stdout
    assert max(map(len, installation.run("limits", "blocked").stdout.splitlines())) <= 80
    with pytest.raises(Refused, match="is not blocked"):
        installation.run("limits", "allow", "over", "--why", WHY)
