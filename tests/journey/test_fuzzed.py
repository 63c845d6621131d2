"""Whatever strangers and senders put on any subject, no role ends or stalls, and each command gets an answer."""

import asyncio
import json
import random
from contextlib import suppress
from datetime import timedelta

import nats
import nats.errors
import psycopg
import pytest

from adapters.broker.commands import COMMANDS_STREAM, KINDS
from adapters.broker.due import DUE_STREAM
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.jobs import JOBS
from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.roles import ROLES
from adapters.settings import load_settings
from tests.adapters.cards import FAR, RENEWED, card_id_of, cards_of
from tests.adapters.stored import stored
from tests.engine.every_command import EXAMPLES
from tests.journey.patience import until

CARDS = range(1, 10)
LATER = range(301, 310)
"""Registered afterwards, and due by FAR."""
SUBJECTS = (
    "baohao.due",
    "baohao.v1.command.crm.{name}",
    "baohao.v1.command.crm.{name}",
    "baohao.v1.command.stranger.{name}",
    "baohao.v1.ask.crm.{name}",
    "baohao.v1.ask.crm.{name}",
    "baohao.v1.answer.crm.command_accepted",
    "baohao.v1.card.{card}.card_renewed",
    "baohao.v1.stream.epoch_started",
    "baohao.v1.audit.seal",
)
HEADERS = ("Baohao-Answer-To", "Nats-Msg-Id", "ce-id", "ce-position", "ce-specversion", "ce-type", "Nats-Rollup")
VALUES = ("", "abc", "99999999999999999999", "_INBOX.x", "baohao.due", "\u00fc", "1.0", "x" * 3000)


class Fuzz:
    """Messages that are nearly right, or not at all."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def message(self):
        name = self._random.choice([*KINDS, *JOBS, "make_tea", "*", "card"]) if self._chance(0.9) else "a"
        subject = self._random.choice(SUBJECTS).format(name=name.replace("*", "star"), card=card_id_of(1))
        return subject, self._body(name), self._headers()

    def _chance(self, of):
        return self._random.random() < of

    def _headers(self):
        if self._chance(0.7):
            return None
        return {self._random.choice(HEADERS): self._random.choice(VALUES)}

    def _body(self, name):
        if self._chance(0.1):
            return self._random.randbytes(self._random.randrange(200))
        card_id = str(card_id_of(self._random.choice([*CARDS, 99])))
        fields = EXAMPLES[KINDS[name]].fields if name in KINDS else {}
        if self._chance(0.1):
            return json.dumps({"card_id": card_id}).encode()  # that it is due
        body = {"command_id": f"fuzz-{self._random.randrange(2000)}", "card_id": card_id, **fields}
        for _ in range(self._random.choice((0, 1, 2))):
            key = self._random.choice([*body, "colour"])
            body[key] = self._random.choice(
                (None, "", -1, 1e308, 2**70, [], {}, "\x00", "x" * 5000, True, [[[]]], "2026-02-30")
            )
        text = json.dumps(body).encode()
        if self._chance(0.2):
            place = self._random.randrange(len(text))
            text = text[:place] + self._random.randbytes(3) + text[place + self._random.randrange(4) :]
        return text


async def put_all(url, many):
    """Put so many messages; the types of the replies to those that ask."""
    client, fuzz, asked = await nats.connect(url), Fuzz(many), []
    for number in range(many):
        subject, body, headers = fuzz.message()
        if ".ask." in subject:
            asked.append(asyncio.create_task(client.request(subject, body, timeout=60, headers=headers)))
        else:
            await client.publish(subject, body, headers=headers)
        if number % 200 == 0:
            await client.flush()
    await client.flush()
    replies = await asyncio.gather(*asked)
    await client.close()
    return [reply.headers["ce-type"] for reply in replies]


async def with_client(url, work):
    client = await nats.connect(url)
    try:
        return await work(client)
    finally:
        await client.close()


async def emptied(client):
    streams = [await client.jetstream().stream_info(name) for name in (DUE_STREAM, COMMANDS_STREAM)]
    return all(stream.state.messages == 0 for stream in streams)


@pytest.mark.parametrize("many", [600, pytest.param(20_000, marks=pytest.mark.slow)])
def test_nothing_ends_or_stalls_and_every_request_is_answered(served, many):
    settings = load_settings(**served, senders="crm", gateway_budget_s=0.5, ack_wait_s=1, fetch_ms=5, poll_ms=200)
    with (
        all_roles(settings, (*ROLES, "commands")) as (_, supervisor),
        psycopg.connect(settings.database_url, autocommit=True) as connection,
    ):
        cards, pool = cards_of(connection, settings.database_url, timedelta(seconds=0.5))
        until(lambda: asyncio.run(with_client(settings.nats_url, listens)))
        kinds = asyncio.run(put_all(settings.nats_url, many))
        assert (
            {"baohao.command_refused.v1"} <= set(kinds) <= {"baohao.command_refused.v1", "baohao.command_accepted.v1"}
        )
        until(lambda: asyncio.run(with_client(settings.nats_url, emptied)))
        cards.register(*LATER)
        move_clock(connection, FAR)
        until(lambda: all("renewal_started" in cards.names(card_id_of(n)) for n in LATER))
        move_clock(connection, FAR + timedelta(days=5))  # the notices that came late are old enough
        until(lambda: all(set(RENEWED) <= set(cards.names(card_id_of(n))) for n in LATER))
        until(lambda: set(cards.public_ids()) <= asyncio.run(with_client(settings.nats_url, events)))
        assert sum(supervisor.restarts.values()) == 0
        pool.close()


async def listens(client):
    """Whether the role answers requests, after which its streams are there."""
    with suppress(nats.errors.NoRespondersError):
        return await client.request("baohao.v1.ask.crm.make_tea", b"{}", timeout=5)


async def events(client):
    return {str((message.headers or {}).get("Nats-Msg-Id")) for message in await stored(client, EVENTS_STREAM)}
