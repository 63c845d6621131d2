"""Tables that fit the terminal: amounts, dates and numbers stay whole, ids are shortened, other texts wrap at words.

Where even that is too wide, each row becomes a block of its own.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from rich.cells import cell_len, chop_cells

BESIDE = 3
"""What a column takes besides its text: the border and a space on either side; one more border at the end."""
ID_SHOWN = 8
WORDS_LEAST = 12
"""A column of texts is at least so wide, if its texts are."""
WHOLE_MOST = 64
"""What begins like a number or an id and is longer is none."""
_WHOLE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)?"  # a day, an instant
    r"|-?\d[\d.,]*(?: [A-Z]{3}\b| %)?"  # a number, an amount
)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TOKENS = re.compile(rf"(?:{_WHOLE.pattern})\S*|\S+")
Cell = object
"""What a table shows: text, a number, an instant, an id."""


class Layout(NamedTuple):
    """The cells as text, lines divided, column by column no wider than there is room for."""

    rows: list[list[str]]
    shortened: bool
    """Whether ids are not whole."""


def laid_out(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Layout | None:
    """The table in so many columns of the terminal, with whole ids if there is room; None where it does not fit."""
    if _total(_natural(columns, rows)) <= width:
        return Layout([list(row) for row in rows], shortened=False)
    for change in (_to_the_minute, _short):
        fitted = _fitted(columns, [[change(cell) for cell in row] for row in rows], width)
        if fitted is not None:
            shortened = change is _short and any(_ID.fullmatch(cell) for row in rows for cell in row)
            return Layout(fitted, shortened)
    return None


def _fitted(columns: Sequence[str], rows: list[list[str]], width: int) -> list[list[str]] | None:
    least = [_least(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    room = width - _total(least)
    if room < 0:
        return None
    widths = _shared(least, _natural(columns, rows), room)
    return [[wrapped(cell, widths[place]) for place, cell in enumerate(row)] for row in rows]


def shown(value: Cell) -> str:
    """A cell as text; instants with their zone."""
    match value:
        case None:
            return "–"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S %Z")
        case date() | UUID():
            return str(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case _:
            return str(value)


def wrapped(text: str, width: int) -> str:
    """The text in lines of that width, divided between words; only a word that is longer is divided itself."""
    return "\n".join(line for part in text.split("\n") for line in _lines(part, width))


def _lines(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in _TOKENS.findall(text):
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            yield line
        *full, line = chop_cells(word, width) or [""]
        yield from full
    yield line


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + BESIDE * len(widths) + 1


def _natural(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([cell_len(column), *(cell_len(line) for row in rows for line in row[place].split("\n"))])
        for place, column in enumerate(columns)
    ]


def _least(column: str, cells: Sequence[str]) -> int:
    """What must not be divided decides: the widest day, amount or number; a word only up to a limit."""
    words = [word for cell in cells for word in _TOKENS.findall(cell)]
    whole = [cell_len(word) for word in words if _WHOLE.match(word) or _ID.match(word)]
    others = [min(cell_len(word), WORDS_LEAST) for word in words]
    return max([cell_len(column), *(min(one, WHOLE_MOST) for one in whole), *others])


def _shared(least: Sequence[int], natural: Sequence[int], room: int) -> list[int]:
    """The room goes to the columns that need more, first to those that need least."""
    widths = list(least)
    wanting = sorted(range(len(widths)), key=lambda place: natural[place] - least[place])
    for number, place in enumerate(wanting):
        more = min(natural[place] - least[place], room // (len(wanting) - number))
        widths[place] += more
        room -= more
    return widths


def _to_the_minute(cell: str) -> str:
    return re.sub(r"(\d{4}-\d\d-\d\d \d\d:\d\d):\d\d UTC", r"\1Z", cell)


def _short(cell: str) -> str:
    """The beginning of an id, unless it is a part of something that a command is given; instants to the minute."""
    return f"{cell[:ID_SHOWN]}…" if _ID.fullmatch(cell) else _to_the_minute(cell)
