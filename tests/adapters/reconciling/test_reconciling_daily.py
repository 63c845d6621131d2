"""Reconciling by itself, once a day: what differs is logged and kept, and nothing is recorded."""

from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.differences import keep, list_differences
from adapters.reconciling import Difference, Span
from adapters.reconciling_daily import reconcile, until_next
from engine.ports import Declined
from engine.rules import Gap
from tests.adapters.cards import BEGIN, PRICE
from tests.adapters.reconciling.conftest import BUDGET, NOW

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2027-01-05T02:00+00:00", 1), ("2027-01-05T03:00+00:00", 24), ("2027-01-05T23:00+00:00", 4)],
)
def test_it_is_done_by_itself_once_a_day(now, hours):
    assert until_next(datetime.fromisoformat(now)) == timedelta(hours=hours)


def daily(provider, **rules):
    """What one day's reconciling logged."""

    @asynccontextmanager
    async def listing():
        yield provider.listing()

    def read_rules():
        return replace(provider.cards.rules()[0], **rules), NOW

    with capture_logs() as logged:
        provider.run(reconcile(provider.use, read_rules, listing, BUDGET))
    return logged


def test_each_difference_is_logged_and_kept_and_nothing_recorded(provider):
    provider.charged()
    request = provider.charged(answer=Declined(code="generic_decline"))
    before = provider.cards.log()
    difference, done = daily(provider)
    assert (difference["event"], difference["kind"]) == ("reconcile.difference", "charge_unrecorded")
    assert (difference["attempt_id"], difference["provider_minor"]) == (str(request.attempt_id), PRICE)
    assert (done["event"], done["differences"], done["charge_unrecorded"]) == ("reconcile.done", 1, 1)
    assert (done["at_provider"], done["in_log"]) == (2, 1)
    assert provider.cards.log() == before
    [kept] = provider.use(lambda connection: list_differences(connection, 10))
    assert (kept.kind, kept.attempt_id, kept.found_at) == ("charge_unrecorded", request.attempt_id, NOW)


def test_it_looks_back_to_what_it_found_before_but_not_for_ever(provider):
    span, ref = Span(BEGIN - 100 * DAY, NOW), "ch_gone"
    for days, is_kept in ((20, False), (40, True)):
        old = Difference("charge_missing", UUID(int=1), UUID(int=2), ref, "EUR", None, PRICE, NOW - days * DAY)
        provider.use(lambda connection, old=old: keep(connection, span, [old], NOW))
        daily(provider)
        assert bool(provider.use(lambda connection: list_differences(connection, 10))) is is_kept


def test_after_a_restore_it_is_left_out(simulated, connection):
    [logged] = daily(simulated, restored=Gap(BEGIN, NOW))
    assert logged["event"] == "reconcile.left_out"


def test_a_provider_that_does_not_list_is_asked_again_the_next_day(sandbox, stripe):
    sandbox.listing = lambda: stripe("http://127.0.0.1:9")
    [logged] = daily(sandbox)
    assert logged["event"] == "reconcile.not_listed"
