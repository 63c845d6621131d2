#!/usr/bin/env python3
"""Follows the public events on RabbitMQ with aio-pika alone: in a queue of its own, each shown once and in order.

    follow_rabbitmq.py amqp://reader:secret@localhost my-system

What came before its first start is on the stream `baohao.v1.events`.
"""

import asyncio
import sys

import aio_pika


async def follow(url: str, name: str, last: tuple[int, int] = (0, 0)) -> None:
    """Show what is told after `last`, epoch and position, which belong where the effects are kept."""
    while True:
        try:
            async with await aio_pika.connect(url, timeout=5) as connection, connection.channel() as channel:
                await channel.set_qos(prefetch_count=1)  # what is delivered again does not come behind what is new
                queue = await channel.declare_queue(name, durable=True)
                await queue.bind("baohao.v1", "#")
                async with queue.iterator() as messages:
                    async for message in messages:
                        async with message.process(requeue=True):
                            last = show(message, last)
        except (aio_pika.exceptions.AMQPError, RuntimeError, OSError) as error:  # away, or made anew: ask again
            print(repr(error), file=sys.stderr, flush=True)
        await asyncio.sleep(1)


def show(message: aio_pika.abc.AbstractIncomingMessage, last: tuple[int, int]) -> tuple[int, int]:
    """Show an event unless it was shown before; the place after it."""
    ce = {key.removeprefix("cloudEvents_"): str(value) for key, value in message.headers.items()}
    place = int(ce["epoch"]), int(ce["position"])
    if place > last:
        if ce["type"] == "baohao.epoch_started.v1":
            print(f"what earlier epochs told of positions after {place[1]} is void", flush=True)
        print(ce["time"], ce.get("subject", "-"), ce["type"], message.body.decode(), flush=True)
    return max(place, last)


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:3]))
