"""Amounts, dates, places and numbers, as each language writes them."""

from datetime import UTC, date, datetime

import pytest

from adapters.languages import shown
from adapters.languages.language import preferred
from engine.money import Money


@pytest.mark.parametrize(
    ("minor", "currency", "chinese", "english"),
    [
        (7680, "CNY", "¥76.80", "¥76.80"),
        (300, "USD", "US$3.00", "$3.00"),
        (300, "JPY", "JP¥300", "JP¥300"),
        (123456789, "EUR", "€1,234,567.89", "€1,234,567.89"),
        (-500, "CNY", "-¥5.00", "-¥5.00"),
        (12345, "KWD", "KWD\N{NO-BREAK SPACE}12.345", "KWD\N{NO-BREAK SPACE}12.345"),
    ],
)
def test_an_amount_names_its_currency_and_has_its_decimals(minor, currency, chinese, english):
    amount = Money(minor=minor, currency=currency)
    assert (shown.money(amount, "zh-CN"), shown.money(amount, "en")) == (chinese, english)


def test_a_date_is_written_in_full_with_its_year():
    new_year = date(2027, 1, 9)
    assert shown.day(new_year, "zh-CN") == "2027 年 1 月 9 日"
    assert shown.day(new_year, "en") == "9\N{NO-BREAK SPACE}January 2027"
    assert shown.short_day(new_year, "en") == "9 Jan 2027"
    assert (shown.day_of_year(new_year, "zh-CN"), shown.day_of_year(new_year, "en")) == (
        "1 月 9 日",
        "9\N{NO-BREAK SPACE}January",
    )


def test_a_time_is_that_of_the_card_and_names_the_city():
    instant = datetime(2027, 1, 8, 23, 24, tzinfo=UTC)
    assert shown.clock_time(instant, "Asia/Hong_Kong") == "07:24"
    assert shown.local(instant, "Asia/Hong_Kong").date() == date(2027, 1, 9)
    assert (shown.place("Asia/Hong_Kong", "zh-CN"), shown.place("America/New_York", "en")) == ("香港", "New York")


def test_a_number_stands_in_the_groups_of_its_country():
    assert shown.phone_number("+85255500142") == "+852 5550 0142"
    assert shown.phone_number("+12125550142") == "+1 212 555 0142"
    assert shown.phone_number("not a number") == "not a number"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr, zh-TW;q=0.5, en;q=0.4", "zh-CN"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=high", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(accepted, language):
    assert preferred(accepted) == language
