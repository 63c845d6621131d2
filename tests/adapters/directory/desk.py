"""The directory at a test's own time, with the messages that it has sent."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.addresses import Address
from adapters.directory.answers import CodeSent, Opened
from adapters.directory.codes import TypedCode
from adapters.directory.messages import Message
from adapters.directory.passwords import hashed
from adapters.directory.sessions import find_session, open_session
from adapters.directory.visit import Visit

EMAIL = Address("email", "lin@example.org")
PHONE = Address("phone", "+8613800138000")
PASSWORD = "correct horse battery"


@dataclass
class Desk:
    """Calls functions of the directory; `at` is the time of all that follows."""

    run: object
    connection: psycopg.AsyncConnection
    database_url: str
    at: datetime = datetime(2026, 11, 29, 9, tzinfo=UTC)
    ip: str = "203.0.113.7"
    sent: list[Message] = field(default_factory=list)

    @property
    def visit(self) -> Visit:
        return Visit(self.at, self.ip, "Firefox, Linux")

    async def send(self, connection, message: Message) -> None:
        assert connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE, "sent outside its transaction"
        self.sent.append(message)

    def later(self, **span: float) -> "Desk":
        self.at += timedelta(**span)
        return self

    def do(self, function, *words, **named):
        """Call with connection, words and visit."""
        return self.run(function(self.connection, *words, self.visit, **named))

    def do_sending(self, function, *words, **named):
        """Call with connection, what sends, words and visit."""
        return self.run(function(self.connection, self.send, *words, self.visit, **named))

    def at_once(self, *calls):
        """Each call on a connection of its own, all at the same time; their answers."""

        async def on_its_own(call):
            connected = await psycopg.AsyncConnection.connect(self.database_url, autocommit=True)
            async with connected:
                return await call(connected)

        async def together():
            return await asyncio.gather(*map(on_its_own, calls))

        return self.run(together())

    def account(self, email: str | None = EMAIL.text, password: str | None = PASSWORD, **more) -> str:
        """An account, its holder's id."""
        password_hash = self.run(hashed(password)) if password else None
        new = NewAccount(email=email, password_hash=password_hash, confirmed=frozenset({"email"}), **more)
        return self.do(create_account, new)

    def signed_in(self, holder_id: str):
        """The record of a new session of the holder."""
        return self.session(self.do(open_session, holder_id))

    def session(self, opened: Opened | str):
        token = opened if isinstance(opened, str) else opened.token
        return self.run(find_session(self.connection, token, self.at))

    def code(self, sent: CodeSent, digits: str | None = None) -> TypedCode:
        """The code of the last message, or another one."""
        return TypedCode(sent.request, digits or self.sent[-1].values["code"])

    def wrong(self, sent: CodeSent) -> TypedCode:
        right = next((message.values["code"] for message in self.sent if "code" in message.values), "000000")
        return TypedCode(sent.request, f"{(int(right) + 1) % 1_000_000:06d}")

    def rows(self, query: str, *values):
        async def read():
            return await (await self.connection.execute(query, values)).fetchall()

        return self.run(read())

    def events(self, holder_id: str) -> list[str]:
        query = "SELECT what FROM account_events WHERE holder_id = %s ORDER BY at, what"
        return [what for (what,) in self.rows(query, holder_id)]
