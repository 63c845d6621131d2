"""What waits for a person, the oldest first, and what closes it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from starlette.responses import Response

from adapters.differences import KINDS, close_differences, list_differences, what_to_do
from adapters.web.console.doing import do_once
from adapters.web.console.reasons import text_fault
from adapters.web.console.visit import DeskRoute, DeskVisit
from projections.cases import Case, list_cases

MOST = 500
ABOUT_MOST = 100


class Shown(NamedTuple):
    """A case, and the page that closes it; empty where a person has to look at the card first."""

    opened_at: datetime
    card_id: UUID
    reason: str
    about: UUID | None
    minor: int | None
    currency: str | None
    days: int
    closes: str
    closes_at: str


async def _list(visit: DeskVisit) -> Response:
    return await _page(visit)


async def _page(visit: DeskVisit, status: int = 200, wrong: str = "") -> Response:
    now = await visit.desk.business_now()
    found = await visit.desk.work(lambda connection: list_cases(connection, MOST + 1))
    differ = await visit.desk.work(lambda connection: list_differences(connection, MOST))
    cases, more = [_shown(one, now) for one in found[:MOST]], len(found) > MOST
    to_do = {kind: what_to_do(kind).replace("`", "") for kind in KINDS}
    return await visit.page("cases", status, cases=cases, more=more, differ=differ, to_do=to_do, wrong=wrong)


async def _close(visit: DeskVisit) -> Response:
    gateway_ref, evidence = (visit.form.get(name, "").strip() for name in ("gateway_ref", "evidence"))
    if fault := text_fault(evidence, empty="Say what was found out or done."):
        return await _page(visit, 422, fault)

    async def work() -> str:
        by = visit.operator.actor
        closed = await visit.desk.work(
            lambda connection: close_differences(connection, gateway_ref, by=by, evidence=evidence)
        )
        return f"{closed} closed"

    outcome = await do_once(visit, "close_difference", work, about=gateway_ref[:ABOUT_MOST], reason=evidence)
    if outcome == "0 closed":
        return await _page(visit, 409, "Nothing differs about that charge any more.")
    return visit.go("/cases")


def _shown(case: Case, now: datetime) -> Shown:
    closes, path = closing(case.reason)
    query = f"?attempt={case.about}" if case.about and path in {"resolve", "record-refund"} else ""
    days = max(0, (now - case.opened_at).days)
    return Shown(*case, days, closes, f"/cards/{case.card_id}/{path}{query}")


def closing(reason: str) -> tuple[str, str]:
    """What closes a case, and the last part of the address where that is done."""
    match reason.partition(":")[0]:
        case "outcome_unknown":
            return "Resolve the attempt", "resolve"
        case "number_may_be_lost":
            return "Confirm that the number exists, or that it is lost", "number-exists"
        case "held":
            return "Release the card", "release"
        case _:
            return "Record the refund once the money went back", "record-refund"


PAGES = (DeskRoute("GET", "/cases", _list), DeskRoute("POST", "/cases/close", _close, "close_difference"))
"""`/cases`, and closing what reconciling found."""
