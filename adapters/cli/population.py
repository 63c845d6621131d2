"""Made-up cards for demo, bench and sample file: the same seed gives the same ones. No real person, number or card."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid5

from engine.card.method import MethodKind, PaymentMethod
from engine.catalogue import Period
from engine.commands import BindPaymentMethod, Command, EnableAutoRenew, RegisterCard, SwitchOffAutoRenew

T = TypeVar("T")

NAMESPACE = UUID("b1c3a5a0-6c1e-5f0e-9d57-2f0d5a7b6e01")
BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
"""Where virtual years start."""

ZONES: tuple[tuple[str, str], ...] = (
    ("Asia/Shanghai", "CNY"),
    ("Asia/Hong_Kong", "CNY"),
    ("Europe/London", "EUR"),
    ("Europe/Berlin", "EUR"),
    ("Europe/Paris", "EUR"),
    ("America/New_York", "USD"),
    ("America/Los_Angeles", "USD"),
    ("America/Sao_Paulo", "USD"),
    ("Australia/Lord_Howe", "USD"),
    ("Africa/Cairo", "EUR"),
    ("Asia/Kathmandu", "USD"),
    ("Pacific/Apia", "USD"),
)
PLANS = ("keep-basic", "keep-plus", "keep-us", "keep-cn", "keep-short")
PERIODS: tuple[tuple[Period, int], ...] = ((1, 60), (3, 20), (6, 12), (12, 8))
KINDS: tuple[MethodKind, ...] = ("credit_card", "debit_card", "paypal", "e_wallet")
FIRST_METHOD = (
    ("good", 66),
    ("slow", 4),
    ("flaky:40", 8),
    ("insufficient_until:{soon}", 6),
    ("expired", 4),
    ("lost", 3),
    ("timeout_charged", 3),
    ("timeout_uncharged", 3),
    ("server_error", 3),
)
FURTHER_METHOD = (("good", 70), ("flaky:60", 15), ("expired", 15))


class Dated(NamedTuple):
    """A command and the virtual instant from which it is given."""

    at: datetime
    command: Command


def population(cards: int, months: int, seed: int) -> list[Dated]:
    """The commands of `cards` made-up cards over `months`, by time: registrations first, changes of mind later."""
    dice = Random(f"{seed}")  # noqa: S311 (a made-up world, no secrets)
    days = months * 30
    commands = [dated for number in range(cards) for dated in _life(dice, seed, number, days)]
    return sorted(commands, key=lambda dated: dated.at)


def card_id_of(seed: int, number: int) -> UUID:
    """The id of the `number`th made-up card."""
    return uuid5(NAMESPACE, f"{seed}:{number}")


def _life(dice: Random, seed: int, number: int, days: int) -> Iterator[Dated]:
    card_id = card_id_of(seed, number)
    zone, currency = dice.choice(ZONES)
    months = _pick(dice, PERIODS)
    ends_in = dice.randrange(5, 30 * months + 5)
    yield Dated(
        BEGIN,
        RegisterCard(
            command_id=f"register-{number}",
            card_id=card_id,
            holder_id=f"holder-{number // 2}",
            plan=dice.choice(PLANS),
            currency=currency,
            zone=zone,
            starts_on=_months_before(BEGIN.date() + timedelta(days=ends_in), months),
            months=months,
        ),
    )
    for index in range(1 if dice.random() < 0.6 else dice.choice((2, 3))):
        yield Dated(BEGIN, _bind(dice, card_id, number, index, FURTHER_METHOD if index else FIRST_METHOD))
    if dice.random() < 0.95:
        yield Dated(BEGIN, _enable(card_id, number, months, "1"))
    mind = dice.random()
    change = BEGIN + timedelta(days=dice.randrange(1, max(2, days)))
    if mind < 0.04:
        yield Dated(change, SwitchOffAutoRenew(command_id=f"off-{number}", card_id=card_id))
    elif mind < 0.10:
        yield Dated(change, _bind(dice, card_id, number, 9, (("good", 1),)))
    elif mind < 0.13:
        yield Dated(change, _enable(card_id, number, 3, "2"))


def _bind(
    dice: Random, card_id: UUID, number: int, index: int, behaviours: Sequence[tuple[str, int]]
) -> BindPaymentMethod:
    kind = dice.choice(KINDS)
    plastic = kind in ("credit_card", "debit_card")
    soon = (BEGIN + timedelta(days=dice.randrange(20, 200))).date()
    behaviour = _pick(dice, behaviours).format(soon=soon)
    method = PaymentMethod(
        method_id=f"pm-{index + 1}",
        kind=kind,
        token=f"sim:{behaviour}:{number}-{index + 1}",
        brand=dice.choice(("visa", "mastercard", "unionpay")) if plastic else None,
        last4=f"{dice.randrange(10_000):04d}" if plastic else None,
        expires_on=date(2031, 12, 31) if plastic else None,
        fingerprint=f"fp-{number}-{index + 1}" if plastic else None,
    )
    return BindPaymentMethod(command_id=f"bind-{number}-{index + 1}", card_id=card_id, method=method)


def _enable(card_id: UUID, number: int, months: Period, turn: str) -> EnableAutoRenew:
    return EnableAutoRenew(
        command_id=f"enable-{number}-{turn}", card_id=card_id, months=months, terms_version="2026-11", channel="web"
    )


def _months_before(day: date, months: int) -> date:
    """A start from which a term of `months` ends about on `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28))


def _pick(dice: Random, weighted: Sequence[tuple[T, int]]) -> T:
    return dice.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]
