"""The list of cards: its count and its order are those of what each card says of itself."""

import re
from datetime import timedelta

from msgspec.structs import replace

from adapters.web.pages.standing import NEEDS_HOLDER, RANK
from engine.commands import BindPaymentMethod, TopUp
from engine.money import Money
from engine.ports import Declined, Unclear
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of

WORDS = {
    "Service off": "suspended",
    "Grace period": "grace",
    "Payment failed": "payment_failed",
    "Cannot be renewed": "cannot_renew",
    "Waiting for the bank": "waiting",
    "Auto-renewal off": "auto_renew_off",
    "Active": "active",
}


def standings(lin):
    """As the cards show them, in the order of the list; the count above it is theirs."""
    page = lin.get("/cards")
    found = [WORDS[one] for one in re.findall(r'class="status [a-z]+">.*?</svg>([^<]+)</p>', page.html)]
    assert found == sorted(found, key=RANK.index)
    need = sum(one in NEEDS_HOLDER for one in found)
    assert f"6 cards. {need} need{'s' if need == 1 else ''} you." in page.text
    return found


def top_up_declined(world, code):
    plus = card_id_of("plus")
    world.give(NOW, TopUp(command_id="top-up", card_id=plus, amount=Money(minor=5000, currency="CNY")))
    world.live(plus, NOW + timedelta(minutes=1), Declined(code=code))
    world.cards.project()


def test_each_card_stands_where_it_says_that_it_stands(lin):
    assert standings(lin) == ["suspended", "payment_failed", "waiting", "auto_renew_off", "active", "active"]


def test_a_top_up_that_failed_needs_nobody_where_the_card_is_in_order(lin, world):
    top_up_declined(world, "insufficient_funds")
    assert standings(lin) == ["suspended", "payment_failed", "waiting", "auto_renew_off", "active", "active"]


def test_a_card_that_cannot_renew_needs_its_holder_whatever_ended_its_method(lin, world):
    top_up_declined(world, "expired_card")
    world.connection.execute("UPDATE cards SET last_decline = NULL")
    assert standings(lin) == ["suspended", "payment_failed", "cannot_renew", "waiting", "auto_renew_off", "active"]


def test_who_is_told_not_to_pay_again_is_not_told_that_the_card_needs_them(lin, world):
    off = card_id_of("suspended")
    new = replace(PAYPAL, token="sim:slow")
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=off, method=new))
    world.live(off, NOW + timedelta(minutes=1), Unclear(reason="timeout"))
    world.cards.project()
    assert standings(lin) == ["payment_failed", "waiting", "waiting", "auto_renew_off", "active", "active"]


def test_the_count_is_of_all_cards_whichever_are_found(lin):
    assert "6 cards. 2 need you." in lin.get("/cards?number=0142").text


def test_of_very_many_cards_those_that_end_first_are_ranked_and_no_card_is_left_out(lin, monkeypatch):
    everything = set(re.findall(r'href="(/cards/[0-9a-f-]{36})"', lin.get("/cards").html))
    monkeypatch.setattr("adapters.web.pages.listing.RANKED_MOST", 2)
    page = lin.get("/cards")
    assert set(re.findall(r'href="(/cards/[0-9a-f-]{36})"', page.html)) == everything
    assert "6 cards." in page.text
    for module in ("listing", "cards"):
        monkeypatch.setattr(f"adapters.web.pages.{module}.PAGE_SIZE", 4)
    pages = [lin.get(path).html for path in ("/cards", "/cards?page=2")]
    shown = [re.findall(r'href="(/cards/[0-9a-f-]{36})"', one) for one in pages]
    assert [len(set(one)) for one in shown] == [4, 2]
    assert set(shown[0]) | set(shown[1]) == everything
