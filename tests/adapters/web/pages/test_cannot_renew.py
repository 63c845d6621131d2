"""Auto-renewal is on, and nothing can be charged: the holder reads that, why, and what to do."""

from datetime import timedelta

import pytest

from engine.commands import OrderPaymentMethods, TopUp
from engine.money import Money
from engine.ports import Charged, Declined
from tests.adapters.web.pages.holders import NOW, card_id_of

PLUS = card_id_of("plus")


def top_up(world, minor, answer):
    world.give(NOW, TopUp(command_id=world.id(), card_id=PLUS, amount=Money(minor=minor, currency="CNY")))
    world.live(PLUS, NOW + timedelta(minutes=1), answer)
    world.cards.project()


@pytest.fixture
def dead(world):
    """The only method of a card in order is declined for good, as a top-up is tried."""
    top_up(world, 5000, Declined(code="expired_card"))
    return world


def test_a_card_with_a_dead_method_is_not_in_order(lin, dead):
    text = lin.get("/cards").text
    assert "+44 7700 900142 Cannot be renewed" in text
    assert "No payment method can be charged. Unless you change that, service goes off on" in text


def test_its_page_says_consequence_cause_and_remedy(lin, dead):
    text = lin.get(f"/cards/{PLUS}").text
    assert "Auto-renewal has nothing to charge: service goes off on 14 March 2027" in text
    assert "Visa ending 4242 cannot be charged any more: the card has expired, or its expiry date is wrong." in text
    assert "Add or update a payment method, and the card is renewed as agreed. Change payment method" in text
    assert "Try again now" not in text
    assert "Service goes off. No calls or messages" in text


def test_the_same_in_chinese(other, dead):
    dead.connection.execute("UPDATE accounts SET language = 'zh-CN'")
    other.token = dead.tokens["h-lin"]
    assert "Visa 尾号 4242已不能扣款：卡已过期，或有效期不对。" in other.get(f"/cards/{PLUS}").text
    assert "无法续费" in other.get("/cards").text


def test_a_card_whose_balance_pays_for_the_term_is_in_order(lin, world):
    top_up(world, 50_000, Charged)
    world.give(
        NOW,
        OrderPaymentMethods(command_id=world.id(), card_id=PLUS, method_ids=("visa",), balance_first=True),
    )
    top_up(world, 5000, Declined(code="expired_card"))
    assert "+44 7700 900142 Active" in lin.get("/cards").text
