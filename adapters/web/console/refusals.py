"""A refusal of the engine as an operator reads it: a sentence, with amounts as they are written elsewhere."""

import re

from adapters.web.console.shown import amount
from engine.errors import Refused

_AMOUNT = re.compile(r"\b(?P<minor>\d+) (?P<currency>[A-Z]{3}) minor\b")
_OTHER = re.compile(r"\b(?P<word>or|not) (?P<minor>\d+)\b(?! [A-Z]{3})")
"""A further amount of the same sentence, which names no currency of its own."""


def refusal_text(refused: Refused) -> str:
    """`Of that charge 3.14 EUR are left to give back, not 5.00 EUR. [more_than_charged]`; the code is for searching."""
    said = str(refused)
    found = _AMOUNT.search(said)
    if found:
        currency = found["currency"]
        said = _AMOUNT.sub(lambda one: amount(int(one["minor"]), one["currency"]), said)
        said = _OTHER.sub(lambda one: f"{one['word']} {amount(int(one['minor']), currency)}", said)
    return f"{said[:1].upper()}{said[1:].removesuffix('.')}. [{refused.code}]"


def refused_field(refused: Refused) -> str:
    """The field of the form that it names: `amount` of `amount.minor`."""
    return (refused.field or "").partition(".")[0]
