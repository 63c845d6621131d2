"""E-mail over SMTP: one connection for the messages that are due, and what the server's answers mean."""

import asyncio
import re
import ssl
from typing import NamedTuple

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed, Outcome, Rejected, Row
from adapters.notices.reached import MAILBOX

TIMEOUT_S = 20.0
"""For each command; three of them and the connection stay below a sender's lease."""
_FINAL = 500
_UNKNOWN = frozenset({550, 551, 553})
"""To an address: there is no such mailbox here (RFC 5321, 4.2.3)."""
_RESTING = frozenset({450, 552})
"""To an address: its mailbox takes nothing for the moment, or is full."""
_STATUS = re.compile(r"[45]\.(\d{1,3})\.(\d{1,3})\b")
_DISABLED = ("2", "1")
"""The mailbox is there, and takes nothing any more (RFC 3463, 3.3)."""
_OF_THE_SENDER = ("7", "8")
"""What is wrong with our own address, among what may be wrong with addresses (RFC 3463, 3.2)."""


class Relay(NamedTuple):
    """The SMTP server that takes our e-mails."""

    host: str
    port: int
    tls: str
    """`starttls`, `tls` from the first byte, or `none`."""
    user: str | None
    password: str | None
    sender: str


class Mailer:
    """Hands e-mails over, one after the other."""

    at_once = 1

    def __init__(self, relay: Relay, context: ssl.SSLContext | None = None) -> None:
        self._relay = relay
        self._context = context or ssl.create_default_context()
        self._connection: SMTP | None = None
        self._turn = asyncio.Lock()

    async def send(self, row: Row, address: str, body: bytes) -> Outcome:
        """Hand one e-mail over; only what breaks after its last byte was sent leaves a doubt."""
        del row
        async with self._turn:
            outcome = await self._send(address, body)
            if not isinstance(outcome, Accepted):
                await self._hang_up()
            return outcome

    async def rest(self) -> None:
        """Say goodbye to the server, after the last one."""
        async with self._turn:
            await self._hang_up()

    async def _send(self, address: str, body: bytes) -> Outcome:
        try:
            smtp = await self._connected()
            await smtp.mail(self._relay.sender)
        except SMTPResponseException as error:
            return Failed(f"smtp_{error.code}")  # our name, password or sender, not the holder's address
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return Failed(_name(error))
        try:
            await smtp.rcpt(address)
        except SMTPResponseException as error:
            return _refused(error, says_to_whom=True)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, UnicodeError) as error:
            return Bounced("address_invalid") if isinstance(error, UnicodeError) else Failed(_name(error))
        try:
            answer = await smtp.data(body)
        except SMTPResponseException as error:
            return _refused(error)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError, TimeoutError) as error:
            return Doubtful(_name(error))
        except aiosmtplib.SMTPException as error:
            return Failed(_name(error))
        return Accepted(f"smtp_{answer.code}")

    async def _connected(self) -> SMTP:
        if self._connection is None or not self._connection.is_connected:
            relay = self._relay
            self._connection = SMTP(
                hostname=relay.host,
                port=relay.port,
                username=relay.user,
                password=relay.password,
                use_tls=relay.tls == "tls",
                start_tls=relay.tls == "starttls",
                tls_context=self._context if relay.tls != "none" else None,
                timeout=TIMEOUT_S,
            )
            await self._connection.connect()
        return self._connection

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if connection.is_connected:
                await connection.quit(timeout=1)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            connection.close()


def _refused(error: SMTPResponseException, *, says_to_whom: bool = False) -> Outcome:
    """RFC 5321, 4.2.1: 5xx is final, 4xx may be otherwise later. The server's words may repeat the address.

    The address is blamed only where it is wrong, and not our server, our text or how full a mailbox is: by the enhanced
    status where there is one (RFC 3463); else by the code, if it answers whom the e-mail is for.
    """
    found = _STATUS.match(error.message)
    subject, detail = found.groups() if found else ("", "")
    is_address = subject == "1" and detail not in _OF_THE_SENDER
    if error.code >= _FINAL:
        is_unknown = says_to_whom and error.code in _UNKNOWN and subject not in ("1", "2", "7")
        if is_address or is_unknown or (says_to_whom and (subject, detail) == _DISABLED):
            return Bounced(f"smtp_{error.code}")
    is_resting = subject == "2" or is_address or (says_to_whom and error.code in _RESTING and not subject)
    reason = f"{MAILBOX}{error.code}" if is_resting else f"smtp_{error.code}"
    return Rejected(reason) if error.code >= _FINAL else Failed(reason)


def _name(error: Exception) -> str:
    return type(error).__name__
