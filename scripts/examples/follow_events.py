#!/usr/bin/env python3
"""Follows the public events with nats-py alone: in order, from where it was, whatever the broker loses.

    follow_events.py nats://localhost:4222 my-system

It needs nats-py and nothing of Baohao; what the events say is in adapters/broker/schemas/. Other programs give `follow`
a function that is called with the headers and the data of each event.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import nats
import nats.errors
from nats.js.api import ConsumerConfig
from nats.js.errors import Error

ONE_AT_A_TIME = ConsumerConfig(max_ack_pending=1)  # what is delivered again does not come behind what is new
EPOCH_STARTED = "baohao.epoch_started.v1"
Place = tuple[int, int]
Handle = Callable[[Mapping[str, str], Any], None]


def place_of(headers: Mapping[str, str]) -> Place:
    """Epoch and position: what is not after the last place was told before."""
    return int(headers["ce-epoch"]), int(headers["ce-position"])


def void_after(headers: Mapping[str, str], last: Place) -> int | None:
    """In a new epoch, the position after which nothing holds that was told before; else None."""
    epoch, position = place_of(headers)
    return None if epoch <= last[0] else position - (headers["ce-type"] != EPOCH_STARTED)


async def follow(url: str, name: str, handle: Handle, idle_s: float | None = None) -> None:
    """Call `handle` for each event; end when none came for `idle_s` seconds, where that is given."""
    client = await nats.connect(url, max_reconnect_attempts=-1)
    while True:
        with suppress(nats.errors.Error, Error):  # idle, or the broker or its stream is away: subscribe again
            events = await client.jetstream().pull_subscribe("baohao.v1.>", name, "BAOHAO_EVENTS", ONE_AT_A_TIME)
            while True:
                try:
                    [event] = await events.fetch(1, timeout=idle_s or 60)
                except nats.errors.TimeoutError:
                    if idle_s:
                        return await client.close()
                    raise
                if (event.headers or {}).get("ce-specversion"):  # else it is none of Baohao's
                    handle(event.headers, json.loads(event.data))
                await event.ack_sync()
        await asyncio.sleep(0.2)


def main() -> None:
    """Show what is told."""
    last: Place = (0, 0)

    def show(headers: Mapping[str, str], data: object) -> None:
        nonlocal last
        if place_of(headers) > last:
            if (position := void_after(headers, last)) is not None and last != (0, 0):
                print(f"what was told of positions after {position} is void", flush=True)
            last = place_of(headers)
            print(headers["ce-time"], headers.get("ce-subject", "-"), headers["ce-type"], data, flush=True)

    asyncio.run(follow(*sys.argv[1:3], show))


if __name__ == "__main__":
    main()
