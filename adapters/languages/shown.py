"""How each language writes amounts, dates, times, places and phone numbers."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

import phonenumbers
from babel.dates import get_month_names, get_timezone_location
from babel.numbers import get_currency_symbol

from adapters.languages.language import LOCALES, Language
from engine.calendar import zone_named
from engine.money import Money, exponent

_SYMBOLS: Mapping[str, str] = {"CNY": "¥", "JPY": "JP¥"}
"""A bare ¥ is the yuan in both languages; CLDR leaves the same sign to the yen in English."""
_MONTHS = {length: get_month_names(length, locale="en") for length in ("wide", "abbreviated")}


def money(amount: Money, language: Language) -> str:
    """An amount with its currency: ¥76.80, $3.00, US$3.00 in Chinese; a code stands before the digits with a space."""
    digits = exponent(amount.currency)
    value = Decimal(abs(amount.minor)).scaleb(-digits)
    sign = "-" if amount.minor < 0 else ""
    return f"{sign}{_symbol(amount.currency, language)}{value:,.{digits}f}"


@lru_cache(maxsize=512)
def _symbol(currency: str, language: Language) -> str:
    symbol = _SYMBOLS.get(currency) or get_currency_symbol(currency, LOCALES[language])
    return f"{symbol}\N{NO-BREAK SPACE}" if symbol.isalpha() else symbol


def day(value: date, language: Language) -> str:
    """A date in full: 2027 年 1 月 9 日, 9 January 2027."""
    if language == "en":
        return f"{value.day}\N{NO-BREAK SPACE}{_MONTHS['wide'][value.month]} {value.year}"
    return f"{value.year} 年 {value.month} 月 {value.day} 日"


def short_day(value: date, language: Language) -> str:
    """A date for tables: 2027 年 1 月 9 日, 9 Jan 2027."""
    if language == "en":
        return f"{value.day} {_MONTHS['abbreviated'][value.month]} {value.year}"
    return day(value, language)


def narrow_day(value: date, language: Language) -> str:
    """A date for narrow columns, as in tables, that breaks between the year and the rest alone."""
    space = "\N{NO-BREAK SPACE}"
    if language == "en":
        return f"{value.day}{space}{_MONTHS['abbreviated'][value.month]} {value.year}"
    return f"{value.year}{space}年 {value.month}{space}月{space}{value.day}{space}日"


def day_of_year(value: date, language: Language) -> str:
    """A date whose year the reader knows: 1 月 9 日, 9 January."""
    if language == "en":
        return f"{value.day}\N{NO-BREAK SPACE}{_MONTHS['wide'][value.month]}"
    return f"{value.month} 月 {value.day} 日"


def local(instant: datetime, zone: str) -> datetime:
    """The instant by the clock on the wall of a zone."""
    return instant.astimezone(zone_named(zone))


def clock_time(instant: datetime, zone: str) -> str:
    """Hours and minutes by the clock on the wall: 10:24."""
    return f"{local(instant, zone):%H:%M}"


@lru_cache(maxsize=1024)
def place(zone: str, language: Language) -> str:
    """The city by whose clock a card lives: 香港, Hong Kong."""
    return str(get_timezone_location(zone, locale=LOCALES[language], return_city=True))


@lru_cache(maxsize=65_536)
def phone_number(number: str) -> str:
    """An E.164 number in the groups of its country: +852 5550 0142; one that is none as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL).replace("-", " ")
