"""Trying to prove who it is: how often, for holders and operators alike."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from adapters.directory.answers import Wait
from adapters.directory.limits import Limit, count_failure, forget_failures, give_back, take
from adapters.directory.secret import keyed, secret_of
from adapters.directory.visit import Visit

FAILURES_PER_CLIENT = (Limit(20, timedelta(minutes=15)),)


class Tried(NamedTuple):
    """What is tried, such as `sign_in`, and as whom, whether there is such an account or not."""

    what: str
    account: str


async def judged(
    connection: AsyncConnection[Any], tried: Tried, judge: Callable[[], Awaitable[bool]], visit: Visit
) -> bool | Wait:
    """Whether the proof is right; counts before it judges, so that many at once gain nothing."""
    secret = await secret_of(connection)
    of_client = await take(
        connection, f"{tried.what}s_of_client", keyed(secret, visit.limited_as), FAILURES_PER_CLIENT, visit.now
    )
    if isinstance(of_client, Wait):
        return of_client
    key = keyed(secret, tried.what, tried.account)
    wait = await count_failure(connection, key, visit.now)
    if wait is not None:
        await give_back(connection, of_client)
        return wait
    if not await judge():
        return False
    await forget_failures(connection, key)
    await give_back(connection, of_client)
    return True
