"""The provider's pages in a simulated world: holders begin to pay on them, and pay, leave, come back late or never."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, cast
from uuid import UUID

from engine import commands as asked
from engine.card.attempt import ChargeAttempted
from engine.card.on_page import PageWallet
from engine.envelope import read_fact
from engine.money import Money
from engine.ports import Answer, ChargeRequest, Declined, NotFound, Pending
from engine.questions import charge_request
from tests.simulation.chance import Chance
from tests.simulation.lives import Life
from tests.simulation.memory import Row

_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_FATES = {"paid": 0.4, "left": 0.15, "cancelled": 0.1, "never_made": 0.15, "paid_late": 0.2}
_TOLD = 0.6
"""How often the provider's news of a page arrives; of a late payment it always does."""


class Page(NamedTuple):
    """The page of an attempt; `closed_at`: nobody can begin to pay from then on, None: it was never made."""

    request: ChargeRequest
    closed_at: datetime | None
    paid_at: datetime | None
    told_at: datetime | None
    """When the provider's news of it arrive."""

    def may_be_paid(self, at: datetime) -> bool:
        """Whether the holder, who may come later than planned, still can: also late, where that was the plan."""
        is_late = self.paid_at is not None and self.closed_at is not None and self.paid_at >= self.closed_at
        return is_late or (self.closed_at is not None and at < self.closed_at)


class Pages:
    """What holders do on the provider's pages; `share`: how often one pays there when asking for something."""

    def __init__(self, chance: Chance, share: float) -> None:
        self._chance, self._share = chance, share
        self._pages: dict[UUID, Page] = {}

    def wanted(self, life: Life, at: datetime) -> Iterable[asked.Command]:
        """What a holder asks to pay on the page now."""
        about = ("page", life.card_id, at.timestamp())
        if not self._share or self._chance.of("wants", *about) >= self._share:
            return
        wallet = PageWallet("alipay", f"sim:good:page-{life.card_id}")
        if self._chance.of("renews", *about) < 0.6:
            yield asked.RenewNow(**life.ids(), on_page=wallet)
        else:
            amount = Money(minor=100 + int(2000 * self._chance.of("amount", *about)), currency=life.currency)
            yield asked.TopUp(**life.ids(), amount=amount, on_page=wallet)

    def begun(self, row: Row) -> Page | None:
        """The page of an attempt that was stored; None for one that is sent."""
        if row.topic != "charge_attempted.v1" or b'"page_until"' not in row.state:
            return None
        fact = cast("ChargeAttempted", read_fact(*row).fact)
        page = self._fate(
            charge_request(row.card_id, fact, fact.term_number), fact.at, cast("datetime", fact.page_until)
        )
        self._pages[fact.attempt_id] = page
        return page

    def _fate(self, request: ChargeRequest, at: datetime, until: datetime) -> Page:
        of = lambda what: self._chance.of(what, request.attempt_id)  # noqa: E731 (said once)
        told = of("told") < _TOLD
        match self._chance.pick(_FATES, "fate", request.attempt_id):
            case "paid":
                paid_at = at + _MINUTE + 28 * _MINUTE * of("paid")
                return Page(request, until, paid_at, paid_at + 2 * _HOUR * of("news") if told else None)
            case "cancelled":
                closed_at = at + _MINUTE + 10 * _MINUTE * of("cancelled")
                return Page(request, closed_at, None, closed_at)
            case "never_made":
                return Page(request, None, None, None)
            case "paid_late":
                paid_at = until + _HOUR + 90 * _HOUR * of("late")
                return Page(request, until, paid_at, paid_at + _HOUR)
            case _:
                return Page(request, until, None, until + _MINUTE if told else None)

    def look_up(self, attempt_id: UUID, at: datetime) -> Answer:
        """What the provider says of an attempt that took no money."""
        page = self._pages.get(attempt_id)
        if page is None or page.closed_at is None:
            return NotFound()
        if at < page.closed_at:
            return Pending(attempt_id=attempt_id, gateway_ref=f"page_{attempt_id}")
        return Declined(code="page_closed")
