"""Strangers fill the queue of due cards and the events' subjects under a running system: renewals go on."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import nats
import psycopg
import pytest
from nats.js.errors import NotFoundError

from adapters import embedded
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.events import CARD_EVENTS_SUBJECT, EVENTS_STREAM
from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.parked import FOREIGN_KEPT, list_parked
from adapters.settings import load_settings
from tests.adapters.cards import FAR, RENEWED, card_id_of, cards_of
from tests.adapters.stored import public_messages, stored
from tests.engine.databases import application_url
from tests.journey.patience import until

RUBBISH_BODY = b"{ }"
RUBBISH = 9_000
"""More messages than the consumers may hold unacknowledged."""
CARDS = range(1, 10)


@pytest.fixture
def settings(tmp_path, database_url):
    with embedded.nats(tmp_path) as url:
        yield load_settings(
            home=tmp_path,
            database_url=application_url(database_url),
            owner_database_url=database_url,
            nats_url=url,
            clock="virtual",
            gateway_budget_s=0.5,
            ack_wait_s=1,
            fetch_ms=5,
            poll_ms=200,
        )


async def with_broker(url, work):
    client = await nats.connect(url)
    try:
        return await work(client)
    finally:
        await client.close()


async def put_rubbish(client):
    for _ in range(RUBBISH):
        await client.publish(DUE_SUBJECT, b'{"card_id":"\\u0000"}')
    for message_id in ("abc", "99999999"):
        await client.publish(f"{CARD_EVENTS_SUBJECT}.x.card_renewed", RUBBISH_BODY, headers={"Nats-Msg-Id": message_id})
    await client.flush()


async def queued(client):
    return (await client.jetstream().stream_info(DUE_STREAM)).state.messages


async def published(client):
    with suppress(NotFoundError):  # it is not made yet
        return await events_of(client)
    return []


async def events_of(client):
    return [message.data for message in await stored(client, EVENTS_STREAM) if message.data != RUBBISH_BODY]


def test_rubbish_in_both_streams_costs_no_renewal_and_no_event(settings):
    def broker(work):
        return asyncio.run(with_broker(settings.nats_url, work))

    with all_roles(settings), psycopg.connect(settings.database_url, autocommit=True) as connection:
        cards, pool = cards_of(connection, settings.database_url, timedelta(seconds=0.5))
        cards.register(*CARDS)
        until(lambda: broker(published))
        broker(put_rubbish)
        move_clock(connection, FAR)
        until(lambda: all("renewal_started" in cards.names(card_id_of(n)) for n in CARDS))
        move_clock(connection, FAR + timedelta(days=5))  # the notices that came late are old enough
        until(lambda: all(set(RENEWED) <= set(cards.names(card_id_of(n))) for n in CARDS))
        until(lambda: broker(queued) == 0)
        events = [message.body for message in public_messages(cards)]
        until(lambda: broker(published) == events)
        parked = list_parked(connection)
        assert {one.card_id for one in parked} <= {None}
        assert len(parked) < FOREIGN_KEPT + settings.pool_size
        pool.close()
