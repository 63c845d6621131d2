"""The common pace: turns of all processes together, in one row of a real PostgreSQL."""

import asyncio
import time
from datetime import timedelta

import psycopg
import pytest

from adapters.gateways.pace import NoTurnError, Pace
from adapters.schema import migrate
from tests.engine.databases import application_url

LONG = timedelta(seconds=30)


@pytest.fixture
def url(database_url):
    migrate(database_url, application_url(database_url))
    return application_url(database_url)


def turns(*paces, each):
    """When each of so many turns of each process came, in seconds from the first, in order; None: none in time."""

    async def one(pace):
        try:
            await pace.turn()
        except NoTurnError:
            return None
        return time.monotonic()

    async def together():
        began = time.monotonic()
        came = await asyncio.gather(*(one(pace) for pace in paces for _ in range(each)))
        await asyncio.gather(*(pace.close() for pace in paces))
        return sorted(at - began for at in came if at is not None), came.count(None)

    return asyncio.run(together())


def test_requests_are_spread_at_the_rate(url):
    came, none = turns(Pace(url, 100, LONG), each=30)
    assert none == 0
    assert came[-1] - came[0] == pytest.approx(0.29, abs=0.15)


def test_all_processes_share_the_rate(url):
    came, _ = turns(Pace(url, 100, LONG), Pace(url, 100, LONG), Pace(url, 100, LONG), each=10)
    assert came[-1] - came[0] > 0.2  # each for itself they would take 0.09; the first may be seen late


def test_a_turn_that_would_come_too_late_is_refused_at_once_and_taken_by_nobody(url):
    came, none = turns(Pace(url, 10, timedelta(seconds=0.5)), each=50)
    assert (len(came), none) == (5, 45)
    assert came[-1] < 1
    again, _ = turns(Pace(url, 10, LONG), each=1)
    assert again[0] < 0.5


def test_turns_of_a_batch_are_reserved_in_one_round_trip(url):
    class Counting(Pace):
        asked = 0

        async def _asked(self, wanted):
            self.asked += 1
            return await super()._asked(wanted)

    pace = Counting(url, 10_000, LONG)
    turns(pace, each=200)
    assert pace.asked <= 2


def test_idle_time_is_not_saved_up(url):
    turns(Pace(url, 100, LONG), each=1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE gateway_pace SET next_at = next_at - interval '1 hour'")
    came, _ = turns(Pace(url, 100, LONG), each=20)
    assert came[-1] - came[0] > 0.18


def test_a_connection_that_was_cut_is_made_anew(url, database_url):
    async def cut_off():
        pace = Pace(url, 1000, LONG)
        await pace.turn()
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        await pace.turn()
        await pace.close()

    asyncio.run(cut_off())


def test_without_the_database_nothing_is_sent():
    async def without():
        pace = Pace("postgresql://127.0.0.1:1/nothing", 1000, LONG)
        with pytest.raises(NoTurnError) as error:
            await pace.turn()
        await pace.close()
        return error.value.known

    assert asyncio.run(without()) is False


def test_a_caller_that_gives_up_holds_nobody_up(url):
    async def given_up():
        pace = Pace(url, 1000, LONG)
        waiting = [asyncio.ensure_future(pace.turn()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(*waiting[1:])
        await pace.close()

    asyncio.run(given_up())
