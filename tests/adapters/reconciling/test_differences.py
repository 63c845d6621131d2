"""What reconciling found is kept: once, until it is found no more, or until a person closes it."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.differences import KINDS, close_differences, keep, list_differences, oldest_charge, what_to_do
from adapters.reconciling import Difference, Span
from tests.adapters.cards import BEGIN

DAY = timedelta(days=1)
NOW = BEGIN + 10 * DAY
WEEK = Span(NOW - 7 * DAY, NOW)


def difference(ref, kind="charge_unknown", *, days=3, provider_minor=1500, log_minor=None):
    return Difference(kind, UUID(int=1), UUID(int=2), ref, "EUR", provider_minor, log_minor, NOW - days * DAY)


def kept(connection):
    return [(one.gateway_ref, one.kind) for one in list_differences(connection, 100)]


def test_it_is_kept_once_and_since_it_was_found_first(connection):
    for later in range(3):
        keep(connection, WEEK, [difference("ch_1"), difference("ch_1")], NOW + later * DAY)
    [one] = list_differences(connection, 100)
    assert (one.gateway_ref, one.provider_minor, one.log_minor, one.found_at) == ("ch_1", 1500, None, NOW)
    assert oldest_charge(connection) == NOW - 3 * DAY


def test_what_is_found_no_more_is_gone_and_what_was_not_looked_at_stays(connection):
    month = Span(NOW - 30 * DAY, NOW)
    keep(connection, month, [difference("ch_1"), difference("ch_2"), difference("ch_old", days=20)], NOW)
    keep(connection, WEEK, [difference("ch_2")], NOW)
    assert kept(connection) == [("ch_2", "charge_unknown"), ("ch_old", "charge_unknown")]
    keep(connection, month, [], NOW)
    assert (kept(connection), oldest_charge(connection)) == ([], None)


def test_what_a_person_closed_stays_closed_until_its_amounts_change(connection):
    found = [difference("ch_1"), difference("ch_1", "refund_missing", log_minor=500), difference("ch_2")]
    keep(connection, WEEK, found, NOW)
    assert close_differences(connection, "ch_1", by="operator:cli", evidence="ticket 7") == 2
    assert close_differences(connection, "ch_1", by="operator:cli", evidence="again") == 0
    for later in (found, [], found):
        keep(connection, WEEK, later, NOW)
    assert kept(connection) == [("ch_2", "charge_unknown")]
    row = connection.execute("SELECT closed_by, evidence FROM differences WHERE kind = 'refund_missing'").fetchone()
    assert row == ("operator:cli", "ticket 7")
    keep(connection, WEEK, [difference("ch_1", provider_minor=1600)], NOW + DAY)
    [one] = list_differences(connection, 100)
    assert (one.provider_minor, one.found_at) == (1600, NOW + DAY)


@pytest.mark.parametrize("kind", KINDS)
def test_for_each_kind_it_is_said_what_a_person_does(kind):
    assert what_to_do(kind)
