"""Which characters a printed receipt can show: those of its own fonts, and no other."""

from functools import cache
from importlib import resources


def readable(text: str, otherwise: str) -> str:
    """The text if the fonts have all of it, otherwise what stands for it."""
    return text if characters() >= set(text) else otherwise


@cache
def characters() -> frozenset[str]:
    """Those of the regular font, as `scripts/receipt-font` has written them down."""
    folder = resources.files("adapters.web.payments") / "fonts"
    return frozenset((folder / "characters.txt").read_text("utf-8")) - {"\n"}
