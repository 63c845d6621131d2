"""What waits for a person, the oldest first, and what closes it."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from starlette.responses import Response

from adapters.web.console.visit import DeskRoute, DeskVisit
from projections.cases import Case, list_cases

MOST = 500


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
    now = await visit.desk.business_now()
    found = await visit.desk.work(lambda connection: list_cases(connection, MOST + 1))
    return await visit.page("cases", cases=[_shown(one, now) for one in found[:MOST]], more=len(found) > MOST)


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


PAGES = (DeskRoute("GET", "/cases", _list),)
"""`/cases`."""
