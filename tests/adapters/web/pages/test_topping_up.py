"""The form of top-ups: what is read as an amount, its limits, and where what is wrong is said."""

import re
from uuid import uuid4

import pytest

from tests.adapters.web.pages.holders import card_id_of
from tests.adapters.web.pages.test_renewal import facts_of


def test_a_top_up_is_asked_for_and_a_standing_order_kept(lin, world):
    path = f"/cards/{card_id_of('plus')}/top-up"
    assert lin.post(path, {"do": "once", "amount": "¥50", "command_id": str(uuid4())}).to
    assert facts_of(world, "plus")[-1] == "top_up_started"
    lin.post(path, {"do": "order", "threshold": "10", "refill": "50.00", "command_id": str(uuid4())})
    assert facts_of(world, "plus")[-1] == "auto_top_up_set"
    assert 'value="10.00"' in lin.get(path).html
    lin.post(path, {"do": "stop", "command_id": str(uuid4())})
    assert facts_of(world, "plus").count("auto_top_up_set") == 2


@pytest.mark.parametrize(
    "amount",
    ["", "0", "-5", "5.001", "1e3", "NaN", "Infinity", "99999999999999", "五十", "5 0", "1.000", "1,5,0", "1,0000"],
)
def test_an_amount_that_is_none_is_asked_again_and_what_was_typed_stays(lin, world, amount):
    path = f"/cards/{card_id_of('plus')}/top-up"
    before = facts_of(world, "plus")
    answer = lin.post(path, {"do": "once", "amount": amount})
    assert answer.status == 422
    assert "Give an amount, such as 50.00." in answer.text
    assert f'value="{amount}"' in answer.html
    assert facts_of(world, "plus") == before


@pytest.mark.parametrize(
    ("typed", "minor"),
    [("５０", 5000), ("1,000.00", 100_000), ("1,000", 100_000), ("¥ 12.5", 1250), ("5,00", 500), ("5,5 ¥", 550)],
)
def test_an_amount_is_read_as_holders_type_it(lin, world, typed, minor):
    lin.post(f"/cards/{card_id_of('plus')}/top-up", {"do": "once", "amount": typed})
    assert world.cards.log()[-1].fact.amount.minor == minor


@pytest.mark.parametrize("amount", ["1000.01", "2,000,000", "999999999"])
def test_a_top_up_has_a_limit(lin, world, amount):
    before = facts_of(world, "plus")
    answer = lin.post(f"/cards/{card_id_of('plus')}/top-up", {"do": "once", "amount": amount})
    assert (answer.status, "At most ¥1,000.00 at a time." in answer.text) == (422, True)
    assert facts_of(world, "plus") == before


def test_the_least_and_the_most_stand_beside_the_field_and_less_is_refused_there(lin, world):
    path, before = f"/cards/{card_id_of('plus')}/top-up", facts_of(world, "plus")
    assert "Amount in CNY From ¥4.00 to ¥1,000.00." in lin.get(path).text
    for do, field in (("once", "amount"), ("order", "refill")):
        answer = lin.post(path, {"do": do, "threshold": "1", field: "3.99"})
        assert answer.status == 422
        assert re.search(rf'id="{field}-wrong">.*At least <span class="nowrap">¥4.00</span> at a time.', answer.html)
    assert facts_of(world, "plus") == before
    lin.post(path, {"do": "once", "amount": "4"})
    assert facts_of(world, "plus")[-1] == "top_up_started"


def test_what_is_wrong_with_the_standing_order_stands_in_its_own_form(lin, world):
    path, before = f"/cards/{card_id_of('plus')}/top-up", facts_of(world, "plus")
    for amounts, field in (
        ({"threshold": "50", "refill": "10"}, "refill"),
        ({"threshold": "", "refill": "50"}, "threshold"),
    ):
        page = lin.post(path, {"do": "order", "command_id": str(uuid4()), **amounts}).html
        once, _, order = page.partition("<h2>Automatically</h2>")
        assert 'role="alert"' not in once
        assert f'<a href="#{field}">' in order
        assert f'id="{field}-wrong"' in order
        assert 'aria-invalid="true"' not in once
    assert facts_of(world, "plus") == before
