"""The way to Stripe: requests as the official library writes them, answers as bytes, bounded in size.

The library's own transports cost ten times as much, follow redirects, or bound only each single read; its errors hold
the whole body. So this one never lets the library read an answer: it hands it an empty one, with the real one aside.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Literal, NamedTuple

import aiohttp
import stripe
from stripe import _api_requestor as requesting
from stripe import _util as library_internals

from engine.errors import BaohaoError

BODY_MAX = 1_000_000
"""Bytes of the largest answer that is read; a hundred charges with all that Stripe says of them are half of it."""
API_VERSION = "2026-05-27.dahlia"
"""The version of Stripe's API whose answers we understand; a newer library asks for a newer one unless told."""

UnclearReason = Literal[
    "timeout",
    "unreachable",
    "connection_lost",
    "too_large",
    "not_understood",
    "server_error",
    "unexpected_status",
    # nothing was executed: asked again with the same key it is as new
    "no_turn",
    "rate_unknown",
    "rate_limited",
    "lock_timeout",
    "key_in_use",
    # a person should look
    "idempotency_error",
    "wrong_mode",
    "answer_is_not_ours",
    "requires_action",
    "not_listed",
]
"""Why it is not known what became of a request."""

_SENT_HEADERS = ("Authorization", "Idempotency-Key", "Content-Type", "Stripe-Version")
"""What is sent of the headers that the library writes; the others tell about this machine."""
_OWN_HEADERS = {
    "User-Agent": f"Baohao Stripe/v1 PythonBindings/{stripe.VERSION}",
    "Accept-Encoding": "identity",  # a compressed answer could be of any size
}


class Unanswered(BaohaoError):  # noqa: N818 (what happened, not what is wrong)
    """There is no answer that could be understood; `reason` says why, and holds nothing of what was sent or came."""

    def __init__(self, reason: UnclearReason) -> None:
        super().__init__(reason)
        self.reason: UnclearReason = reason


class Reply(NamedTuple):
    """An answer as it came."""

    status: int
    body: bytes
    replayed: bool
    """It is the stored answer to the first request with this key."""


class _Aside(dict[str, str]):
    """What the library takes for the answer's headers."""

    reply: Reply


class Transport(stripe.HTTPClient):
    """A connection pool of one event loop; total time is the caller's affair (`asyncio.timeout`)."""

    name = "aiohttp"

    def __init__(self, concurrency: int) -> None:
        super().__init__()
        self._concurrency = concurrency
        self._session: aiohttp.ClientSession | None = None

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send what the library has written; raises Unanswered."""
        sent = {name: headers[name] for name in _SENT_HEADERS if name in headers} | _OWN_HEADERS
        aside = _Aside()
        try:
            body = post_data.encode() if post_data is not None else None
            async with self._opened().request(method, url, headers=sent, data=body, allow_redirects=False) as response:
                received = await _bounded(response)
                aside.reply = Reply(response.status, received, response.headers.get("Idempotent-Replayed") == "true")
        except aiohttp.ClientConnectorError:
            raise Unanswered("unreachable") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unanswered("timeout" if isinstance(error, TimeoutError) else "connection_lost") from None
        return b"{}", 200, aside

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._concurrency),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    async def close_async(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > BODY_MAX:
            response.close()
            raise Unanswered("too_large")
    return bytes(body)


class Requests:
    """Writes and sends single requests by the library."""

    def __init__(self, key: str, url: str, concurrency: int) -> None:
        _silence_library()
        self._transport = Transport(concurrency)
        self._library = stripe.StripeClient(
            key,
            http_client=self._transport,
            base_addresses={"api": url},
            stripe_version=API_VERSION,
            max_network_retries=0,
        )

    async def send(
        self, method: Literal["get", "post"], path: str, parameters: Mapping[str, object], key: str | None = None
    ) -> Reply:
        """One request, once; a POST is given its idempotency key. Raises Unanswered."""
        answer = await self._library.raw_request_async(method, path, idempotency_key=key, **parameters)
        aside = answer.headers
        if not isinstance(aside, _Aside):
            raise TypeError("the library has not handed over what its transport returned")
        return aside.reply

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close_async()
        await asyncio.sleep(0)  # lets the loop see them closed


def _say_nothing(*_: object, **__: object) -> None:
    """In the place of the library's log, which would format each request, whether anybody reads it or not."""


def _silence_library() -> None:
    """No telemetry, which writes a file into the home folder; no log, which holds parameters and bodies."""
    for name in ("log_info", "log_debug"):
        setattr(requesting, name, _say_nothing)
    stripe.enable_telemetry = False
    stripe.log = None
    library_internals.STRIPE_LOG = None  # from the environment, and there is no other way to overrule it
    logging.getLogger("stripe").disabled = True
