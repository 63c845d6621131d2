"""What stands on a card's own page besides its past, and the steps on the way to auto-renewal."""

import re
from datetime import date

import pytest
from msgspec.structs import replace

from engine.commands import BindPaymentMethod, OrderPaymentMethods
from tests.adapters.web.pages.holders import NOW, PAYPAL, VISA, card_id_of

PLUS, SUSPENDED = card_id_of("plus"), card_id_of("suspended")


def test_what_can_be_done_stands_before_the_history(lin):
    html = lin.get(f"/cards/{PLUS}").html
    places = [html.index(one) for one in ("<h2>Coming up", "<h2>Auto-renewal", "Turn off auto-renewal", "<h2>History")]
    assert places == sorted(places)


def test_a_method_that_cannot_pay_is_marked_and_no_try_is_offered_with_it_alone(lin, world):
    text = lin.get(f"/cards/{SUSPENDED}").text
    assert "Visa ending 4242 It could not pay the last time." in text
    assert "Try again now" not in text
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=SUSPENDED, method=PAYPAL))
    text = lin.get(f"/cards/{SUSPENDED}").text
    assert text.count("It could not pay the last time.") == 1
    assert "Try again now" in text
    assert "It could not pay" not in lin.get(f"/cards/{PLUS}").text


def test_that_the_balance_is_used_first_is_seen_on_the_card(lin, world):
    assert "Balance ¥0.00 Top up" in lin.get(f"/cards/{PLUS}").text
    order = {"method_ids": ("visa",), "balance_first": True}
    world.give(NOW, OrderPaymentMethods(command_id="first", card_id=PLUS, **order))
    assert "Balance ¥0.00, used first Top up" in lin.get(f"/cards/{PLUS}").text


def test_the_first_step_that_is_seen_names_itself_and_shows_the_two_before_as_done(lin):
    page = lin.get(f"/cards/{card_id_of('off')}/renewal/period")
    assert "Step 3 of 5: Period" in page.text
    steps = re.search('<ol class="steps".*?</ol>', page.html, re.DOTALL)[0]
    assert re.findall(r'<li( class="done")?(?: aria-current="step")?>', steps) == [' class="done"'] * 2 + [""] * 3


@pytest.mark.parametrize("methods", [(), (VISA,)])
def test_the_way_on_is_offered_only_with_a_method(lin, world, methods):
    bare = world.register("bare", "keep-basic", date(2026, 10, 1), 12, methods=methods)
    world.cards.project()
    lin.post(f"/cards/{bare}/renewal/period", {"months": "1"})
    page = lin.get(f"/cards/{bare}/renewal/payment")
    assert ("Continue" in page.text) is bool(methods)
    assert ("Use the balance first" in page.text) is bool(methods)
    assert re.search(r"Use PayPal of card \+61 [\d ]+ too", page.text)


def test_two_payment_cards_of_which_one_is_dead_are_marked_each_for_itself(lin, world):
    alive = replace(VISA, method_id="alive", last4="1881", fingerprint="fp-alive")
    world.give(NOW, BindPaymentMethod(command_id="alive", card_id=SUSPENDED, method=alive))
    text = lin.get(f"/cards/{SUSPENDED}").text
    assert "Visa ending 4242 It could not pay the last time. Update it or add another one. Visa ending 1881" in text


def test_who_has_auto_renewal_off_reads_when_they_are_reminded_of_the_end(lin):
    coming = lin.get(f"/cards/{card_id_of('off')}").text.partition("Coming up")[2]
    assert "2 Jan 2027 We remind you that the service ends." in coming
    assert "remind you that the service ends" not in lin.get(f"/cards/{PLUS}").text
