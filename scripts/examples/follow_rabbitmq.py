#!/usr/bin/env python3
"""Follows the public events on RabbitMQ with aio-pika alone: in a queue of its own, each shown once and in order.

    follow_rabbitmq.py amqp://reader:secret@localhost my-system

What came before its first start is on the stream `baohao.v1.events`.
"""

import asyncio
import sys

import aio_pika


async def follow(url: str, name: str) -> None:
    """Show what is told; the queue keeps what comes while nobody looks."""
    last = (0, 0)  # keep it where the effects are kept: what is not after it was told before
    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)  # what is delivered again does not come behind what is new
        exchange = await channel.declare_exchange("baohao.v1", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(name, durable=True)
        await queue.bind(exchange, "#")
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process(requeue=True):
                    ce = {key.removeprefix("cloudEvents_"): str(value) for key, value in message.headers.items()}
                    place = int(ce["epoch"]), int(ce["position"])
                    if place <= last:
                        continue
                    if ce["type"] == "baohao.epoch_started.v1":
                        print(f"what earlier epochs told of positions after {place[1]} is void", flush=True)
                    last = place
                    print(ce["time"], ce.get("subject", "-"), ce["type"], message.body.decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:3]))
