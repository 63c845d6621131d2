"""Three made-up holders, whose cards stand in every way a card can: what `baohao up --demo` shows.

Numbers are of the ranges that are kept for fiction; nobody has them.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid5

import psycopg
from dateutil.relativedelta import relativedelta

from adapters.cli.demo.population import NAMESPACE, TERMS, Dated
from adapters.clock import recorded_now
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.card_numbers import set_number
from adapters.directory.passwords import hashed
from adapters.directory.visit import Visit
from adapters.languages.language import Language
from engine.actor import actor
from engine.card.methods import MethodKind, PaymentMethod
from engine.catalogue import Period
from engine.commands import BindPaymentMethod, EnableAutoRenew, RegisterCard, SwitchOffAutoRenew
from engine.money import Currency

LIVED = timedelta(days=75)
"""So long the cards have lived when the demo is shown."""
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_HOUR = timedelta(hours=1)


class Holder(NamedTuple):
    """Who signs in to the demo."""

    holder_id: str
    email: str
    language: Language
    shows: str


HOLDERS = (
    Holder("demo-lin", "lin@example.com", "zh-CN", "five cards, two in trouble, and a lost one, in Chinese"),
    Holder("demo-sam", "sam@example.com", "en", "one card without auto-renewal, in English: the five steps"),
    Holder("demo-mei", "mei@example.com", "zh-CN", "twenty cards"),
)


class _Card(NamedTuple):
    """A card of the demo; days count from the day on which it is shown."""

    holder: Holder
    number: str
    plan: str
    zone: str
    currency: Currency
    ends_in: int
    months: Period
    renews: Period | None = None
    behaves: str = "good"
    kind: MethodKind = "credit_card"
    switched_off: bool = False

    @property
    def card_id(self) -> UUID:
        """Always the same."""
        return uuid5(NAMESPACE, f"demo {self.number}")


def _cards() -> Sequence[_Card]:
    lin, sam, mei = HOLDERS
    return (
        _Card(lin, "+12125550142", "keep-us", "America/New_York", "USD", 1, 1, 1, "insufficient_until:{far}"),
        _Card(lin, "+85255500142", "keep-basic", "Asia/Hong_Kong", "CNY", 41, 3),
        _Card(lin, "+447700900142", "keep-plus", "Europe/London", "EUR", 105, 6, 12),
        _Card(lin, "+61491570156", "keep-short", "Australia/Sydney", "USD", 33, 3, 6, kind="paypal"),
        _Card(lin, "+12125550177", "keep-us", "America/New_York", "USD", -10, 1, 1, "expired"),
        _Card(lin, "+61491570157", "keep-short", "Australia/Sydney", "USD", -35, 1, 1, switched_off=True),
        _Card(sam, "+447700900877", "keep-plus", "Europe/London", "EUR", 20, 3),
        *(
            _Card(mei, f"+4477009008{number:02}", "keep-basic", "Europe/London", "EUR", 5 + 4 * number, 3, 3)
            for number in range(20)
        ),
    )


def story(shown_at: datetime) -> list[Dated]:
    """The commands that make the cards what they are by `shown_at`, by time."""
    commands: list[Dated] = []
    for card in _cards():
        commands += _story_of(card, shown_at)
    return sorted(commands, key=lambda one: one.at)


def _story_of(card: _Card, shown_at: datetime) -> list[Dated]:
    holder, begin = actor("holder", card.holder.holder_id), shown_at - LIVED
    starts_on = shown_at.date() + timedelta(card.ends_in) - relativedelta(months=card.months)
    at = max(begin, datetime.combine(starts_on, datetime.min.time(), begin.tzinfo) + 12 * _HOUR)
    card_id, named = card.card_id, f"demo {card.card_id}"
    registered = RegisterCard(
        command_id=f"{named} registered",
        card_id=card_id,
        holder_id=card.holder.holder_id,
        plan=card.plan,
        currency=card.currency,
        zone=card.zone,
        starts_on=starts_on,
        months=card.months,
    )
    told = [Dated(at, registered, actor("operator", "demo"))]
    if card.holder is not HOLDERS[1]:
        method = _method(card, shown_at)
        told.append(Dated(at, BindPaymentMethod(command_id=f"{named} bound", card_id=card_id, method=method), holder))
    if card.renews is not None:
        enabled = EnableAutoRenew(
            command_id=f"{named} enabled",
            card_id=card_id,
            months=card.renews,
            terms_version=TERMS["terms_version"],
            channel=TERMS["channel"],
        )
        told.append(Dated(at + _HOUR, enabled, holder))
    if card.switched_off:
        off = SwitchOffAutoRenew(command_id=f"{named} off", card_id=card_id)
        told.append(Dated(at + 2 * _HOUR, off, holder))
    return told


def _method(card: _Card, shown_at: datetime) -> PaymentMethod:
    behaves = card.behaves.format(far=shown_at.date() + timedelta(days=20))
    name = card.number[-4:]
    if card.kind == "paypal":
        return PaymentMethod(method_id=f"paypal-{name}", kind="paypal", token=f"sim:{behaves}:{name}")
    return PaymentMethod(
        method_id=f"card-{name}",
        kind=card.kind,
        token=f"sim:{behaves}:{name}",
        brand="visa",
        last4="4242",
        expires_on=date(shown_at.year + 2, 5, 31),
        fingerprint=f"demo-{name}",
    )


def password_of(home: Path) -> str:
    """The password of all three: made once for a home folder, and kept in a file that only its owner reads."""
    file = home / "demo.password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text("-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3)), "utf-8")
    return file.read_text("utf-8")


async def open_accounts(database_url: str, password: str) -> None:
    """Accounts and numbers of the holders; may be repeated."""
    kept, visit = await hashed(password), Visit(recorded_now())
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for one in HOLDERS:
            account = NewAccount(
                email=one.email,
                confirmed=frozenset({"email"}),
                password_hash=kept,
                language=one.language,
                holder_id=one.holder_id,
            )
            await create_account(connection, account, visit)
        for card in _cards():
            await set_number(connection, card.card_id, card.number)
