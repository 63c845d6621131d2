"""Another system on the broker, which gives commands to the role that executes them."""

import asyncio
import json
from contextlib import suppress
from datetime import date

import nats.errors

from adapters.broker.commands import ANSWERS_STREAM, ASK_SUBJECT, COMMANDS_STREAM, COMMANDS_SUBJECT
from adapters.settings import load_settings
from tests.adapters.cards import card_id_of
from tests.adapters.stored import stored

SETTINGS = load_settings(clock="virtual", senders="crm,shop", fetch_ms=5)


def registration(number, **others):
    return {
        "command_id": f"register-{number}",
        "card_id": str(card_id_of(number)),
        "holder_id": f"holder-{number}",
        "plan": "keep-plus",
        "currency": "EUR",
        "zone": "Africa/Abidjan",
        "starts_on": str(date(2026, 12, 4)),
        "months": 1,
    } | others


class Broker:
    """What another system does with its connection."""

    def __init__(self, client):
        self.client = client

    async def queue(self, name, body, sender="crm", headers=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.client.jetstream().publish(f"{COMMANDS_SUBJECT}.{sender}.{name}", data, headers=headers)

    async def ask(self, name, body, sender="crm"):
        """The type of the answer without prefix and version, and the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return read(await self.client.request(f"{ASK_SUBJECT}.{sender}.{name}", data, timeout=60))

    async def left(self):
        return (await self.client.jetstream().stream_info(COMMANDS_STREAM)).state.messages

    async def answers(self):
        return [read(one) for one in await stored(self.client, ANSWERS_STREAM)]

    async def settled(self):
        """The answers, once nothing is left in the queue."""
        while await self.left():  # noqa: ASYNC110 (the broker tells nobody)
            await asyncio.sleep(0.02)
        return await self.answers()


def read(message):
    return message.headers["ce-type"].split(".")[1], json.loads(message.data)


async def answered(broker, *asked):
    """Ask as soon as the role listens."""
    while True:
        with suppress(nats.errors.NoRespondersError):
            return await broker.ask(*asked)
        await asyncio.sleep(0.01)
