"""A comparison as one page, complete in itself: bars and lines as SVG, figures as text beside them, no script."""

from collections.abc import Sequence
from importlib import resources
from itertools import accumulate
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adapters.cli.whatif_words import (
    LIMITS_OF_METHOD,
    asked_in_words,
    caveats,
    cells_of,
    change_of,
    estimate_of,
)
from projections.whatif.compared import (
    LIMITS,
    LOST,
    MONEY,
    RECOVERED_BY,
    RENEWED,
    SUSPENDED,
    TERMS,
    Comparison,
    Estimate,
    Row,
)

_environment = Environment(
    loader=PackageLoader("adapters.cli", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_CHARTED = ("met a decline", "recovered after it", "suspended", "numbers lost", "attempts", "declines")
WIDTH, HEIGHT, MARGIN = 640, 180, 8
"""Of a chart of lines, in its own units."""


class Bar(NamedTuple):
    """One of the three bars of a figure; lengths in percent of the longest."""

    of: str
    name: str
    shown: str
    length: float
    least: float
    most: float


class Bars(NamedTuple):
    """A figure as bars."""

    figure: str
    bars: tuple[Bar, ...]
    change: str


class Line(NamedTuple):
    """One of the three lines of a chart: the points of a polyline, and the sum at the end."""

    of: str
    name: str
    points: str
    total: str


class Lines(NamedTuple):
    """A figure month by month, added up."""

    title: str
    months: tuple[str, ...]
    lines: tuple[Line, ...]


def page_of(compared: Comparison, names: Sequence[str]) -> str:
    """The page; `names` are the files of the other rules."""
    name = " and ".join(names)
    charted = [row for row in compared.section(TERMS) if row.figure in _CHARTED]
    return _environment.get_template("whatif.html").render(
        colours=_colours(),
        name=name,
        asked=asked_in_words(compared, name),
        caveats=list(caveats(compared, name)),
        limits_of_method=LIMITS_OF_METHOD,
        charts=[
            ("What became of declines", [_bars(row, name) for row in charted]),
            ("Recovered terms, by what paid", [_bars(row, name) for row in compared.section(RECOVERED_BY)]),
        ],
        lines=[
            _lines("Numbers lost, added up", compared.section(LOST), compared, name),
            _lines("Suspensions, added up", compared.section(SUSPENDED), compared, name),
        ],
        answers=[("today's rules", compared.answers_today), (name, compared.answers_other)],
        tables=[
            (title, [cells_of(row) for row in compared.section(section)])
            for title, section in (
                ("Terms, attempts and declines", TERMS),
                ("Money", MONEY),
                ("Room under the networks' limits", LIMITS),
                ("Renewed, by month", RENEWED),
            )
        ],
        size=(WIDTH, HEIGHT, MARGIN),
    )


def _colours() -> Markup:
    """The colours and sizes of the portal's style sheet."""
    sheet = resources.files("adapters.web.static").joinpath("baohao.css").read_text("utf-8")
    begin = sheet.index(":root")
    return Markup(sheet[begin : sheet.index("}", begin) + 1])  # noqa: S704 (our own file)


def _bars(row: Row, name: str) -> Bars:
    happened = Estimate(row.happened, row.happened, row.happened)
    most = max(row.happened, row.today.most, row.other.most, 1)
    three = (("happened", "happened", happened), ("today", "today's rules", row.today), ("other", name, row.other))
    return Bars(
        row.figure,
        tuple(
            Bar(of, called, estimate_of(row, one), *(100 * value / most for value in one)) for of, called, one in three
        ),
        change_of(row),
    )


def _lines(title: str, rows: Sequence[Row], compared: Comparison, name: str) -> Lines:
    months = _months(compared)
    by_month = {row.figure: row for row in rows}
    sums: dict[str, list[float]] = {"happened": [], "today": [], "other": []}
    for month in months:
        row = by_month.get(month)
        sums["happened"].append(row.happened if row else 0)
        sums["today"].append(row.today.mean if row else 0)
        sums["other"].append(row.other.mean if row else 0)
    added = {of: list(accumulate(values)) for of, values in sums.items()}
    most = max([values[-1] for values in added.values()], default=0) or 1
    called = {"happened": "happened", "today": "today's rules", "other": name}
    lines = [Line(of, called[of], _points(values, most), f"{values[-1]:,.0f}") for of, values in added.items()]
    return Lines(title, tuple(months), tuple(lines))


def _months(compared: Comparison) -> list[str]:
    """All months of the span, so that one without an event is a flat stretch."""
    first, last = compared.since, compared.until
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12}-{number % 12 + 1:02}" for number in numbers]


def _points(values: Sequence[float], most: float) -> str:
    """A polyline from nothing at the left to the last sum at the right."""
    step = (WIDTH - 2 * MARGIN) / len(values)
    heights = (HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * value / most for value in (0, *values))
    return " ".join(f"{MARGIN + step * place:.1f},{height:.1f}" for place, height in enumerate(heights))
