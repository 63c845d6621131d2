"""Lists of cards: by state, and those behind a figure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from starlette.responses import Response

from adapters.directory.addresses import veiled
from adapters.web.console.figures_sql import RENEWALS, ROOM
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import whole_number

PAGE_SIZE = 50
STATUSES = ("active", "grace", "suspended", "reclaimed", "closed")
DAYS_MOST = 400
_PAGES_MOST = 10_000


class Listed(NamedTuple):
    """A card as a row; its number is veiled."""

    card_id: UUID
    holder_id: str
    plan: str
    status: str
    ends_on: date
    last_decline: str | None
    held: bool
    outcome_unknown: bool
    auto_renew_months: int | None
    number: str | None


class Filter(NamedTuple):
    """Which cards: a condition of SQL over `cards`, its values, what it needs before it, and its words."""

    where: LiteralString
    values: Mapping[str, object]
    words: str
    before: LiteralString = ""


_COLUMNS: LiteralString = """
    cards.card_id, holder_id, plan, status, ends_on, last_decline, held, outcome_unknown, auto_renew_months, number
"""
_OUTCOMES: Mapping[str, str] = {
    "first": "paid at the first pass",
    "recovered": "recovered by a later pass",
    "balance": "paid from the balance after failures",
    "open": "not paid yet",
    "suspended": "suspended",
    "lost": "number lost",
    "closed": "closed",
}


async def listed(connection: AsyncConnection[Any], card_ids: Sequence[UUID]) -> list[Listed]:
    """Those of the cards that the read model has, in the same order."""
    query: LiteralString = f"""
        SELECT {_COLUMNS} FROM cards LEFT JOIN card_numbers USING (card_id) WHERE cards.card_id = ANY (%s)
    """  # noqa: S608 (names of our own columns)
    async with connection.cursor(row_factory=class_row(Listed)) as cursor:
        rows = await (await cursor.execute(query, (list(card_ids),))).fetchall()
    known = {one.card_id: one._replace(number=veiled(one.number)) for one in rows}
    return [known[one] for one in card_ids if one in known]


async def _list(visit: DeskVisit) -> Response:
    page = whole_number(visit.asked("page") or "1")
    wanted = _filter(visit, await visit.desk.business_now())
    if wanted is None or page is None or not 0 < page <= _PAGES_MOST:
        return await visit.missing()
    query: LiteralString = f"""
        {wanted.before} SELECT {_COLUMNS} FROM cards LEFT JOIN card_numbers USING (card_id)
        WHERE {wanted.where} ORDER BY ends_at, cards.card_id LIMIT %(limit)s OFFSET %(skip)s
    """  # noqa: S608 (conditions of ours, below)
    asked = {**wanted.values, "limit": PAGE_SIZE + 1, "skip": PAGE_SIZE * (page - 1)}
    async with visit.connection() as connection, connection.transaction():
        await connection.execute(ROOM)
        async with connection.cursor(row_factory=class_row(Listed)) as cursor:
            rows = await (await cursor.execute(query, asked)).fetchall()
    kept = {name: value for name, value in visit.request.query_params.items() if name != "page"}
    cards = [one._replace(number=veiled(one.number)) for one in rows[:PAGE_SIZE]]
    more = page + 1 if len(rows) > PAGE_SIZE else None
    return await visit.page("cards", cards=cards, words=wanted.words, number=page, more=more, kept=kept)


def _filter(visit: DeskVisit, at: datetime) -> Filter | None:
    """What the address asks for; None for what no page of ours does."""
    asked = visit.asked
    days = whole_number(asked("days") or "30")
    if days is None or not 0 < days <= DAYS_MOST:
        return None
    since, last = at - timedelta(days), f"in the last {days} days"
    if status := asked("status"):
        known = status in STATUSES
        return Filter("status = %(status)s", {"status": status}, f"in the state {status}") if known else None
    if code := asked("code"):
        where: LiteralString = """cards.card_id IN (
            SELECT card_id FROM charges WHERE status = 'failed' AND top_up IS NULL AND code = %(code)s
            AND attempted_at >= %(since)s)"""
        return Filter(where, {"code": code, "since": since}, f"declined with {code} {last}")
    if outcome := asked("outcome"):
        return _of_outcome(outcome, whole_number(asked("pass")), since, last)
    if month := asked("month"):
        return _of_month(month, asked("currency"))
    match asked("waits"):
        case "person":
            return Filter("cards.card_id IN (SELECT card_id FROM cases)", {}, "with an open case")
        case "gateway":
            where = "cards.card_id IN (SELECT card_id FROM charges WHERE status IN ('attempted','unknown','pending'))"
            return Filter(where, {}, "with a charge whose outcome is not known")
        case "":
            return Filter("true", {}, "all")
        case _:
            return None


def _of_outcome(outcome: str, number: int | None, since: datetime, last: str) -> Filter | None:
    if outcome == "came_to":
        if number is None:
            return None
        where: LiteralString = "cards.card_id IN (SELECT card_id FROM renewals WHERE passes >= %(pass)s)"
        words = f"that came to pass {number}, with renewals opened {last}"
    elif outcome in _OUTCOMES:
        where = """cards.card_id IN (SELECT card_id FROM renewals
            WHERE outcome = %(outcome)s AND (%(pass)s::int IS NULL OR passes = %(pass)s))"""
        by = f" (pass {number})" if number else ""
        words = f"whose renewals opened {last}: {_OUTCOMES[outcome]}{by}"
    else:
        return None
    return Filter(where, {"outcome": outcome, "pass": number, "since": since}, words, f"WITH {RENEWALS}")


def _of_month(month: str, currency: str) -> Filter | None:
    try:
        begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        return None
    end = (begin + timedelta(31)).replace(day=1)
    where: LiteralString = """cards.card_id IN (
        SELECT card_id FROM ledger WHERE 'sales' IN (debit, credit) AND at >= %(begin)s AND at < %(end)s
        AND currency = %(currency)s)"""
    values = {"begin": begin, "end": end, "currency": currency}
    return Filter(where, values, f"with money earned or given back in {currency} in {month} (UTC)")


PAGES = (DeskRoute("GET", "/cards", _list),)
"""`/cards`."""
