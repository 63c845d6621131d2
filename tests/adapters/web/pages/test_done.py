"""What is said after auto-renewal was switched on: done only when it is."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.commands import BindPaymentMethod
from engine.ports import Charged, Declined, Unclear
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of
from tests.adapters.web.pages.test_renewal import DONE, choose, confirm

CARD_ID = card_id_of("suspended")
HOME = f"/cards/{CARD_ID}"


@pytest.fixture
def done(lin, world):
    """The holder of a suspended card agrees to be charged now, by a method that is new; returns the last page."""
    method = replace(PAYPAL, token="sim:x")
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=CARD_ID, method=method))
    lin.post(f"{HOME}/renewal/period", {"months": "1"})
    lin.post(f"{HOME}/renewal/payment", {"first": "paypal"})
    review = lin.get(f"{HOME}/renewal/review")
    fields = {name: review.field(name) for name in ("command_id", "choice")}
    return lin.post(f"{HOME}/renewal/review", fields).to


def test_what_is_not_charged_today_is_done_at_once(lin):
    confirm(lin, choose(lin))
    page = lin.get(DONE)
    assert "Done Auto-renewal is on" in page.text
    assert "refresh" not in page.html


def test_before_anything_was_tried_the_payment_is_under_way(lin, done):
    page = lin.get(done)
    assert "Payment under way Auto-renewal is on" in page.text
    assert "¥28.00 is being charged. This page shows what came of it" in page.text
    assert f'http-equiv="refresh" content="3;url={HOME}/renewal/done?reference=' in page.html
    assert "Done" not in page.text
    assert "refresh" not in lin.get(f"{done}&n=20").html


def test_while_the_bank_has_not_answered_it_says_so(lin, world, done):
    world.live(CARD_ID, NOW, Unclear(reason="timeout"))
    page = lin.get(done)
    assert "Waiting for the bank Auto-renewal is on" in page.text
    assert "The bank has not answered yet." in page.text
    assert "Done" not in page.text
    assert "Look again" in page.text


def test_a_payment_that_failed_is_said_with_its_cause_and_what_to_do(lin, world, done):
    world.live(CARD_ID, NOW, Declined(code="insufficient_funds"))
    page = lin.get(done)
    assert "Service off Auto-renewal is on" in page.text
    assert "The last payment failed: insufficient funds." in page.text
    assert "Change payment method" in page.text
    assert "Done" not in page.text
    assert "refresh" not in page.html


def test_once_it_is_paid_it_is_done(lin, world, done):
    world.live(CARD_ID, NOW + timedelta(minutes=1), Charged)
    page = lin.get(done)
    assert "Done Auto-renewal is on" in page.text
    assert "is being charged" not in page.text
