"""A sandbox in a thread of its own, for tests and for whatever has no event loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.gateways.sandbox.server import Exchange, Options, serving


@contextmanager
def running(options: Options | None = None, observe: Callable[[Exchange], None] | None = None) -> Iterator[str]:
    """The address of a sandbox that runs until the block ends; raises OSError where the port is taken."""
    up = threading.Event()
    found: list[str | BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        try:
            async with serving(options, observe) as address:
                found.append(address)
                up.set()
                await stop.wait()
        except BaseException as error:
            found.append(error)
            raise
        finally:
            up.set()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(serve())
            except OSError:
                return  # the starter raises it

    thread = threading.Thread(target=run, name="sandbox", daemon=True)
    thread.start()
    up.wait()
    if isinstance(found[0], BaseException):
        thread.join()
        raise found[0]
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
