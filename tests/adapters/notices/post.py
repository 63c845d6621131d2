"""Cards of holders with accounts, and the notices that go out for them, at times that a test sets."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import dict_row

from adapters.notices.email import Mailer, Relay
from adapters.notices.following import follow_notices
from adapters.notices.preparing import Preparing
from adapters.notices.rendering import Sender
from adapters.notices.sending import Sending, SmsTransport
from adapters.notices.sms import TwilioSms
from engine.application import Engine
from engine.commands import Command
from engine.ports import Charged, Declined, GatewayAnswer, Unclear
from engine.rules import Rules
from tests.adapters.notices.receivers import Mailbox, SmsReceiver
from tests.engine.engine_calls import LATER, execute, paying, wake
from tests.engine.samples import RULES

HOLDER = "holder-1"
EMAIL, PHONE, NUMBER = "lin.canary@example.org", "+8613800138000", "+12125550142"
WEB = "https://baohao.example"
DECLINED = "insufficient_funds"
SENDER = Sender("notices@baohao.example", WEB)


@dataclass
class Post:
    """The outbox of one test, with its cards, its receivers and its business time."""

    run: Callable[..., Any]
    url: str
    connection: Connection[Any]
    engine: Engine
    mailbox: Mailbox
    receiver: SmsReceiver
    now: datetime = LATER
    rules: Rules = RULES

    def account(self, language="en", *, email=EMAIL, phone=PHONE, zone="Asia/Shanghai"):
        """The holder's account; the addresses are confirmed."""
        self.connection.execute(
            """
            INSERT INTO accounts (
                holder_id, email, email_confirmed, phone, phone_confirmed, language, zone, created_at
            ) VALUES (%s, %s, true, %s, true, %s, %s, now())
            """,
            (HOLDER, email, phone, language, zone),
        )

    def card(self, number=NUMBER) -> UUID:
        """A card with a method and auto-renewal; what the holder was told of it so far is of no interest."""
        (card_id,) = paying(self.engine)
        self.connection.execute("INSERT INTO card_numbers VALUES (%s, %s)", (card_id, number))
        self.follow()
        self.connection.execute("DELETE FROM outbox")
        return card_id

    def give(self, *commands: Command) -> None:
        """The holder's commands; none is refused."""
        replies = execute(self.engine, commands, self.rules, self.now)
        assert not [reply for reply in replies if isinstance(reply, Exception)]

    def wake(self, card_id: UUID, answer: GatewayAnswer | str = "good") -> None:
        """Let the card do what is due, and the gateway answer so: a decline's code, `good` or `unknown`."""
        result = wake(self.engine, card_id, at=self.now, rules=self.rules)
        while result.questions:
            answers = [(question, self._answer(question, answer)) for question in result.questions]
            result = self.engine.record(answers, self.rules, self.now)

    def _answer(self, question, answer):
        request = question.request
        if answer == "good":
            return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ch-1")
        return Unclear(reason="time-out") if answer == "unknown" else Declined(code=answer)

    def follow(self) -> int:
        """Follow the log as the notifier does, and return how many notices were added."""
        added = 0
        while True:
            step = follow_notices(self.connection, self.now, 100)
            added += step.added
            if not step.more:
                return added

    def send(self, *channels: str, web_url: str | None = WEB) -> None:
        """Send what is due, as the notifier does."""
        self.run(self._send(channels or ("email", "sms"), web_url))

    async def _send(self, channels, web_url) -> None:
        relay = Relay("127.0.0.1", self.mailbox.port, "none", None, None, SENDER.address)
        provider = TwilioSms(self.receiver.url, "AC1", "token", "+15005550006")
        transports = {"email": Mailer(relay), "sms": SmsTransport(provider)}
        preparing = Preparing(self.engine, Sender(SENDER.address, web_url), frozenset(channels), self.rules.policy)
        for channel in (*channels, *channels):  # what the first one hands to the other
            sending = Sending(channel, self.connection, preparing, transports[channel])
            while await sending.step(self.now):
                pass
        await provider.close()

    def tell(self, *channels: str) -> None:
        """Follow and send."""
        self.follow()
        self.send(*channels)

    def pass_by(self, **time: float) -> None:
        """Time goes by: business time, and the leases and pauses with it."""
        passed = timedelta(**time)
        self.now += passed
        self.connection.execute(
            """
            UPDATE outbox SET lease_until = lease_until - %(passed)s
            WHERE state IN ('pending', 'sending')
            """,
            {"passed": passed},
        )

    def asks(self, function: Callable[..., Any], *values: object) -> Any:
        """What a function answers, over a connection of its own, as a page would ask it."""

        async def ask() -> Any:
            async with await AsyncConnection.connect(self.url) as connection:
                return await function(connection, *values)

        return self.run(ask())

    def rows(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The rows of the outbox, in order of their causes."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                """
                SELECT * FROM outbox WHERE kind = %(kind)s OR %(kind)s::text IS NULL ORDER BY caused_at, kind, channel
                """,
                {"kind": kind},
            )
            return cursor.fetchall()

    def states(self, kind: str | None = None) -> list[tuple[str, str, str | None]]:
        """Channel, state and reason of each row."""
        return [(row["channel"], row["state"], row["reason"]) for row in self.rows(kind)]


def plain(text: str) -> str:
    """With blanks that may break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def parts(letter: EmailMessage) -> list[str]:
    """Its text and its HTML."""
    return [plain(letter.get_body((kind,)).get_content()) for kind in ("plain", "html")]
