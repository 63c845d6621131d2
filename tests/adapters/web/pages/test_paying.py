"""What the page says that asks for a payment now."""

from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.control import move_clock
from engine.commands import (
    BindPaymentMethod,
    ChangePeriod,
    HoldCard,
    OrderPaymentMethods,
    SwitchOffAutoRenew,
    TopUp,
)
from engine.money import Money
from engine.ports import Charged, Declined
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of


def test_after_a_change_of_the_period_the_page_shows_what_would_be_charged_now(lin, world):
    path, card_id = f"/cards/{card_id_of('failing')}/pay", card_id_of("failing")
    before = lin.get(path)
    words = {"months": 12, "terms_version": "tests", "channel": "web"}
    world.give(NOW, ChangePeriod(command_id=world.id(), card_id=card_id, **words))
    page = lin.get(path)
    assert "Every 12 months" in page.text
    assert int(page.field("minor")) > int(before.field("minor"))


def test_who_pays_ahead_is_told_that_nothing_is_due(lin):
    assert "Nothing is due: the card is paid until" in lin.get(f"/cards/{card_id_of('plus')}/pay").text


def test_while_a_restored_database_is_looked_up_the_holder_is_told_when_to_try_again(lin, world):
    world.connection.execute(
        "UPDATE control SET restored_since = %(at)s, restored_until = %(at)s, restore_open = true", {"at": NOW}
    )
    path = f"/cards/{card_id_of('failing')}/pay"
    page = lin.get(path)
    form = {"term": page.field("term"), "minor": page.field("minor"), "command_id": str(uuid4())}
    refused = lin.post(path, form)
    assert refused.status == 409
    assert "Payments are being checked at the moment. Nothing was charged. Try again tomorrow." in refused.text
    top_up = lin.post(f"/cards/{card_id_of('plus')}/top-up", {"do": "once", "amount": "50", "command_id": str(uuid4())})
    assert "Try again tomorrow." in top_up.text


def test_a_form_that_was_used_for_something_else_says_so(lin):
    path, command_id = f"/cards/{card_id_of('plus')}/top-up", str(uuid4())
    assert lin.post(path, {"do": "once", "amount": "50", "command_id": command_id}).to
    again = lin.post(path, {"do": "once", "amount": "60", "command_id": command_id})
    assert again.status == 409
    assert "This form was used already, for something else." in again.text


@pytest.fixture
def suspended(world):
    """A card whose service is off, and that a new method may pay for."""
    card_id = card_id_of("suspended")
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=card_id, method=PAYPAL))
    return card_id


def test_what_is_due_of_a_card_that_is_off_is_broken_down(lin, suspended):
    text = lin.get(f"/cards/{suspended}/pay").text
    assert "Due now ¥28.00 Every month ¥21.00 Once, for switching service on again ¥7.00" in text
    assert "Every month ¥28.00" not in text


def test_the_alert_of_a_card_that_is_off_says_the_sum_and_its_date_once(lin, suspended):
    text = lin.get(f"/cards/{suspended}").text
    alert = text[text.index("Service is off, and the number is lost on") : text.index("Coming up")]
    assert "¥28.00 is due, ¥21.00 for the term and ¥7.00 once for switching on; once it is paid, service is on" in alert
    assert alert.count("February 2027") == 1
    assert "unless ¥28.00 is paid" in lin.get("/cards").text


def test_who_asks_to_pay_while_auto_renewal_is_off_reads_why_that_page_comes(lin, world, suspended):
    world.give(NOW, SwitchOffAutoRenew(command_id="off", card_id=suspended))
    landed = lin.get(f"/cards/{suspended}/pay").to
    told = lin.get(landed).text
    assert "Auto-renewal is off, so no payment is due by itself." in told
    assert "Turning it on is charged at once and restores the service." in told
    assert "Auto-renewal is off, so" not in lin.get(landed.partition("?")[0]).text
    assert "Turning auto-renewal on is charged at once and restores the service." in lin.get(f"/cards/{suspended}").text
    active = lin.get(f"/cards/{card_id_of('off')}/pay").to
    assert "To pay for the next term, turn it on." in lin.get(active).text


def test_a_payment_of_which_the_balance_paid_a_part_is_told_in_both_parts_everywhere(lin, world):
    card_id = card_id_of("plus")
    world.give(NOW, TopUp(command_id="top-up", card_id=card_id, amount=Money(minor=1240, currency="CNY")))
    world.live(card_id, NOW + timedelta(minutes=1), Charged)
    order = {"method_ids": ("visa",), "balance_first": True}
    world.give(NOW + timedelta(minutes=2), OrderPaymentMethods(command_id="first", card_id=card_id, **order))
    world.live(card_id, NOW + timedelta(days=120), Charged)
    history = lin.get(f"/cards/{card_id}").text
    assert "Paid ¥182.40: ¥170.00 by Visa ending 4242, ¥12.40 from the balance." in history
    query = "SELECT attempt_id FROM charges WHERE status = 'succeeded' AND top_up IS NULL"
    world.cards.project()
    [attempt_id] = world.connection.execute(query).fetchone()
    receipt = lin.get(f"/receipts/{attempt_id}").text
    assert "Renewal for 12 months ¥182.40" in receipt
    assert "Paid with Visa ending 4242: ¥170.00 Balance: ¥12.40" in receipt
    assert "renewal ¥182.40" in lin.get("/receipts").text


def test_a_card_that_an_alarm_holds_is_not_said_to_be_held_by_the_support(lin, world):
    card_id = card_id_of("plus")
    world.give(NOW, TopUp(command_id="top-up", card_id=card_id, amount=Money(minor=5000, currency="CNY")))
    world.live(card_id, NOW + timedelta(minutes=1), Declined(code="testmode_decline"))
    assert "card_held" in world.cards.names(card_id)
    home = f"/cards/{card_id}"
    for path in ("/cards", home):
        text = lin.get(path).text
        assert "A payment could not be made as ordered, and we are looking into it. Nothing is charged" in text
        assert "meanwhile. Service is on, and the card is paid until 14 March 2027." in text
        assert "support" not in text
    assert "The card is on hold, and nothing is charged meanwhile." in lin.get(home).text


@pytest.mark.parametrize(
    ("name", "pages", "told"),
    [
        ("plus", ("/cards", ""), "Service is on, and the card is paid until 14 March 2027."),
        ("failing", ("",), "Service is on; the card was paid until 30 November 2026."),
        ("suspended", ("",), "Service is off; the card was paid until 20 November 2026."),
    ],
)
def test_a_card_on_hold_says_whether_service_is_on_and_until_when_it_is_paid(lin, world, name, pages, told):
    world.give(NOW + timedelta(days=1), HoldCard(command_id="hold", card_id=card_id_of(name), reason="ours to know"))
    move_clock(world.connection, NOW + timedelta(days=1, hours=2))
    for page in pages:
        text = lin.get(page or f"/cards/{card_id_of(name)}").text
        assert f"This card is on hold, and we are looking into it. Nothing is charged meanwhile. {told}" in text
        assert "ours to know" not in text
        assert "could not be made as ordered" not in text
        assert "Try again now" not in text
