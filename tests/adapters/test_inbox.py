"""The inbox: a notification is kept once, taken by one at a time, taken again if its taker fails, and pruned late."""

import asyncio

import psycopg
import pytest

from adapters.gateways.stripe_notifications import Hint
from adapters.inbox import LEASE_S, keep, settle, take
from tests.adapters.cards import FAR
from tests.engine.databases import application_url


@pytest.fixture
def opened(run, connection, database_url):
    """Opens connections of the application, which close with the test."""
    made = []

    def new():
        made.append(run(psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True)))
        return made[-1]

    yield new
    for one in made:
        run(one.close())


@pytest.fixture
def inbox(opened):
    return opened()


def hints(*numbers):
    return [Hint(f"evt_{number:03}", "charge.succeeded", FAR) for number in numbers]


def ids(taken):
    return sorted(one.hint.event_id for one in taken)


def test_it_is_kept_once_however_often_it_is_delivered(run, inbox):
    run(keep(inbox, [*hints(1, 2), *hints(1)]))
    run(keep(inbox, hints(2)))
    taken = run(take(inbox, 10))
    assert ids(taken) == ["evt_001", "evt_002"]
    assert hints(1)[0] in [one.hint for one in taken]


def test_what_is_settled_is_never_taken_again_though_it_is_delivered_again(run, inbox):
    run(keep(inbox, hints(1)))
    run(settle(inbox, ["evt_001"]))
    run(keep(inbox, hints(1)))
    assert run(take(inbox, 10)) == []


def test_takers_at_the_same_time_never_share_one(run, opened):
    run(keep(opened(), hints(*range(60))))
    takers = [opened() for _ in range(4)]

    async def all_of_them():
        return await asyncio.gather(*(take(one, 20) for one in takers))

    taken = [event for found in run(all_of_them()) for event in ids(found)]
    assert sorted(taken) == ids_of(range(60))


def ids_of(numbers):
    return [one.event_id for one in hints(*numbers)]


def test_one_is_left_to_its_taker_and_taken_again_when_the_lease_has_run_out(run, inbox, connection):
    run(keep(inbox, hints(1)))
    for tries in (1, 2, 3):
        [taken] = run(take(inbox, 10))
        assert taken.tries == tries
        assert run(take(inbox, 10)) == []
        [(left_s,)] = connection.execute("SELECT extract(epoch FROM next_try_at - now()) FROM inbox").fetchall()
        assert LEASE_S * 2 ** (tries - 1) - 30 < left_s <= LEASE_S * 2 ** (tries - 1)
        connection.execute("UPDATE inbox SET next_try_at = now() - interval '1 second'")


def test_those_that_have_waited_longest_come_first(run, inbox, connection):
    run(keep(inbox, hints(1, 2)))
    connection.execute("UPDATE inbox SET next_try_at = now() - interval '1 hour' WHERE provider_event = 'evt_002'")
    assert ids(run(take(inbox, 1))) == ["evt_002"]


def test_what_was_settled_thirty_days_ago_is_deleted_and_what_is_open_never(run, inbox, connection):
    run(keep(inbox, hints(1, 2, 3, 4)))
    run(settle(inbox, ["evt_001", "evt_002"]))
    connection.execute("UPDATE inbox SET received_at = now() - interval '90 days'")
    connection.execute("UPDATE inbox SET settled_at = now() - interval '31 days' WHERE provider_event = 'evt_001'")
    connection.execute("UPDATE inbox SET settled_at = now() - interval '29 days' WHERE provider_event = 'evt_002'")
    run(settle(inbox, ["evt_004"]))
    kept = connection.execute("SELECT provider_event FROM inbox ORDER BY 1").fetchall()
    assert kept == [("evt_002",), ("evt_003",), ("evt_004",)]
