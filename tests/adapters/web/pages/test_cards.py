"""The list of cards and a card's own page: what a holder reads there."""

import re

import pytest

from tests.adapters.web.pages.holders import NUMBERS, card_id_of

PATHS = ("", "/renewal/period", "/renewal/payment", "/renewal/review", "/renewal/off", "/methods", "/pay", "/top-up")


def test_the_card_in_most_trouble_comes_first_and_lost_numbers_are_apart(lin):
    page = lin.get("/cards")
    numbers = re.findall(r"\+\d[\d ]+\d", page.text)
    assert numbers == [
        "+1 212 555 0177",
        "+1 212 555 0142",
        "+44 7700 900877",
        "+852 5550 0142",
        "+44 7700 900142",
        "+61 491 570 156",
    ]
    assert "6 cards. 2 need you." in page.text
    assert "1 number no longer yours" in page.text
    assert "+852 5550 0199" in lin.get("/cards?gone").text


def test_where_no_sms_go_out_no_card_is_added_by_one(lin):
    assert "/cards/add" not in lin.get("/cards").html
    assert lin.get("/cards/add").status == lin.post("/cards/add", {"address": NUMBERS["off"]}).status == 404


def test_on_the_lifeline_day_and_month_stay_together(lin):
    assert '<b><time datetime="2027-03-14">14\N{NO-BREAK SPACE}Mar 2027</time></b>' in lin.get("/cards").html


def test_each_card_says_until_when_it_is_safe_and_when_what_is_taken_from_where(lin):
    text = lin.get("/cards").text
    assert "+44 7700 900142 Active Keep Plus, balance ¥0.00" in text
    assert "Paid to 14 Mar 2027 Renewed to 14 Mar 2028 Next payment 11 Mar 2027 ¥182.40, Visa 4242" in text
    assert "Unless renewed, service goes off on 9 January 2027." in text
    assert "Payment failed" in text
    assert "Next payment 30 Nov 2026 ¥28.00, Visa 4242" in text  # with the fee: service is off by then
    assert "Do not pay again; we will tell you." in text


def test_a_card_in_trouble_says_consequence_cause_and_remedy(lin):
    text = lin.get(f"/cards/{card_id_of('failing')}").text
    assert "Service goes off on 30 November 2026 unless ¥21.00 is paid" in text
    assert "The last payment failed: insufficient funds. Once off, switching on again costs ¥7.00 more." in text
    assert "The number is lost on 28 February 2027." in text
    assert "Change payment method Try again now" in text
    assert "30 Nov 2026 10:21, New York time We take ¥28.00: Visa ending 4242." in text


def test_the_history_is_in_plain_words_newest_first(lin):
    text = lin.get(f"/cards/{card_id_of('failing')}").text
    history = text[text.index("History") :]
    failed = history.index("Payment of ¥21.00 failed: Visa ending 4242, insufficient funds.")
    assert (
        failed < history.index("You turned on auto-renewal: ¥21.00, every month.") < history.index("The card was set")
    )
    assert "This was a planned retry after the first failed payment." in history


def test_the_same_in_chinese(other, world):
    world.connection.execute("UPDATE accounts SET language = 'zh-CN'")
    other.token = world.tokens["h-lin"]
    text = other.get("/cards").text
    assert "6 张卡。 2 张需要您处理。" in text
    assert "扣款未成功。2026 年 11 月 30 日停机；2026 年 11 月 30 日会再扣款一次。" in text
    card = other.get(f"/cards/{card_id_of('failing')}").text
    assert "不付 ¥21.00 的话，2026 年 11 月 30 日停机" in card
    assert "扣款 ¥21.00 未成功：Visa 尾号 4242，余额不足。" in card


def test_a_number_that_is_gone_has_its_page_but_nothing_can_be_done_with_it(lin):
    lost = card_id_of("lost")
    assert "Number lost" in lin.get(f"/cards/{lost}").text
    assert {lin.get(f"/cards/{lost}{path}").status for path in PATHS[1:]} == {404}


@pytest.mark.parametrize("path", PATHS)
def test_another_holders_card_is_missing_exactly_as_one_that_is_not_there(lin, path):
    nobodys = lin.get(f"/cards/{card_id_of('no such')}{path}")
    theirs = lin.get(f"/cards/{card_id_of(OTHERS)}{path}")
    assert {nobodys.status, theirs.status} == {404}
    assert theirs.text == nobodys.text


OTHERS = "another's"


def test_many_cards_are_paged_and_found_by_their_digits(lin, world):
    for number in range(60):
        world.connection.execute(
            "INSERT INTO card_numbers VALUES (%s, %s)", (card_id_of(f"no card {number}"), f"+8613800138{number:03}")
        )
    assert "Find a number" not in lin.get("/cards").text  # six cards are found by looking
    assert NUMBERS["off"][-4:] in lin.get("/cards?number=0142").text
    assert "None of your cards has such a number." in lin.get("/cards?number=99999999").text
    assert lin.get("/cards?page=7").status == 200
    for nothing in ("zzz", "%F0%9F%98%80", "%25", "_"):
        found = lin.get(f"/cards?number={nothing}").text
        assert "Nothing was searched for: a number is found by its digits." in found
        assert NUMBERS["off"][-4:] not in found
    assert NUMBERS["off"][-4:] in lin.get("/cards?number=+").text
    assert lin.get("/cards?page=x&number=%00").status == 200
