"""Reasons and evidence that operators give: what stands on record is no secret, and is not too long."""

from engine.text import has_card_number

REASON_MOST, EVIDENCE_MOST = 200, 1000
"""Characters, as the engine takes them."""


def text_fault(text: str, most: int = REASON_MOST, *, empty: str = "Fill this in.") -> str | None:
    """What is wrong with it, in a sentence, if anything is."""
    if not text:
        return empty
    if len(text) > most:
        return f"Use {most} characters at most."
    return "This looks like the number of a payment card. Leave it out." if has_card_number(text) else None
