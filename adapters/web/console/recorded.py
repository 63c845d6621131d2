"""The record: what operators did and looked at."""

from uuid import UUID

from starlette.responses import Response

from adapters.web.console.record import list_entries
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import whole_number

PAGE_SIZE = 100
_PAGES_MOST = 100_000


async def _list(visit: DeskVisit) -> Response:
    page, card, operator = whole_number(visit.asked("page") or "1"), visit.asked("card"), visit.asked("operator")
    try:
        card_id = UUID(card) if card else None
    except ValueError:
        return await visit.missing()
    if page is None or not 0 < page <= _PAGES_MOST:
        return await visit.missing()
    async with visit.connection() as connection:
        skip = PAGE_SIZE * (page - 1)
        rows = await list_entries(connection, PAGE_SIZE + 1, skip, card_id=card_id, operator=operator)
    kept = {name: value for name, value in (("card", card), ("operator", operator)) if value}
    more = page + 1 if len(rows) > PAGE_SIZE else None
    return await visit.page("recorded", rows=rows[:PAGE_SIZE], more=more, number=page, kept=kept)


PAGES = (DeskRoute("GET", "/record", _list),)
"""`/record`."""
