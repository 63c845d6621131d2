"""Reasons and evidence that operators give: they stand in the log for good, for all roles, so nothing personal may."""

import re
import unicodedata

from engine.text import has_card_number, printable

REASON_MOST, EVIDENCE_MOST = 200, 1000
"""Characters, as the engine takes them."""
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\W\d_]{2,}")
_PHONE = re.compile(r"\+[\s(]*\d(?:[\s()./\u2010-\u2015-]*\d){6,}")
"""A plus sign and seven digits or more, with what is written between them."""
_LETTER_MARK = "\u061c"
"""The one mark of direction that `printable` lets pass."""


def text_fault(text: str, most: int = REASON_MOST, *, empty: str = "Fill this in.") -> str | None:
    """What is wrong with it, in a sentence, if anything is."""
    if not text:
        return empty
    if len(text) > most:
        return f"Use {most} characters at most."
    if printable(text) != text or _LETTER_MARK in text:
        return "This holds characters that cannot be seen. Type it anew, on one line."
    return _personal(_plain(text))


def _personal(text: str) -> str | None:
    if has_card_number(text):
        return "This looks like the number of a payment card. Leave it out."
    if _EMAIL.search(text):
        return "This looks like an e-mail address. Leave it out; name the holder by the id of the account."
    if _PHONE.search(text):
        return "This looks like a phone number. Leave it out; name the card by its id."
    return None


def _plain(text: str) -> str:
    """The text with wide forms made plain, and without characters of no width, which hide what it is."""
    return "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
