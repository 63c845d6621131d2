"""Somebody else on RabbitMQ: reads what was told, and breaks what Baohao has made there."""

import asyncio

import aio_pika

from adapters.broker.outlets.rabbitmq import EXCHANGE, STREAM

END = "end"
"""Routing key of a message after which nothing follows."""


class Reader:
    def __init__(self, run, url):
        self._run, self._url = run, url

    def do(self, work):
        """Run `work(channel)` on a connection of its own."""

        async def alone():
            async with await aio_pika.connect(self._url) as connection, connection.channel() as channel:
                return await work(channel)

        return self._run(alone())

    def wipe(self):
        async def delete(channel):
            await channel.queue_delete(STREAM)
            await channel.exchange_delete(EXCHANGE)

        self.do(delete)

    def told(self):
        """All messages that the stream keeps, in order."""
        return self.do(read_all)


async def read_all(channel):
    found, ended = [], asyncio.Event()

    async def read(message):
        await message.ack()
        if message.routing_key == END:
            ended.set()
        else:
            found.append(message)

    exchange = await channel.get_exchange(EXCHANGE)
    await exchange.publish(aio_pika.Message(b""), END)
    await channel.set_qos(100)
    stream = await channel.get_queue(STREAM)
    await stream.consume(read, arguments={"x-stream-offset": "first"})
    async with asyncio.timeout(60):
        await ended.wait()
    return found


def ids(messages):
    return [message.message_id for message in messages]
