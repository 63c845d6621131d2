"""A server for what goes wrong on the wire: it answers as it is told, and remembers what it was asked."""

import asyncio
import threading
from contextlib import contextmanager

from aiohttp import web
from msgspec import json

JSON = {"Content-Type": "application/json"}


def answer(status, body, **headers):
    """A whole answer; what is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.encode(body)

    async def give(request):
        return web.Response(status=status, body=content, headers=JSON | headers)

    return give


def slow(give):
    """The same after half a second."""

    async def later(request):
        await asyncio.sleep(0.5)
        return await give(request)

    return later


async def cut_short(request):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id": "pi_1"')
    request.transport.close()
    return response


async def stalled(request):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id": "pi_1"')
    await asyncio.sleep(30)
    return response


async def trickling(request):
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


async def silent(request):
    await asyncio.sleep(30)
    return web.Response()


async def oversized(request):
    response = web.StreamResponse(headers=JSON)
    await response.prepare(request)
    for _ in range(200):
        await response.write(b" " * 1_000_000)
    return response


async def closed(request):
    request.transport.close()
    return web.Response()


class Wire:
    """Answers by the first answer that is left, the last one for ever."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.headers = []
        self.url = ""

    def says(self, *answers):
        self.answers = list(answers)
        return self

    async def _handle(self, request):
        self.asked.append((request.method, request.path, await request.text()))
        self.headers.append(dict(request.headers))
        give = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return await give(request)

    @contextmanager
    def running(self):
        up, loop = threading.Event(), asyncio.new_event_loop()
        stop = asyncio.Event()

        async def serve():
            runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = "http://{}:{}".format(*runner.addresses[0][:2])
            up.set()
            await stop.wait()
            await runner.cleanup()

        thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
        thread.start()
        up.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()
