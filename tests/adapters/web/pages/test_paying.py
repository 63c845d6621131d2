"""What the page says that asks for a payment now."""

from uuid import uuid4

from engine.commands import ChangePeriod
from tests.adapters.web.pages.holders import NOW, card_id_of


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
