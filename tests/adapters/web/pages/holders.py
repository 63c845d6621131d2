"""A holder with cards that stand in every way a card can, made by the real engine; and the pages served to a client."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
from msgspec.structs import replace

from adapters.clock import recorded_now
from adapters.control import move_clock
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.addresses import AddressKind
from adapters.directory.card_numbers import set_number
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from engine.actor import actor
from engine.card.methods import PaymentMethod
from engine.commands import (
    BindPaymentMethod,
    Command,
    EnableAutoRenew,
    Issued,
    RegisterCard,
    SwitchOffAutoRenew,
)
from engine.ports import Charged, Declined, Unclear
from engine.rules import Rules
from tests.adapters.cards import Cards

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
HOLDER, OTHER = "h-lin", "h-other"
EMAIL = "lin@example.com"
VISA = PaymentMethod(
    method_id="visa",
    kind="credit_card",
    token="sim:good:visa",
    brand="visa",
    last4="4242",
    expires_on=date(2028, 5, 31),
    fingerprint="fp-visa",
)
PAYPAL = PaymentMethod(method_id="paypal", kind="paypal", token="sim:good:paypal")
NUMBERS = {
    "failing": "+12125550142",
    "off": "+85255500142",
    "plus": "+447700900142",
    "short": "+61491570156",
    "suspended": "+12125550177",
    "waiting": "+447700900877",
    "lost": "+85255500199",
}


def card_id_of(name: str) -> UUID:
    return uuid5(UUID(int=16), name)


@dataclass
class World:
    """Cards of two holders, lived through by the real engine."""

    cards: Cards
    database_url: str
    connection: psycopg.Connection[Any]
    tokens: dict[str, str] = field(default_factory=dict)
    """Session cookies by holder."""

    def rules(self, at: datetime) -> tuple[Rules, datetime]:
        return replace(self.cards.policy_and_catalogue), at

    def give(self, at: datetime, *commands: Command) -> None:
        issued = [Issued(one, actor("operator", "tests")) for one in commands]
        for reply in self.cards.engine.execute(issued, *self.rules(at)):
            if isinstance(reply, Exception):
                raise reply

    def id(self) -> str:
        return str(uuid4())

    def register(self, name, plan, starts_on, months, *, holder=HOLDER, zone="Asia/Hong_Kong", methods=(VISA,)):
        card_id, at = card_id_of(name), datetime.combine(starts_on, datetime.min.time(), UTC) + timedelta(hours=12)
        self.give(
            at,
            RegisterCard(
                command_id=self.id(),
                card_id=card_id,
                holder_id=holder,
                plan=plan,
                currency="CNY",
                zone=zone,
                starts_on=starts_on,
                months=months,
            ),
            *(BindPaymentMethod(command_id=self.id(), card_id=card_id, method=one) for one in methods),
        )
        return card_id

    def enable(self, card_id, months, at):
        command_id = self.id()
        self.give(
            at,
            EnableAutoRenew(
                command_id=command_id, card_id=card_id, months=months, terms_version="2026-11", channel="web"
            ),
        )

    def live(self, card_id, until, *answers):
        """Let time pass for one card; each question gets the next of `answers`, and the last one for ever."""
        left = list(answers)
        for _ in range(60):
            wake = self.wake_of(card_id)
            if wake is None or wake > until:
                return
            result = self.cards.engine.wake({card_id: "due"}, *self.rules(wake))
            while result.questions:
                answer = left[0] if len(left) == 1 else left.pop(0)
                answered = [(question, _answer(answer, question)) for question in result.questions]
                result = self.cards.engine.record(answered, *self.rules(wake))

    def wake_of(self, card_id):
        self.cards.project()
        row = self.connection.execute("SELECT wake_at FROM due WHERE card_id = %s", (card_id,)).fetchone()
        return row[0] if row else None

    def populate(self):
        """Seven cards, one for each standing."""
        us = self.register("failing", "keep-us", date(2026, 10, 30), 1, zone="America/New_York")
        self.enable(us, 1, datetime(2026, 11, 2, tzinfo=UTC))
        self.live(us, NOW, Declined(code="insufficient_funds"))
        self.register("off", "keep-basic", date(2026, 1, 9), 12)
        plus = self.register("plus", "keep-plus", date(2026, 3, 14), 12, zone="Europe/London")
        self.enable(plus, 12, datetime(2026, 3, 20, tzinfo=UTC))
        short = self.register("short", "keep-short", date(2026, 11, 2), 6, zone="Australia/Sydney", methods=(PAYPAL,))
        self.enable(short, 6, datetime(2026, 11, 3, tzinfo=UTC))
        off = self.register("suspended", "keep-us", date(2026, 10, 20), 1, zone="America/New_York")
        self.enable(off, 1, datetime(2026, 10, 22, tzinfo=UTC))
        self.live(off, NOW, Declined(code="expired_card"))
        waiting = self.register("waiting", "keep-plus", date(2026, 10, 31), 1, zone="Europe/London")
        self.enable(waiting, 1, datetime(2026, 11, 1, tzinfo=UTC))
        self.live(waiting, NOW, Unclear(reason="timeout"))
        lost = self.register("lost", "keep-short", date(2026, 8, 1), 1)
        self.enable(lost, 1, datetime(2026, 8, 2, tzinfo=UTC))
        self.give(datetime(2026, 8, 3, tzinfo=UTC), SwitchOffAutoRenew(command_id=self.id(), card_id=lost))
        self.live(lost, NOW)
        self.register("another's", "keep-basic", date(2026, 6, 1), 12, holder=OTHER)
        self.cards.project()
        move_clock(self.connection, NOW)
        asyncio.run(self._accounts())

    async def _accounts(self):
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            visit = Visit(recorded_now(), "192.0.2.1", "Firefox, Linux")
            for holder, email, language in ((HOLDER, EMAIL, "en"), (OTHER, "other@example.com", "zh-CN")):
                confirmed = frozenset[AddressKind]({"email"})
                new = NewAccount(email=email, confirmed=confirmed, holder_id=holder, language=language)
                await create_account(connection, new, visit)
                self.tokens[holder] = (await open_session(connection, holder, visit)).token
            for name, number in NUMBERS.items():
                await set_number(connection, card_id_of(name), number)


def _answer(answer, question):
    if answer is Charged:
        asked = question.request
        return Charged(attempt_id=asked.attempt_id, amount=asked.amount, gateway_ref=f"ref-{asked.attempt_id}")
    return answer
