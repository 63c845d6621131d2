"""Made-up cards for demo, bench and sample file: the same seed gives the same ones. No real person, number or card."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid5

from msgspec.structs import replace

from engine.actor import Actor, actor
from engine.card.methods import MethodKind, PaymentMethod
from engine.catalogue import Period
from engine.commands import (
    AnyCommand,
    BindPaymentMethod,
    ChangePeriod,
    ChangeZone,
    CloseCard,
    Command,
    EnableAutoRenew,
    HoldCard,
    OrderPaymentMethods,
    RegisterCard,
    ReleaseCard,
    RemovePaymentMethod,
    SetAutoTopUp,
    SwitchOffAutoRenew,
    TopUp,
    UpdatePaymentMethod,
)
from engine.money import Currency, Money

T = TypeVar("T")

NAMESPACE = UUID("b1c3a5a0-6c1e-5f0e-9d57-2f0d5a7b6e01")
BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
"""When virtual years begin."""

ZONES: tuple[tuple[str, Currency], ...] = (
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
    ("good", 68),
    ("slow", 4),
    ("flaky:40", 6),
    ("flaky:50+processing_error", 2),
    ("insufficient_until:{soon}", 5),
    ("expired", 3),
    ("lost", 2),
    ("declined:do_not_honor+28", 1),
    ("declined:generic_decline++57", 1),
    ("timeout_charged", 3),
    ("timeout_uncharged", 2),
    ("server_error", 2),
    ("silent", 1),
)
FURTHER_METHOD = (("good", 70), ("flaky:60", 15), ("expired", 15))
FAILING = ("expired", "lost", "declined")
LOW, FULL = {"CNY": 2100, "USD": 300, "EUR": 300}, {"CNY": 6000, "USD": 900, "EUR": 900}
"""Minor units: the threshold and the amount of automatic top-ups."""
TERMS = {"terms_version": "2026-11", "channel": "web"}


class Dated(NamedTuple):
    """A command, its actor, and the virtual instant at which it is given."""

    at: datetime
    command: Command
    actor: Actor


def population(cards: int, months: int, seed: int) -> list[Dated]:
    """The commands of `cards` made-up cards over `months`, by time: registrations first, changes of mind later.

    The later ones may be refused, as those of real holders: they do not depend on what became of the cards.
    """
    dice = Random(f"{seed}")  # noqa: S311 (a made-up world, no secrets)
    commands: list[Dated] = []
    before: _Holder | None = None
    for number in range(cards):
        holder = _holder(dice, seed, number, before)
        commands += (Dated(BEGIN, command, holder.actor) for command in _registration(dice, holder))
        commands += _later_commands(dice, holder, months * 30)
        before = holder
    return sorted(commands, key=lambda dated: dated.at)


def card_id_of(seed: int, number: int) -> UUID:
    """The id of the `number`th made-up card."""
    return uuid5(NAMESPACE, f"{seed}:{number}")


@dataclass(frozen=True)
class _Holder:
    """A made-up holder of one card."""

    number: int
    card_id: UUID
    zone: str
    currency: Currency
    months: Period
    methods: tuple[PaymentMethod, ...]

    @property
    def holder_id(self) -> str:
        """Two cards in a row belong to one holder."""
        return f"holder-{self.number // 2}"

    @property
    def actor(self) -> Actor:
        return actor("holder", self.holder_id)

    def command(self, kind: Callable[..., AnyCommand], about: str, **fields: object) -> Command:
        """A command with an id of its own."""
        return kind(command_id=f"{about}-{self.number}", card_id=self.card_id, **fields)

    def bind(self, method: PaymentMethod) -> Command:
        return self.command(BindPaymentMethod, f"bind-{method.method_id}", method=method)

    def money(self, minor: dict[str, int]) -> Money:
        return Money(minor=minor[self.currency], currency=self.currency)


def _holder(dice: Random, seed: int, number: int, before: _Holder | None) -> _Holder:
    zone, currency = dice.choice(ZONES)
    methods = [_method(dice, number, 1, FIRST_METHOD)]
    if number % 2 and before and before.methods[0].fingerprint and dice.random() < 0.3:
        methods[0] = before.methods[0]  # both cards of a holder share a payment card
    further = 0 if dice.random() < 0.6 else dice.choice((1, 2))
    methods += [_method(dice, number, index + 2, FURTHER_METHOD) for index in range(further)]
    return _Holder(number, card_id_of(seed, number), zone, currency, _pick(dice, PERIODS), tuple(methods))


def _registration(dice: Random, holder: _Holder) -> Iterator[Command]:
    ends_on = BEGIN.date() + timedelta(days=dice.randrange(5, 30 * holder.months + 5))
    yield holder.command(
        RegisterCard,
        "register",
        holder_id=holder.holder_id,
        plan=dice.choice(PLANS),
        currency=holder.currency,
        zone=holder.zone,
        starts_on=_months_before(ends_on, holder.months),
        months=holder.months,
    )
    for method in holder.methods:
        yield holder.bind(method)
    if dice.random() < 0.95:
        yield holder.command(EnableAutoRenew, "enable", months=holder.months, **TERMS)
    habit = dice.random()
    if habit < 0.08:
        order = tuple(method.method_id for method in holder.methods)
        yield holder.command(OrderPaymentMethods, "balance-first", method_ids=order, balance_first=True)
        yield holder.command(SetAutoTopUp, "fill-up", threshold=holder.money(LOW), amount=holder.money(FULL))
    elif habit < 0.11:
        yield holder.command(TopUp, "first-top-up", amount=holder.money(FULL))


def _later_commands(dice: Random, holder: _Holder, days: int) -> Iterator[Dated]:
    day = BEGIN + timedelta(days=dice.randrange(1, max(2, days)))
    first = holder.methods[0]
    if first.token.split(":")[1] in FAILING and dice.random() < 0.5:
        yield Dated(day, holder.command(UpdatePaymentMethod, "repair", method=_good(first, "repaired")), holder.actor)
    wish = _pick(dice, _WISHES)
    for index, command in enumerate(wish(dice, holder)):
        yield Dated(day + index * timedelta(days=7), command, holder.actor)


_Wish = Callable[[Random, _Holder], Sequence[Command]]


def _reorder_methods(_: Random, holder: _Holder) -> Sequence[Command]:
    order = tuple(method.method_id for method in reversed(holder.methods))
    return [holder.command(OrderPaymentMethods, "reorder", method_ids=order)]


def _hold_and_release(holder: _Holder) -> Sequence[Command]:
    return [holder.command(HoldCard, "hold", reason="a question"), holder.command(ReleaseCard, "release")]


def _replace_method(dice: Random, holder: _Holder) -> Sequence[Command]:
    removed = holder.methods[0].method_id
    return [
        holder.bind(_method(dice, holder.number, 10, (("good", 1),))),
        holder.command(RemovePaymentMethod, "remove", method_id=removed),
    ]


_WISHES: tuple[tuple[_Wish, int], ...] = (
    (lambda _, __: (), 64),
    (lambda _, holder: [holder.command(SwitchOffAutoRenew, "off")], 4),
    (lambda dice, holder: [holder.bind(_method(dice, holder.number, 10, (("good", 1),)))], 5),
    (lambda _, holder: [holder.command(EnableAutoRenew, "enable-again", months=3, **TERMS)], 3),
    (lambda dice, holder: [holder.command(ChangePeriod, "period", months=dice.choice((1, 6, 12)), **TERMS)], 5),
    (lambda dice, holder: [holder.command(ChangeZone, "zone", zone=dice.choice(ZONES)[0])], 3),
    (lambda _, holder: [holder.command(TopUp, "top-up", amount=holder.money(FULL))], 4),
    (lambda _, holder: _hold_and_release(holder), 2),
    (lambda _, holder: [holder.command(CloseCard, "close")], 2),
    (_replace_method, 4),
    (_reorder_methods, 4),
)
"""What holders ask for later, each further command a week after the one before, with weights."""


def _method(dice: Random, number: int, index: int, behaviours: Sequence[tuple[str, int]]) -> PaymentMethod:
    kind = dice.choice(KINDS)
    plastic = kind in ("credit_card", "debit_card")
    soon = (BEGIN + timedelta(days=dice.randrange(20, 200))).date()
    behaviour = _pick(dice, behaviours).format(soon=soon)
    return PaymentMethod(
        method_id=f"pm-{index}",
        kind=kind,
        token=f"sim:{behaviour}:{number}-{index}",
        brand=dice.choice(("visa", "mastercard", "unionpay")) if plastic else None,
        last4=f"{dice.randrange(10_000):04d}" if plastic else None,
        expires_on=date(2031, 12, 31) if plastic else None,
        fingerprint=f"fp-{number}-{index}" if plastic else None,
    )


def _good(method: PaymentMethod, unique: str) -> PaymentMethod:
    """The method with new details that can be charged."""
    fingerprint = method.fingerprint and f"{method.fingerprint}-{unique}"
    return replace(method, token=f"sim:good:{unique}", fingerprint=fingerprint)


def _months_before(day: date, months: int) -> date:
    """The start of a term of `months` that ends on or shortly before `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, 28))


def _pick(dice: Random, weighted: Sequence[tuple[T, int]]) -> T:
    return dice.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]
