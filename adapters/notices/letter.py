"""The shape of a notice's text: English, with the names of values in braces; Chinese stands in the catalogue.

A text may have several wordings: the first one is taken whose values are all there.
"""

from collections.abc import Iterator
from typing import NamedTuple

OPEN_CARD, OPEN_RECEIPT = "Open the card", "Open the receipt"
Wordings = str | tuple[str, ...]


class Letter(NamedTuple):
    """What one kind of notice says: the result, the cause, and what the holder can do, in this order."""

    subject: Wordings
    result: Wordings
    more: tuple[Wordings, ...]
    """Sentences, each a paragraph; one without all of its values is left out."""
    rows: tuple[tuple[str, str], ...]
    """Name and value, as a table; one without its values is left out."""
    sms: Wordings
    """At most 70 characters in Chinese and 160 in English; the address of the page follows where it fits."""
    button: str = OPEN_CARD
    """What the link to the page is called."""

    def texts(self) -> Iterator[str]:
        """All the texts that are to be translated: not those that are one value."""
        wordings = (self.subject, self.result, self.sms, *self.more)
        found = [one for each in wordings for one in ((each,) if isinstance(each, str) else each)]
        found += [text for row in self.rows for text in row]
        yield from (one for one in (*found, self.button) if one and not (one[0] == "{" and one[1:-1].isidentifier()))
