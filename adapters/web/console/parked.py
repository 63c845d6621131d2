"""Cards and messages that were set aside: retrying the ones, removing the others."""

from collections.abc import Sequence

from starlette.responses import Response

from adapters.parked import drop_parked, list_parked, retry_parked
from adapters.web.console.doing import do_once
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import whole_number
from projections.live import LIVE
from projections.parked_cards import list_parked_cards

MOST = 500


async def _list(visit: DeskVisit) -> Response:
    return await _shown(visit)


async def _shown(visit: DeskVisit, status: int = 200, wrong: str = "") -> Response:
    parked = await visit.desk.work(list_parked)
    behind = await visit.desk.work(lambda connection: list_parked_cards(connection, LIVE.name, MOST))
    messages = {one.parked_id: one.message.decode("utf-8", "backslashreplace") for one in parked}
    return await visit.page("parked", status, parked=parked[:MOST], messages=messages, behind=behind, wrong=wrong)


async def _retry(visit: DeskVisit) -> Response:
    parked_id = whole_number(visit.form.get("parked_id", ""))

    async def work() -> str:
        wanted: Sequence[int] | None = None if visit.form.get("parked_id") == "all" else [parked_id or 0]
        done = await visit.desk.work(lambda connection: retry_parked(connection, wanted))
        return f"{len(done.retried)} retried"

    about = visit.form.get("parked_id", "")[:20]
    outcome = await do_once(visit, "retry_parked", work, about=about)
    if outcome == "0 retried" and about != "all":
        return await _shown(visit, 409, "No card is parked under that number any more.")
    return visit.go("/parked")


async def _drop(visit: DeskVisit) -> Response:
    parked_id = whole_number(visit.form.get("parked_id", ""))

    async def work() -> str:
        done = await visit.desk.work(lambda connection: drop_parked(connection, [parked_id or 0]))
        return f"{len(done)} removed"

    outcome = await do_once(visit, "drop_parked", work, about=str(parked_id))
    if outcome == "0 removed":
        return await _shown(visit, 409, "No message without a card is parked under that number.")
    return visit.go("/parked")


PAGES = (
    DeskRoute("GET", "/parked", _list),
    DeskRoute("POST", "/parked/retry", _retry, "retry_parked"),
    DeskRoute("POST", "/parked/drop", _drop, "drop_parked"),
)
"""`/parked`, and what is done there."""
