"""Text from outside: what must not enter the log, which is never changed, and what may be shown of the rest."""

import re

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

CARD_NUMBER_DIGITS = (13, 19)
"""The shortest and the longest number of a payment card (ISO/IEC 7812)."""
CARD_NUMBER_REFUSED = (
    "looks like the number of a payment card, which is never stored; give the gateway's token or a name of your own"
)
CONTACT_REFUSED = (
    "looks like a phone number or an e-mail address, which is never stored; give the id of the holder's account"
)
_NOT_A_NUMBER = r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b\d{4}-\d\d-\d\d(?!\d)"  # ids, dates
_SEPARATOR = r"[\s.\u2010-\u2015-]"
_NUMBERS = re.compile(rf"{_NOT_A_NUMBER}|(?<![^\W_])(?P<number>\d(?:{_SEPARATOR}?\d){{12,}})(?![^\W_])")
_TOKEN = re.compile(r"""(?P<name>\btoken['"]?\s*[:=]\s*)(?:'[^']*'?|"[^"]*"?)""")
_CONTACT = re.compile(
    r"""
    .*[^\s@]@[^\s@]+\.[^\s@]+.*             # an e-mail address
    | (?:tel:)?\s*(?:\+|00(?=[1-9]))[\d\s()./-]{7,24}  # a phone number with its country
    | (?:86)?1[3-9]\d{9}                    # a Chinese mobile number
    | 0[1-9]\d{8,9}                         # a national number with the digit for long distance
    | (?=(?:\D*\d){9,15}\D*$)\(?\d+\)?(?:[\s./-]\(?\d+\)?)+  # a number written in groups
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def has_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it, also with blanks, dots or dashes between them, have a card's check digit."""
    return any(_is_card_number(found["number"]) for found in _NUMBERS.finditer(text))


def is_contact(text: str) -> bool:
    """Whether it is a phone number or holds an e-mail address; digits alone may be an account's number."""
    return _CONTACT.fullmatch(text.strip()) is not None


def masked_token(token: str) -> str:
    """What may be shown of a payment method's token: its last four characters, if they are no large part of it."""
    return f"…{token[-4:]}" if len(token) >= 12 else "…"  # noqa: PLR2004 (a third)


def masked(text: str) -> str:
    """The text without card numbers, but for their last four digits, and without the values of fields `token`."""
    return _TOKEN.sub(r'\g<name>"…"', _NUMBERS.sub(_masked_number, text))


def printable(text: str) -> str:
    """The text with each control character, and what turns the direction of writing, replaced by `?`."""
    return _CONTROLS.sub("?", text)


def printable_lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(map(printable, text.split("\n")))


def escaped(json_text: str) -> str:
    """The same JSON, with what `printable` would replace written as escapes."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text)


def _is_card_number(number: str | None) -> bool:
    digits = [int(each) for each in number or "" if each.isdecimal()]
    least, most = CARD_NUMBER_DIGITS
    if not least <= len(digits) <= most or not any(digits):
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _masked_number(found: re.Match[str]) -> str:
    number = found["number"]
    return "*" * (len(number) - 4) + number[-4:] if _is_card_number(number) else found[0]


def _without_card_number(text: str) -> str:
    if has_card_number(text):
        raise PydanticCustomError("card_number", CARD_NUMBER_REFUSED)
    return text


def _without_contact(text: str) -> str:
    if is_contact(text):
        raise PydanticCustomError("contact", CONTACT_REFUSED)
    return text


NoCardNumber = AfterValidator(_without_card_number)
"""Annotates a field of a command that must not hold the number of a payment card."""
NoContact = AfterValidator(_without_contact)
"""Annotates a field of a command that must not be a phone number or an e-mail address."""
