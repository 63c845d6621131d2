"""A holder adds a card by its number and a code that is sent to it."""

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from engine.commands import BindPaymentMethod, RemovePaymentMethod, SwitchOffAutoRenew
from engine.ports import Charged
from tests.adapters.web.pages.accounts.conftest import by_code
from tests.adapters.web.pages.holders import HOLDER, NOW, NUMBERS, OTHER, VISA, card_id_of

ADD, ENTER = "/cards/add", "/cards/add/code"
NUMBER, OWN, FREE = "+12125550123", "+12125550124", card_id_of("free")
AT = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def free(world):
    """A card with a number, which was registered for somebody without an account."""
    world.register("free", "keep-basic", date(2026, 6, 1), 12, holder="h-stock", methods=())
    give_number(world, FREE, NUMBER)
    world.cards.project()
    return FREE


def give_number(world, card_id: UUID, number):
    world.connection.execute("INSERT INTO card_numbers VALUES (%s, %s)", (card_id, number))


def removal(card_id):
    return RemovePaymentMethod(command_id=f"remove-{card_id}", card_id=card_id, method_id="visa")


def holder_of(world, card_id):
    world.cards.project()
    return world.connection.execute("SELECT holder_id FROM cards WHERE card_id = %s", (card_id,)).fetchone()[0]


def test_a_card_is_added_by_its_number_and_the_code_sent_to_it(lin, post, free, world):
    assert 'href="/cards/add"' in lin.get("/cards").html
    assert "Add a card" in lin.get(ADD).text
    done = by_code(lin, post, ADD, ENTER, "+1 212 555 0123")
    assert done.to == f"/cards/{FREE}"
    assert post.kinds() == [("code", NUMBER)]
    assert post.sent[0].values["purpose"] == "add_card"
    page = lin.get(done.to)
    assert "+1 212 555 0123" in page.text
    assert "The card came to your account." in page.text
    assert holder_of(world, FREE) == HOLDER
    assert "7 cards" in lin.get("/cards").text
    assert lin.get(f"{done.to}/renewal/period").status == 200


def test_a_double_click_adds_it_once_and_shows_it_twice(lin, post, free, world):
    lin.post(ADD, {"address": NUMBER})
    cookies, fields = dict(lin.cookies), {"code": post.code}
    first = lin.post(ENTER, fields)
    lin.cookies = cookies
    assert lin.post(ENTER, fields).to == first.to == f"/cards/{FREE}"
    assert world.cards.names(FREE).count("holder_changed") == 1


def test_a_double_click_on_asking_sends_one_code_and_another_holder_of_the_browser_a_new_one(lin, other, post, free):
    assert lin.post(ADD, {"address": NUMBER}).to == lin.post(ADD, {"address": NUMBER}).to == ENTER
    assert len(post.sent) == 1
    other.cookies["__Host-bh-code-card"] = lin.cookies["__Host-bh-code-card"]
    assert by_code(other, post, ADD, ENTER, NUMBER).to == f"/cards/{FREE}"
    assert len(post.sent) == 2


def test_who_lost_the_card_within_the_minute_does_not_get_it_back_by_a_second_click(lin, other, post, free, world):
    lin.post(ADD, {"address": NUMBER})
    cookies, fields = dict(lin.cookies), {"code": post.code}
    lin.post(ENTER, fields)
    by_code(other, post, ADD, ENTER, NUMBER)
    lin.cookies = cookies
    lin.post(ENTER, fields)
    assert holder_of(world, FREE) == OTHER


def test_of_the_time_before_the_new_holder_sees_nothing(lin, post, world):
    theirs = card_id_of("another's")
    world.give(AT, removal(theirs))
    give_number(world, theirs, NUMBER)
    by_code(lin, post, ADD, ENTER, NUMBER)
    text = lin.get(f"/cards/{theirs}").text
    assert "The card came to your account." in text
    for part in ("You added", "You removed", "The card was set up", "Earlier history", "Visa"):
        assert part not in text
    assert lin.get(f"/cards/{theirs}?before=3").status == 200
    assert "You added" not in lin.get(f"/cards/{theirs}?before=3").text


def test_the_one_before_has_it_no_more(lin, other, post, world):
    theirs = card_id_of("another's")
    world.give(AT, removal(theirs))
    give_number(world, theirs, NUMBER)
    assert other.get(f"/cards/{theirs}").status == 200
    by_code(lin, post, ADD, ENTER, NUMBER)
    assert other.get(f"/cards/{theirs}").status == 404
    assert other.post(f"/cards/{theirs}/renewal/off").status == 404
    assert holder_of(world, theirs) == HOLDER


def test_receipts_of_the_time_before_are_not_listed_for_the_new_holder(lin, world):
    world.live(card_id_of("plus"), NOW + timedelta(days=120), Charged)
    world.cards.project()
    text = lin.get("/receipts").text
    assert "renewal ¥182.40" in text
    world.connection.execute("UPDATE cards SET holder_since = %s", (NOW + timedelta(days=121),))
    assert "¥" not in lin.get("/receipts").text


def without_target(html):
    """The page but for the number that was typed."""
    bare, count = re.subn(r"You gave [^.]*\.", "", html)
    assert count == 1
    return bare


@pytest.mark.parametrize("number", ["+12125550198", "+12125550199"])
def test_no_answer_tells_whether_a_card_has_the_number(lin, post, free, number):
    known = lin.post(ADD, {"address": NUMBER})
    page = without_target(lin.get(ENTER).html)
    wrong = lin.post(ENTER, {"code": post.wrong_code})
    sent = len(post.sent)
    unknown = lin.post(ADD, {"address": number})
    assert (unknown.status, unknown.to) == (known.status, known.to)
    assert without_target(lin.get(ENTER).html) == page
    again = lin.post(ENTER, {"code": post.wrong_code})
    assert (again.status, without_target(again.html)) == (wrong.status, without_target(wrong.html))
    assert len(post.sent) == sent  # nobody pays for a message to a number that is none of ours


def test_so_many_codes_to_a_number_and_no_more(lin, post, free):
    for _ in range(3):
        assert lin.post(ADD, {"address": NUMBER}).to == ENTER
        del lin.cookies["__Host-bh-code-card"]  # the same browser is answered as before, without another message
    late = lin.post(ADD, {"address": NUMBER})
    assert late.status == 429
    assert "Too many codes were asked for." in late.text
    assert len(post.sent) == 3


def test_a_number_of_a_card_may_be_of_a_range_that_is_not_known_yet(lin, post, free, world):
    world.connection.execute("UPDATE card_numbers SET number = '+85255500123' WHERE card_id = %s", (FREE,))
    assert by_code(lin, post, ADD, ENTER, "+852 5550 0123").to == f"/cards/{FREE}"
    assert lin.post("/register", {"address": "+852 5550 0123"}).status == 422  # an SMS would go to whatever is typed


@pytest.mark.parametrize("typed", ["", "12", "lin@example.com"])
def test_what_is_no_number_is_asked_again(lin, post, typed):
    answer = lin.post(ADD, {"address": typed})
    assert answer.status == 422
    assert f'value="{typed}"' in answer.html
    assert not post.sent


def test_a_wrong_code_adds_nothing_and_one_works_in_one_browser_alone(lin, other, post, free, world):
    lin.post(ADD, {"address": NUMBER})
    assert "You have 4 more tries." in lin.post(ENTER, {"code": post.wrong_code}).text
    other.cookies["__Host-bh-code-card"] = lin.cookies["__Host-bh-code-card"]
    assert other.post(ENTER, {"code": post.code}).to == f"{ADD}?dead=1"
    assert holder_of(world, FREE) == "h-stock"


@pytest.mark.parametrize("name", ["failing", "lost"])
def test_a_card_that_cannot_change_hands_stays_and_support_is_named(other, post, world, name):
    world.connection.execute("UPDATE accounts SET language = 'en'")
    refused = by_code(other, post, ADD, ENTER, NUMBERS[name])
    assert refused.to == f"{ADD}?refused"
    assert "cannot be added to this account as things stand. Nothing was changed." in other.get(refused.to).text
    assert holder_of(world, card_id_of(name)) == HOLDER
    again = other.post(ENTER, {"code": post.code})
    assert again.to == f"{ADD}?dead=1"


def test_ones_own_card_is_there_already(lin, post, world):
    assert by_code(lin, post, ADD, ENTER, NUMBERS["short"]).to == f"/cards/{card_id_of('short')}"
    assert "holder_changed" not in world.cards.names(card_id_of("short"))


def test_of_two_who_prove_the_number_the_later_one_has_it(lin, other, post, free, world):
    lin.post(ADD, {"address": NUMBER})
    first = post.code
    other.post(ADD, {"address": NUMBER})
    second = post.code
    assert lin.post(ENTER, {"code": first}).to == f"/cards/{FREE}"
    assert other.post(ENTER, {"code": second}).to == f"/cards/{FREE}"
    assert holder_of(world, FREE) == OTHER
    assert lin.get(f"/cards/{FREE}").status == 404


def test_once_something_is_bound_nobody_takes_it_any_more(lin, other, post, free, world):
    other.post(ADD, {"address": NUMBER})
    code = post.code
    by_code(lin, post, ADD, ENTER, NUMBER)
    world.give(AT, BindPaymentMethod(command_id="bind", card_id=FREE, method=VISA))
    assert other.post(ENTER, {"code": code}).to == f"{ADD}?refused"
    assert holder_of(world, FREE) == HOLDER


def test_nobody_adds_a_card_without_signing_in_or_from_another_site(stranger, lin, post, free):
    assert stranger.post(ADD, {"address": NUMBER}).to.startswith("/sign-in")
    assert stranger.get(ADD).to.startswith("/sign-in")
    for path in (ADD, ENTER, f"{ENTER}/again"):
        assert lin.post(path, {"address": NUMBER}, **{"Sec-Fetch-Site": "cross-site"}).status == 403
    assert not post.sent


def test_a_card_that_was_switched_off_and_emptied_can_go(other, post, world):
    off, en = card_id_of("off"), "UPDATE accounts SET language = 'en'"
    world.connection.execute(en)
    world.give(AT, SwitchOffAutoRenew(command_id="off", card_id=off), removal(off))
    world.connection.execute("UPDATE card_numbers SET number = %s WHERE card_id = %s", (OWN, off))
    assert by_code(other, post, ADD, ENTER, OWN).to == f"/cards/{off}"
    assert holder_of(world, off) == OTHER
