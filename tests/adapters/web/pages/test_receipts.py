"""Receipts: what was paid, found by its holder alone."""

from datetime import timedelta

import pytest

from engine.card.attempt import ChargeAttempted
from engine.commands import BindPaymentMethod, ChangeHolder, RemovePaymentMethod, SwitchOffAutoRenew
from engine.ports import Charged
from tests.adapters.web.pages.holders import NOW, OTHER, PAYPAL, card_id_of


@pytest.fixture
def attempt_id(world):
    """A renewal of Lin's that was paid."""
    world.live(card_id_of("plus"), NOW + timedelta(days=120), Charged)
    attempts = [one.fact for one in world.cards.log() if one.card_id == card_id_of("plus")]
    return next(one.attempt_id for one in attempts if isinstance(one, ChargeAttempted))


def test_without_a_payment_there_is_none(lin):
    assert "Nothing has been paid yet." in lin.get("/receipts").text


def test_a_paid_renewal_has_a_receipt_with_term_amount_and_method(lin, attempt_id):
    text = lin.get("/receipts").text
    assert "11 Mar 2027 +44 7700 900142, renewal ¥182.40" in text
    receipt = lin.get(f"/receipts/{attempt_id}").text
    assert "Renewal for 12 months ¥182.40" in receipt
    assert "Term 14 Mar 2027 to 14 Mar 2028" in receipt
    assert "Paid with Visa ending 4242" in receipt
    assert str(attempt_id) in receipt


def test_a_reactivation_fee_is_named_and_the_total_is_what_was_taken(lin, world):
    card_id = card_id_of("suspended")
    world.give(NOW, BindPaymentMethod(command_id="new", card_id=card_id, method=PAYPAL))
    world.live(card_id, NOW + timedelta(days=2), Charged)
    [attempt_id] = world.connection.execute("SELECT attempt_id FROM charges WHERE status = 'succeeded'").fetchone()
    receipt = lin.get(f"/receipts/{attempt_id}").text
    assert "Renewal for 1 month ¥28.00" in receipt
    assert "Price ¥21.00 Reactivation fee ¥7.00" in receipt
    assert "Paid ¥28.00, PayPal." in lin.get(f"/cards/{card_id}").text


def test_a_receipt_of_another_is_missing(other, lin, attempt_id):
    assert other.get(f"/receipts/{attempt_id}").status == 404
    assert "900142" not in other.get("/receipts").text
    assert lin.get(f"/receipts/{card_id_of('plus')}").status == 404


def test_a_receipt_stays_with_who_paid_when_the_card_changes_hands(lin, other, world, attempt_id):
    card_id, at = card_id_of("plus"), NOW + timedelta(days=121)
    assert lin.get(f"/receipts/{attempt_id}").status == 200
    world.give(
        at,
        SwitchOffAutoRenew(command_id="off", card_id=card_id),
        RemovePaymentMethod(command_id="remove", card_id=card_id, method_id="visa"),
        ChangeHolder(command_id="change", card_id=card_id, holder_id=OTHER),
    )
    world.cards.project()
    for path in (f"/receipts/{attempt_id}", f"/receipts/{attempt_id}.pdf"):
        assert (lin.get(path).status, other.get(path).status) == (200, 404)
    assert "900142" not in other.get("/receipts").text
    assert lin.get(f"/cards/{card_id}").status == 404


def test_a_receipt_is_a_file_to_keep_in_the_holders_language(lin, attempt_id):
    page = lin.get(f"/receipts/{attempt_id}")
    assert f'href="/receipts/{attempt_id}.pdf"' in page.html
    answer = lin.get(f"/receipts/{attempt_id}.pdf")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    reference = f"{attempt_id.hex[:4]}-{attempt_id.hex[4:8]}".upper()
    assert answer.headers["content-disposition"] == f'attachment; filename="baohao-{reference}.pdf"'
    assert answer.html.startswith("%PDF")
    assert "/Lang(en)" in answer.html


def test_a_file_of_another_is_missing(other, stranger, lin, attempt_id):
    missing = other.get(f"/receipts/{attempt_id}.pdf")
    none = other.get(f"/receipts/{card_id_of('plus')}.pdf")
    assert (missing.status, missing.html) == (404, none.html)
    assert stranger.get(f"/receipts/{attempt_id}.pdf").to.startswith("/sign-in")
    assert lin.get("/receipts/x.pdf").status == 404


def test_a_receipt_names_who_issued_it_and_does_not_change_when_another_does(lin, world, attempt_id):
    query = "INSERT INTO receipt_issuers VALUES (%s, %s, %s, %s)"
    world.connection.execute(query, (NOW, "Baohao Ltd", "1 Harbour Road", "HK-1"))
    page, file = (lin.get(f"/receipts/{attempt_id}{ending}").html for ending in ("", ".pdf"))
    assert "<dt>Issued by</dt><dd>Baohao Ltd</dd>" in page
    assert "<dt>Address</dt><dd>1 Harbour Road</dd>" in page
    assert "<dt>Tax number</dt><dd>HK-1</dd>" in page
    world.connection.execute(query, (NOW + timedelta(days=300), "Another Ltd", None, None))
    assert lin.get(f"/receipts/{attempt_id}").html == page
    assert lin.get(f"/receipts/{attempt_id}.pdf").html == file
