"""Another system gives commands until each is answered, while those who execute them, and the broker, die."""

import asyncio
import json
import os
import random
import signal
import sys
from collections import defaultdict
from uuid import UUID, uuid5

import nats
import nats.errors
import psycopg
import pytest

from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.settings import load_settings
from tests.adapters.cards import BEGIN
from tests.journey.patience import until

ANSWERED_WITHIN_S = 3
AT_ONCE = 500
SEED = 5


def card_id_of(number):
    return str(uuid5(UUID(int=8), str(number)))


def registration(number):
    return {
        "command_id": f"register-{number}",
        "card_id": card_id_of(number),
        "holder_id": f"holder-{number}",
        "plan": "keep-plus",
        "currency": "EUR",
        "zone": "Africa/Abidjan",
        "starts_on": "2026-12-04",
        "months": 1,
    }


class Sender:
    """A system that gives each command, sometimes twice and by either door, until it has an answer."""

    def __init__(self, url, many):
        self.url, self.answers, self.open = url, defaultdict(set), {f"register-{n}": n for n in range(many)}
        self._random = random.Random(SEED)

    async def give_all(self):
        client = await nats.connect(self.url, max_reconnect_attempts=-1, reconnect_time_wait=0.2)
        await client.subscribe("baohao.v1.answer.crm.*", cb=self._hear)
        while self.open:
            numbers = list(self.open.values())
            for start in range(0, len(numbers), AT_ONCE):
                await asyncio.gather(*(self._give(client, number) for number in numbers[start : start + AT_ONCE]))
            if self.open:
                await asyncio.sleep(ANSWERED_WITHIN_S)
        await client.close()

    async def _give(self, client, number):
        body = json.dumps(registration(number)).encode()
        for _ in range(self._random.choice((1, 1, 2))):
            try:
                if self._random.random() < 0.5:
                    subject = "baohao.v1.command.crm.register_card"
                    await client.jetstream().publish(subject, body, timeout=ANSWERED_WITHIN_S)
                else:
                    subject = "baohao.v1.ask.crm.register_card"
                    await self._hear(await client.request(subject, body, timeout=ANSWERED_WITHIN_S))
            except (nats.errors.Error, TimeoutError):
                continue  # whoever executes it was killed, or the broker: it is given again

    async def _hear(self, message):
        answer = json.loads(message.data)
        kind = message.headers["ce-type"].split(".")[1]
        if kind != "command_failed":
            self.answers[answer["command_id"]].add((kind, answer.get("changed")))
            self.open.pop(answer["command_id"], None)


@pytest.mark.parametrize(
    ("many", "kills", "wipes"),
    [pytest.param(300, 3, 1, id="few"), pytest.param(50_000, 20, 2, id="many", marks=pytest.mark.slow)],
)
def test_each_command_is_executed_once_and_answered(broker, wipe, served, many, kills, wipes):
    another = {"commands#2": (sys.executable, "-m", "adapters.cli.role", "commands", "0")}
    sender, generator = Sender(broker[1], many), random.Random(SEED)

    async def killing(supervisor):
        giving = asyncio.create_task(sender.give_all())
        for number in range(kills):
            until = many * (kills - number) // (kills + 1)
            while len(sender.open) > until:  # noqa: ASYNC110 (it says nothing)
                await asyncio.sleep(0.02)
            if pids := supervisor.pids()["commands"]:
                os.kill(generator.choice(pids), signal.SIGKILL)
            if number < wipes:
                await asyncio.to_thread(wipe)
        await giving

    settings = load_settings(**served, senders="crm")
    with (
        psycopg.connect(settings.database_url, autocommit=True) as connection,
        all_roles(settings, ("commands",), beside=another) as (_, supervisor),
    ):
        move_clock(connection, BEGIN)
        asyncio.run(killing(supervisor))
        rows = connection.execute("SELECT originator_id::text, count(*) FROM card_events GROUP BY 1").fetchall()
        until(lambda: sum(supervisor.restarts.values()) > 0)  # what was killed last is started a moment later
    assert dict(rows) == {card_id_of(number): 1 for number in range(many)}
    assert set(sender.answers) == {f"register-{number}" for number in range(many)}
    assert {answer for heard in sender.answers.values() for answer in heard} == {("command_accepted", True)}
