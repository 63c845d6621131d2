"""The record of operators has an end: in batches, and never within the last year, whatever anybody asks for."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg

from adapters.clock import recorded_now
from adapters.schema import migrate
from adapters.web.console import record
from adapters.web.console.record import Entry, begin, forget_entries
from tests.engine.databases import application_url


def test_what_is_older_is_removed_in_batches_and_the_last_year_is_kept(empty_url, monkeypatch):
    monkeypatch.setattr(record, "FORGOTTEN_AT_ONCE", 2)
    url = application_url(empty_url)
    migrate(empty_url, url)
    ages = (1, 300, 400, 1000, 1100, 1200, 1300, 1400)

    async def work():
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for days in ages:
                entry = Entry("op-1", "see_card", about=str(days), action_id=uuid4())
                await begin(connection, entry, recorded_now() - timedelta(days=days), "shown")
            removed = [await forget_entries(connection, days) for days in (1096, 1096, 0)]
            rows = await connection.execute("SELECT about FROM operator_actions ORDER BY at DESC")
            return removed, [int(about) for (about,) in await rows.fetchall()]

    assert asyncio.run(work()) == ([4, 0, 2], [1, 300])
