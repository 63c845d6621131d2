"""Single requests to Stripe and whole lists, at the common pace; who is not let in does not go on."""

import asyncio
from collections.abc import Mapping
from typing import Literal, TypeVar

from msgspec import Struct

from adapters.gateways.pace import CONCURRENCY, NoTurnError, Turn
from adapters.gateways.stripe_objects import ErrorBody, Failure, Page, read
from adapters.gateways.stripe_transport import Reply, Requests, Unanswered
from adapters.settings import SettingsError

PER_PAGE = 50
"""Half of Stripe's largest page: with its charge a PaymentIntent takes up to ten thousand bytes."""
LIST_MAX = 20_000
"""Longer lists are not read at once: they are not what was meant to be asked for, and would not fit into memory."""
REFUSED_KEY = 401
REFUSED_RIGHT = 403
_SERVER_ERRORS = 500
OK = 200
CARD_ERROR = 402
REFUSED = (400, 404, 409, 429)

S = TypeVar("S", bound=Struct)


class StripeApi:
    """Stripe's API for one account in one mode; `turn` is awaited before each request."""

    def __init__(self, key: str, url: str, turn: Turn, *, livemode: bool) -> None:
        self.livemode = livemode
        self._requests = Requests(key, url, CONCURRENCY)
        self._turn = turn
        self._connections = asyncio.Semaphore(CONCURRENCY)

    async def post(self, path: str, key: str, parameters: Mapping[str, object]) -> Reply:
        """Do something once; raises Unanswered, and SettingsError if our key is refused."""
        return await self._send("post", path, parameters, key)

    async def get(self, path: str, parameters: Mapping[str, object]) -> Reply:
        """Read something; raises as `post`."""
        return await self._send("get", path, parameters)

    async def fetch(self, path: str, kind: type[S], parameters: Mapping[str, object]) -> S:
        """An object that exists; raises Unanswered `not_listed` where Stripe does not know it, and as `post`."""
        reply = await self.get(path, parameters)
        if reply.status in REFUSED:
            raise Unanswered("not_listed")
        if reply.status != OK:
            raise unexpected(reply)
        return read(reply.body, kind)

    async def list_all(self, path: str, kind: type[S], parameters: Mapping[str, object]) -> list[S]:
        """All objects of a list, page by page, newest first; raises as `fetch`, and `too_large`."""
        found, has_more = await self.list_newest(path, kind, parameters)
        if has_more:
            raise Unanswered("too_large")
        return found

    async def list_newest(self, path: str, kind: type[S], parameters: Mapping[str, object]) -> tuple[list[S], bool]:
        """The first LIST_MAX objects or a few more, newest first, and whether the list goes on; raises as `fetch`."""
        found: list[S] = []
        after: dict[str, object] = {}
        while True:
            page = await self.fetch(path, Page[kind], {**parameters, "limit": PER_PAGE, **after})
            found += page.data
            if not page.has_more or not page.data:
                return found, False
            if len(found) >= LIST_MAX:
                return found, True
            after = {"starting_after": page.data[-1].id}  # pyright: ignore[reportAttributeAccessIssue] (all have one)

    async def close(self) -> None:
        """Close the connections."""
        await self._requests.close()

    async def _send(
        self, method: Literal["get", "post"], path: str, parameters: Mapping[str, object], key: str | None = None
    ) -> Reply:
        await self._turn_comes()
        waits = self._connections.locked()
        async with self._connections:
            if waits:  # its turn has passed, and all that waited would be sent at once
                await self._turn_comes()
            reply = await self._requests.send(method, path, parameters, key)
        if reply.status in (REFUSED_KEY, REFUSED_RIGHT):
            raise SettingsError(_refusal(reply.status))
        return reply

    async def _turn_comes(self) -> None:
        try:
            await self._turn()
        except NoTurnError as error:
            raise Unanswered("no_turn" if error.known else "rate_unknown") from None


def failure_of(reply: Reply) -> Failure:
    """What an error says; raises Unanswered `not_understood`."""
    return read(reply.body, ErrorBody).error


def unexpected(reply: Reply) -> Unanswered:
    """An answer of a status that means nothing definite."""
    return Unanswered("server_error" if reply.status >= _SERVER_ERRORS else "unexpected_status")


def _refusal(status: int) -> str:
    if status == REFUSED_KEY:
        return "Stripe does not accept the key of BAOHAO_STRIPE_KEY: put in one that is valid, then start again."
    return "The key of BAOHAO_STRIPE_KEY may not do what Baohao does: give it the rights at Stripe, then start again."
