"""What a page says of the payment that led to it: under way, paid, declined, awaited."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.commands import BindPaymentMethod
from engine.ports import Charged, Declined, Unclear
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of

FAILING, PLUS = card_id_of("failing"), card_id_of("plus")


def above(page):
    """What stands on a card's page before its future and its past."""
    return page.text.partition("Coming up")[0]


@pytest.fixture
def asked(lin):
    """The holder asked to be charged now; returns where that led."""
    path = f"/cards/{FAILING}/pay"
    page = lin.get(path)
    return lin.post(path, {name: page.field(name) for name in ("command_id", "since", "term", "minor")}).to


def test_until_it_is_known_the_page_says_that_it_is_charged_and_looks_again_for_a_minute(lin, asked):
    page = lin.get(asked)
    assert "¥21.00 is being charged. This page shows what came of it, and we tell you. Look again" in above(page)
    assert f'http-equiv="refresh" content="3;url={asked}&amp;n=1"' in page.html
    assert "refresh" not in lin.get(f"{asked}&n=20").html


def test_a_payment_that_was_made_is_named_with_its_receipt(lin, world, asked):
    world.live(FAILING, NOW + timedelta(minutes=1), Charged)
    page = lin.get(asked)
    assert "Renewed for 1 month, until" in above(page)
    assert "Paid ¥21.00, Visa ending 4242. Receipt" in above(page)
    assert "refresh" not in page.html


def test_a_payment_that_failed_is_named_with_its_cause(lin, world, asked):
    world.live(FAILING, NOW + timedelta(minutes=1), Declined(code="insufficient_funds"))
    page = lin.get(asked)
    assert "Payment of ¥21.00 failed: Visa ending 4242, insufficient funds." in above(page)
    assert 'role="alert"' in page.html
    assert "refresh" not in page.html


def test_while_the_bank_does_not_answer_the_page_says_so_and_looks_again(lin, world, asked):
    world.live(FAILING, NOW + timedelta(minutes=1), Unclear(reason="timeout"))
    page = lin.get(asked)
    assert "Your number is safe; we go on asking. Look again" in above(page)
    assert "refresh" in page.html


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Charged, "¥50.00 was added to the balance. Receipt"),
        (Declined(code="insufficient_funds"), "The top-up failed: insufficient funds."),
    ],
)
def test_a_top_up_is_told_of_alike(lin, world, answer, told):
    path = f"/cards/{PLUS}/top-up"
    page = lin.get(path)
    form = {name: page.field(name) for name in ("command_id", "since")} | {"do": "once", "amount": "50"}
    landed = lin.post(path, form).to
    assert lin.post(path, form).to == landed
    assert "¥50.00 is being charged." in above(lin.get(landed))
    world.live(PLUS, NOW + timedelta(minutes=1), answer)
    assert told in above(lin.get(landed))


def test_of_payments_that_were_before_nothing_is_said(lin, world):
    home = f"/cards/{FAILING}"
    for query in ("", "?since=", "?since=zz", "?since=999999", "?since=-1"):
        page = lin.get(f"{home}{query}")
        assert "failed: Visa ending 4242" not in above(page), query
        assert "refresh" not in page.html
    assert "failed: Visa ending 4242" in above(lin.get(f"{home}?since=0"))


def test_a_method_that_is_charged_at_once_is_announced_with_the_amount_and_told_of(lin, world):
    home = f"/cards/{card_id_of('suspended')}"
    lin.post(f"{home}/renewal/period", {"months": "1"})
    announced = "¥28.00 is due and is charged at once to the method that you add."
    assert announced in lin.get(f"{home}/renewal/payment").text
    landed = lin.post(f"{home}/methods/other", {"use": f"{card_id_of('short')}/paypal"}).to
    page = lin.get(landed)
    assert "¥28.00 is being charged." in page.text
    assert announced not in page.text
    world.live(card_id_of("suspended"), NOW + timedelta(minutes=1), Charged)
    page = lin.get(landed)
    assert "Paid ¥28.00, PayPal. Receipt" in page.text
    assert "is being charged" not in page.text


def test_where_nothing_is_charged_at_once_nothing_is_announced(lin, world):
    for name in ("off", "plus"):
        lin.post(f"/cards/{card_id_of(name)}/renewal/period", {"months": "1"})
        assert "is charged at once" not in lin.get(f"/cards/{card_id_of(name)}/renewal/payment").text


def test_a_consent_that_is_charged_at_once_names_the_payment_when_it_is_done(lin, world):
    card_id = card_id_of("suspended")
    home = f"/cards/{card_id}"
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=card_id, method=replace(PAYPAL, token="sim:x")))
    lin.post(f"{home}/renewal/period", {"months": "1"})
    lin.post(f"{home}/renewal/payment", {"first": "paypal"})
    review = lin.get(f"{home}/renewal/review")
    done = lin.post(f"{home}/renewal/review", {name: review.field(name) for name in ("command_id", "choice")}).to
    assert "Paid ¥28.00" not in lin.get(done).text
    world.live(card_id, NOW + timedelta(minutes=1), Charged)
    told = lin.get(done).text.partition("What happens next")[0]
    assert "Done Auto-renewal is on" in told
    assert "Paid ¥28.00, PayPal. Receipt" in told
