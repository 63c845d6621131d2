"""Reports from the read models: revenue, recovery, lifecycle, ledger."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import typer
from psycopg import Connection

from adapters.cli.amounts import money
from adapters.cli.output import put_rows, put_table
from adapters.cli.servers import connection
from adapters.control import read_control
from adapters.settings import Settings
from projections.ledger import balances
from projections.lifecycle import cards_by_day
from projections.recovery import funnel
from projections.terms import first_paid_on, revenue


class _OfDay(Protocol):
    @property
    def day(self) -> date: ...


D = TypeVar("D", bound=_OfDay)


class _Days(NamedTuple):
    first: date | None
    last: date

    def of(self, rows: Iterable[D]) -> list[D]:
        """Those of these days."""
        return [one for one in rows if (self.first is None or self.first <= one.day) and one.day <= self.last]


def show_revenue(settings: Settings, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
    """What was sold, earned and deferred."""
    with connection(settings) as open_connection:
        days = _days(open_connection, settings, since, until)
        first = days.first or first_paid_on(open_connection)
        rows = [] if first is None else revenue(open_connection, first, days.last)
    if as_json:
        put_rows("revenue", rows, as_json=True)
        return
    columns = ("month", "sold", "earned", "left to be earned")
    shown = [
        (f"{one.month:%Y-%m}", *(money(minor, one.currency) for minor in (one.sold, one.earned, one.deferred)))
        for one in rows
    ]
    put_table(f"revenue up to {days.last}", columns, shown)


def show_recovery(settings: Settings, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
    """The funnel of dunning."""
    with connection(settings) as open_connection:
        rows = _days(open_connection, settings, since, until).of(funnel(open_connection))
    put_rows("recovery, by the day of the first decline", rows, as_json=as_json)


def show_lifecycle(settings: Settings, since: datetime | None, until: datetime | None, *, as_json: bool) -> None:
    """Cards by status and day."""
    with connection(settings) as open_connection:
        rows = _days(open_connection, settings, since, until).of(cards_by_day(open_connection))
    put_rows("cards by status at the end of a day", rows, as_json=as_json)


def show_ledger(settings: Settings, *, as_json: bool) -> None:
    """Debits and credits of each account."""
    with connection(settings) as open_connection:
        rows = balances(open_connection)
    if as_json:
        put_rows("ledger", rows, as_json=True)
        return
    shown: Sequence[tuple[str, ...]] = [
        (one.account, *(money(minor, one.currency) for minor in (one.debited, one.credited, one.balance)))
        for one in rows
    ]
    put_table("ledger", ("account", "debited", "credited", "balance"), shown)


def _days(
    open_connection: Connection[Any], settings: Settings, since: datetime | None, until: datetime | None
) -> _Days:
    now = read_control(open_connection, virtual_clock=settings.clock == "virtual").now
    first, last = since.date() if since else None, until.date() if until else now.date()
    if first is not None and first > last:
        raise typer.BadParameter(f"{first} is after {last}", param_hint="--from")
    return _Days(first, last)
