"""The payment methods of a card: ordered, removed, told apart, and each there once."""

import re
from urllib.parse import unquote
from uuid import uuid4

import pytest
from msgspec.structs import replace

from engine.commands import BindPaymentMethod
from tests.adapters.web.pages.holders import NOW, PAYPAL, VISA, card_id_of
from tests.adapters.web.pages.test_renewal import OFF, PERIOD, facts_of


def test_methods_are_ordered_and_removed_but_never_the_last_one(lin, world):
    plus = card_id_of("plus")
    world.give(NOW, BindPaymentMethod(command_id="more", card_id=plus, method=PAYPAL))
    path = f"/cards/{plus}/methods"
    lin.post(path, {"do": "up:paypal", "command_id": str(uuid4())})
    assert lin.get(path).text.index("PayPal") < lin.get(path).text.index("Visa ending 4242")
    assert lin.post(path, {"do": "remove:paypal", "command_id": str(uuid4())}).to == path
    refused = lin.post(path, {"do": "remove:visa", "command_id": str(uuid4())})
    assert refused.status == 409
    assert "The only method stays while auto-renewal is on or a payment is under way." in refused.text
    assert facts_of(world, "plus")[-2:] == ["payment_methods_ordered", "payment_method_removed"]


@pytest.mark.parametrize("wanted", ["", "sideways:visa", "sideways:nothing", "up", "remove", "balance", "balance:zz"])
def test_a_button_that_no_page_has_changes_nothing(lin, world, wanted):
    before = facts_of(world, "plus")
    answer = lin.post(f"/cards/{card_id_of('plus')}/methods", {"do": wanted})
    assert answer.status == 404
    assert facts_of(world, "plus") == before


@pytest.mark.parametrize("wanted", ["up:nothing", "remove:nothing"])
def test_a_button_for_a_method_that_is_gone_says_so(lin, world, wanted):
    before = facts_of(world, "plus")
    answer = lin.post(f"/cards/{card_id_of('plus')}/methods", {"do": wanted})
    assert answer.status == 409
    assert "That payment method is not with this card any more." in answer.text
    assert facts_of(world, "plus") == before


def test_what_is_first_already_stays_first(lin, world):
    before = facts_of(world, "plus")
    assert lin.post(f"/cards/{card_id_of('plus')}/methods", {"do": "up:visa"}).status == 303
    assert facts_of(world, "plus") == before


def test_two_methods_of_the_same_name_are_told_apart_by_their_kind(lin, world):
    debit = replace(VISA, method_id="debit", kind="debit_card", token="sim:good:debit", fingerprint="fp-debit")
    world.give(NOW, BindPaymentMethod(command_id="debit", card_id=card_id_of("off"), method=debit))
    for path in ("/methods", "", "/renewal/payment"):
        lin.post(PERIOD, {"months": "1"})
        text = lin.get(f"{OFF}{path}").text
        assert "Visa ending 4242" in text
        assert "(Credit card)" in text
        assert "(Debit card)" in text
    assert "(Credit card)" not in lin.get(f"/cards/{card_id_of('plus')}").text


def test_a_method_of_another_card_of_the_same_name_is_told_apart_by_its_kind(lin, world):
    lin.post(PERIOD, {"months": "1"})
    debit = replace(VISA, method_id="debit", kind="debit_card", token="sim:good:debit", fingerprint="fp-debit")
    world.give(NOW, BindPaymentMethod(command_id="debit", card_id=card_id_of("plus"), method=debit))
    text = lin.get(f"{OFF}/renewal/payment").text
    assert re.search(r"Use Visa ending 4242 \(Debit card\) of card \+[\d ]+ too", text)
    assert re.search(r"Use PayPal of card \+[\d ]+ too", text)


def test_who_adds_a_payment_card_that_is_there_is_told_so(lin):
    lin.post(PERIOD, {"months": "1"})
    for path in ("/methods", "/renewal/payment"):
        assert "was with the card already" not in lin.get(f"{OFF}{path}").text
        assert "This payment card was with the card already." in lin.get(f"{OFF}{path}?renewed").text


def a_while_ago(world):
    """The holder has proved to be the holder eleven minutes ago."""
    world.connection.execute("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'")


def test_who_adds_or_removes_a_method_has_proved_of_late_to_be_the_holder_and_comes_back(lin, world):
    lin.post(PERIOD, {"months": "1"})
    before = facts_of(world, "off")
    a_while_ago(world)
    used = {"use": f"{card_id_of('short')}/paypal", "command_id": str(uuid4())}
    for path, form, back in (
        ("/methods/other", used, f"{OFF}/renewal/payment"),
        ("/methods", {"do": "remove:visa", "command_id": str(uuid4())}, f"{OFF}/methods"),
    ):
        confirming = lin.post(f"{OFF}{path}", form).to
        assert unquote(confirming) == f"/account/confirm?next={back}"
        assert "Confirm that it is you" in lin.get(confirming).text
        assert facts_of(world, "off") == before
        world.connection.execute("UPDATE sessions SET confirmed_at = now()")
        assert lin.get(confirming).to == back
        assert lin.get(back).status == 200
        lin.post(f"{OFF}{path}", form)
        assert facts_of(world, "off") != before
        before = facts_of(world, "off")
        a_while_ago(world)


def test_the_order_of_methods_is_changed_without_a_new_proof(lin, world):
    plus = card_id_of("plus")
    world.give(NOW, BindPaymentMethod(command_id="more", card_id=plus, method=PAYPAL))
    a_while_ago(world)
    lin.post(f"/cards/{plus}/methods", {"do": "up:paypal", "command_id": str(uuid4())})
    assert facts_of(world, "plus")[-1] == "payment_methods_ordered"
