"""A refusal of the engine as an operator reads it: a sentence, and its code for searching."""

from engine.errors import Refused


def refusal_text(refused: Refused) -> str:
    """`Of that charge 3.14 EUR is left to give back, not 5.00 EUR. [more_than_charged]`."""
    said = str(refused)
    return f"{said[:1].upper()}{said[1:].removesuffix('.')}. [{refused.code}]"


def refused_field(refused: Refused) -> str:
    """The field of the form that it names: `amount` of `amount.minor`."""
    return (refused.field or "").partition(".")[0]
