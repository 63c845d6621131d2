"""Waiting for the broker and reading the log at the same time: what takes turns would take as long as both together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
Found = TypeVar("Found")


async def meanwhile(work: Awaitable[T], look: Callable[[], Found]) -> tuple[T, Found]:
    """The result of `work`, and what `look` found in a thread beside it.

    Where `work` fails, `look` is waited for all the same: it uses a connection that others go on with.
    """
    looking = asyncio.create_task(asyncio.to_thread(look))
    try:
        done = await work
    finally:
        await asyncio.gather(looking, return_exceptions=True)
    return done, looking.result()
