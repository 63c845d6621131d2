"""Commands of another system over the broker: how many a second by each door, and how long one takes at rest."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import UUID, uuid5

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.cli.serving import all_roles
from adapters.settings import Settings

Show = Callable[[str, int, int], None]

AT_ONCE = 512
"""Commands under way, as of a system that does not wait for each answer."""
AT_REST = 300
PAUSE_S = 0.02
PATIENCE_S = 120
SENDER = "bench"


def command_figures(settings: Settings, cards: int, show: Show) -> dict[str, Any]:
    """Register so many cards by each door, with one process of the role; then single commands, one after the other."""
    with all_roles(settings.model_copy(update={"senders": SENDER}), ("commands",)) as (running, _):
        return asyncio.run(_measured(running.nats_url, cards, show))


async def _measured(url: str, cards: int, show: Show) -> dict[str, Any]:
    client = await nats.connect(url)
    giving = _Giving(client, cards, show)
    await client.subscribe(f"baohao.v1.answer.{SENDER}.*", cb=giving.heard)
    await giving.answered(lambda: giving.ask(cards * 3))  # until the role listens
    figures: dict[str, Any] = {"commands": cards}
    for name, give, first in (("queue", giving.queue, 0), ("requests", giving.ask, cards)):
        started = perf_counter()
        await giving.all_of(name, give, range(first, first + cards))
        figures[f"{name}_per_s"] = round(cards / (perf_counter() - started))
    for name, give, first in (("queue", giving.queue, 2 * cards), ("request", giving.ask, 2 * cards + AT_REST)):
        times = [await giving.one(give, number) for number in range(first, first + AT_REST)]
        figures |= {f"{name}_p50_ms": round(1e3 * quantiles(times, n=100)[49], 1)}
        figures |= {f"{name}_p99_ms": round(1e3 * quantiles(times, n=100)[98], 1)}
    await client.close()
    return figures


class _Giving:
    """One sender, and the answers that it has heard on its stream."""

    def __init__(self, client: Client, cards: int, show: Show) -> None:
        self._client, self._cards, self._show = client, cards, show
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def heard(self, message: Msg) -> None:
        """An answer; refused ones end the benchmark."""
        answer = json.loads(message.data)
        if (future := self._waiting.pop(answer["command_id"], None)) is not None and not future.done():
            if answer.get("changed"):
                future.set_result(None)
            else:
                future.set_exception(RuntimeError(f"no registration: {answer}"))

    async def queue(self, number: int) -> None:
        """Give a command to the queue, and wait for its answer."""
        name, body = _registration(number)
        future = self._waiting[name] = asyncio.get_running_loop().create_future()
        await self._client.jetstream().publish(f"baohao.v1.command.{SENDER}.register_card", body, timeout=PATIENCE_S)
        await future

    async def ask(self, number: int) -> None:
        """Ask, and wait for the reply."""
        _, body = _registration(number)
        reply = await self._client.request(f"baohao.v1.ask.{SENDER}.register_card", body, timeout=PATIENCE_S)
        if not json.loads(reply.data).get("changed"):
            raise RuntimeError(f"no registration: {reply.data.decode()}")

    async def all_of(self, name: str, give: Callable[[int], Awaitable[None]], numbers: range) -> None:
        """Give all of them, so many at once."""
        free = asyncio.Semaphore(AT_ONCE)
        done = 0

        async def one(number: int) -> None:
            nonlocal done
            async with free:
                await give(number)
            done += 1
            self._show(f"commands by the {name}", done, len(numbers))

        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(one(number))

    async def one(self, give: Callable[[int], Awaitable[None]], number: int) -> float:
        """How long one takes, given to a system at rest."""
        await asyncio.sleep(PAUSE_S)
        started = perf_counter()
        await give(number)
        return perf_counter() - started

    async def answered(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask until somebody answers."""
        deadline = perf_counter() + PATIENCE_S
        while True:
            try:
                return await ask()
            except nats.errors.NoRespondersError:
                if perf_counter() > deadline:
                    raise
                await asyncio.sleep(PAUSE_S)


def _registration(number: int) -> tuple[str, bytes]:
    name = f"register-{number}"
    body = {
        "command_id": name,
        "card_id": str(uuid5(UUID(int=9), name)),
        "holder_id": f"holder-{number}",
        "plan": "keep-plus",
        "currency": "EUR",
        "zone": "Africa/Abidjan",
        "starts_on": "2026-12-04",
        "months": 1,
    }
    return name, json.dumps(body).encode()
