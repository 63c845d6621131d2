"""Figures of renewals, declines, recovery, states of cards and revenue; each number leads to its cards."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from urllib.parse import urlencode

from psycopg import AsyncConnection
from starlette.responses import Response

from adapters.web.console.figures_sql import CODES, FUNNEL, REVENUE, ROOM
from adapters.web.console.listing import DAYS_MOST
from adapters.web.console.shown import amount, counted
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import whole_number

DAYS = (7, 30, 90, 365)
MONTHS = 12
_PASSES_MOST = 30


class Bar(NamedTuple):
    """A row of a figure: its words, its number as it is shown, its length in percent, and the cards behind it."""

    words: str
    shown: str
    percent: float
    href: str
    tone: str = ""
    beside: str = ""


async def _show(visit: DeskVisit) -> Response:
    days = whole_number(visit.asked("days") or "30")
    if days is None or not 0 < days <= DAYS_MOST:
        return await visit.missing()
    at = await visit.desk.business_now()
    values = {"since": at - timedelta(days), "months": _months_ago(at)}
    async with visit.connection() as connection, connection.transaction():
        await connection.execute(ROOM)
        funnel = await _rows(connection, FUNNEL, values)
        codes = await _rows(connection, CODES, values)
        states = await _rows(connection, "SELECT status, count(*) FROM cards GROUP BY 1 ORDER BY 1", {})
        revenue = await _rows(connection, REVENUE, values)
    return await visit.page(
        "figures",
        days=days,
        choices=DAYS,
        funnel=_funnel(funnel, days),
        rungs=_rungs(funnel, days),
        codes=_codes(codes, days),
        states=_states(states),
        revenue=_revenue(revenue),
    )


async def _rows(
    connection: AsyncConnection[Any], query: LiteralString, values: dict[str, datetime]
) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, values)).fetchall()


def _months_ago(at: datetime) -> datetime:
    """The beginning of the month so many months ago, this one counted."""
    month = at.year * 12 + at.month - MONTHS
    return at.replace(year=month // 12, month=month % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def _cards(**query: object) -> str:
    return f"/cards?{urlencode(query)}"


def _share(part: float, whole: float) -> float:
    return round(100 * part / whole, 1) if whole else 0


def _funnel(rows: Sequence[tuple[Any, ...]], days: int) -> list[Bar]:
    """From the first pass to the loss of the number."""
    counts: Counter[tuple[str, int | None]] = Counter()
    for outcome, passes, count in rows:
        counts[outcome, passes if outcome == "recovered" else None] += count
    whole = counts.total()
    steps: list[tuple[str, str, int | None, str]] = [("Paid at the first pass", "first", None, "ok")]
    steps += [
        (f"Recovered by pass {number}", "recovered", number, "ok")
        for number in sorted({passes for outcome, passes, _ in rows if outcome == "recovered"})
    ]
    steps += [
        ("Paid from the balance later", "balance", None, "ok"),
        ("Not paid yet", "open", None, "warn"),
        ("Suspended", "suspended", None, "act"),
        ("Number lost", "lost", None, "act"),
        ("Closed", "closed", None, "off"),
    ]
    bars: list[Bar] = []
    for words, outcome, number, tone in steps:
        count = counts[outcome, number]
        query = {"outcome": outcome, "days": days} | ({"pass": number} if number else {})
        share = _share(count, whole)
        bars.append(Bar(words, f"{count:,}", share, _cards(**query), tone, f"{share:.1f} %"))
    return bars


def _rungs(rows: Sequence[tuple[Any, ...]], days: int) -> list[Bar]:
    """Of the renewals that came to a pass, the share that was paid in it."""
    bars: list[Bar] = []
    for number in range(1, min(_PASSES_MOST, max((passes for _, passes, _ in rows), default=0)) + 1):
        tried = sum(count for _, passes, count in rows if passes >= number)
        paid = sum(count for outcome, passes, count in rows if passes == number and outcome in {"first", "recovered"})
        share = _share(paid, tried)
        query = {"outcome": "came_to", "pass": number, "days": days}
        bars.append(Bar(f"Pass {number}", f"{paid:,} of {tried:,}", share, _cards(**query), "ok", f"{share:.1f} %"))
    return bars


def _codes(rows: Sequence[tuple[Any, ...]], days: int) -> list[Bar]:
    most, whole = max((count for _, count, _ in rows), default=0), sum(count for _, count, _ in rows)
    return [
        Bar(
            code or "no code",
            f"{count:,}",
            _share(count, most),
            _cards(code=code, days=days) if code else "",
            "act",
            f"{_share(count, whole):.1f} %, {counted(cards, 'card')}",
        )
        for code, count, cards in rows
    ]


_TONES = {"active": "ok", "grace": "warn", "suspended": "act", "reclaimed": "off", "closed": "off"}


def _states(rows: Sequence[tuple[Any, ...]]) -> list[Bar]:
    whole = sum(count for _, count in rows)
    found = dict(rows)
    return [
        Bar(one, f"{found.get(one, 0):,}", share, _cards(status=one), tone, f"{share:.1f} %")
        for one, tone in _TONES.items()
        for share in (_share(found.get(one, 0), whole),)
    ]


def _revenue(rows: Iterable[tuple[Any, ...]]) -> list[tuple[str, list[Bar]]]:
    """By currency, since amounts of different ones do not add up."""
    by_currency: dict[str, list[tuple[str, int, int]]] = {}
    for month, currency, minor, transfers in rows:
        by_currency.setdefault(currency, []).append((month, minor, transfers))
    return [
        (
            currency,
            [
                Bar(
                    month,
                    amount(minor, currency),
                    max(0.0, _share(minor, max(1, *(one for _, one, _ in months)))),
                    _cards(month=month, currency=currency),
                    "ok",
                    counted(transfers, "transfer"),
                )
                for month, minor, transfers in months
            ],
        )
        for currency, months in sorted(by_currency.items())
    ]


PAGES = (DeskRoute("GET", "/figures", _show),)
"""`/figures`."""
