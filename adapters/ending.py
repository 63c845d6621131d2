"""Ending a task of asyncio for certain."""

import asyncio
from typing import Any

AGAIN_S = 0.2


async def end(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks until they have ended.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, on which libraries wait too, loses a cancellation that
    comes together with its result.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)  # or what one failed of would be logged as never looked at
