"""What the page says that asks for a payment now."""

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
