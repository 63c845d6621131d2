"""SMS: what a provider is asked, and two of them: one that only logs, and Twilio's API."""

from typing import Protocol

import aiohttp
import structlog

from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed, Outcome
from adapters.notices.receipts import address_of
from adapters.notices.rendering import Sms

log = structlog.get_logger()

TIMEOUT_S = 20.0
_OK, _FINAL, _SERVER = range(200, 300), range(400, 500), 500
_TOO_MANY, _TIMED_OUT, _AUTHENTICATION = 429, 408, (401, 403)
NEVER = frozenset({21211, 21214, 21217, 21219, 21610, 21614})
"""Twilio's codes for a number that no SMS will ever reach, or whose owner wants none (twilio.com/docs/api/errors).

Not those for what our account lacks: a region that is not enabled (21408), a sender with a way to the number (21612).
"""


class SmsPort(Protocol):
    """Whoever delivers SMS."""

    async def send(self, sms: Sms) -> Outcome:
        """Hand one over; says whether it was taken, was not, never will be, or may have been."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def veiled_number(number: str) -> str:
    """What a log may show of a number: its last two digits."""
    return f"…{number[-2:]}"


class LoggedSms:
    """Delivers nothing, and says in the log which kind it would have delivered."""

    async def send(self, sms: Sms) -> Outcome:
        """Accept it."""
        log.info("notices.sms_logged", kind=sms.template, to=veiled_number(sms.to), language=sms.language)
        return Accepted("logged")

    async def close(self) -> None:
        """Nothing is open."""


class TwilioSms:
    """Twilio's Messages resource (twilio.com/docs/messaging/api/message-resource), which takes the text."""

    def __init__(self, url: str, account: str, token: str, sender: str, web_url: str | None = None) -> None:
        """`url` is https://api.twilio.com; `sender` a number in E.164, or the SID of a messaging service (MG…).

        Receipts come to `web_url`, where there is one.
        """
        self._web_url = web_url
        self._address = f"{url}/2010-04-01/Accounts/{account}/Messages.json"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(account, token)}
        self._sender = {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}
        self._session: aiohttp.ClientSession | None = None

    async def send(self, sms: Sms) -> Outcome:
        """Twilio knows no idempotency key here: after an answer that got lost, nobody knows."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=5)
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        form = {"To": sms.to, "Body": sms.text, **self._sender}
        if self._web_url is not None and self._web_url.startswith("https://"):
            form["StatusCallback"] = address_of(self._web_url, sms.key)
        try:
            async with self._session.post(self._address, data=form) as answer:
                return await _outcome(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failed(type(error).__name__)  # it was never connected
        except (TimeoutError, aiohttp.ClientError, ValueError) as error:
            return Doubtful(type(error).__name__)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


async def _outcome(answer: aiohttp.ClientResponse) -> Outcome:
    status = answer.status
    if status in _OK:
        body = await answer.json(content_type=None)
        return Accepted(str(body["sid"])) if isinstance(body, dict) and "sid" in body else Doubtful("answer_unreadable")
    if status >= _SERVER or status == _TIMED_OUT:
        return Doubtful(f"http_{status}")
    if status == _TOO_MANY or status in _AUTHENTICATION or status not in _FINAL:
        return Failed(f"http_{status}")
    body = await answer.json(content_type=None)
    code = body.get("code") if isinstance(body, dict) else None
    return Bounced(f"twilio_{code}") if code in NEVER else Failed(f"twilio_{code}")
