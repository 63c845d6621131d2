"""Commands that people give at random for a card, by weight: one small function per kind of command."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Literal
from uuid import UUID

from msgspec.structs import replace

from engine import commands as asked
from engine.card.consent import ShownQuote
from engine.catalogue import PERIODS, Period
from engine.money import Money
from tests.simulation.lives import Life
from tests.simulation.market import CATALOGUE, YEARS_MAX, version_name
from tests.simulation.memory import Row

_RECENT = 60
"""How many of the last facts are searched for an attempt."""


def enabling(life: Life, dice: Random) -> asked.Command:
    """Switch auto-renewal on, mostly by the month."""
    months = dice.choices(PERIODS, (80, 10, 5, 5))[0]
    shown = _shown(life, dice, months)
    return asked.EnableAutoRenew(**life.ids(), months=months, terms_version="2026-11", channel="web", shown=shown)


def _shown(life: Life, dice: Random, months: Period) -> ShownQuote | None:
    """What the page showed: mostly the quote of some half-year not far from the first, or nothing."""
    if dice.random() < 0.4 or life.plan not in CATALOGUE.plans:
        return None
    version = version_name(dice.choices((1, 2, 3), (1, 6, 2))[0])
    quote = CATALOGUE.quote_of(version, life.plan, life.currency, months)
    return ShownQuote(quote.price, version, quote.reactivation_fee)


def prepaying(life: Life, dice: Random) -> list[asked.Command]:
    """Top up the balance, to be spent first; often with an automatic top-up."""
    amount = _money(life, dice, 100, 3000)
    found: list[asked.Command] = [
        asked.OrderPaymentMethods(**life.ids(), method_ids=life.method_ids(), balance_first=True),
        asked.TopUp(**life.ids(), amount=amount),
    ]
    if dice.random() < 0.7:
        threshold = _money(life, dice, 50, 1500)
        found.append(asked.SetAutoTopUp(**life.ids(), threshold=threshold, amount=amount))
    return found


def disputing_top_up(life: Life, rows: Sequence[Row]) -> list[asked.Command]:
    """The last top-up is disputed, if there was one."""
    for row in reversed(rows[-_RECENT:]):
        if row.topic == "charge_succeeded.v1":
            charge = json.loads(row.state)["fact"]
            if charge.get("top_up") is not None:
                return [_dispute_of(life, charge)]
    return []


def disputing_refunded(life: Life, row: Row, rows: Sequence[Row], dice: Random) -> list[asked.Command]:
    """The charge that a refund is about is disputed."""
    refund = json.loads(row.state)["fact"]["refund_id"]
    started = (json.loads(one.state)["fact"] for one in rows if one.topic == "refund_started.v1")
    about = next((one for one in started if one["refund_id"] == refund), None)
    return [_dispute_of(life, about, dice.choice((0.5, 1, 1)))] if about is not None else []


def winning_dispute(life: Life, row: Row, dice: Random) -> list[asked.Command]:
    """The bank gives back what it took, or a part of it."""
    return [_won(life, json.loads(row.state)["fact"], dice)]


def undoing_term(life: Life, rows: Sequence[Row], to: Literal["method", "balance"] = "method") -> asked.Command:
    """The last charge goes back, and the term that it may have paid ahead ends."""
    charge = json.loads(next(row for row in reversed(rows) if row.topic == "charge_succeeded.v1").state)["fact"]
    about = {"attempt_id": UUID(charge["attempt_id"]), "amount": Money(**charge["amount"]), "evidence": "a letter"}
    return asked.RecordRefund(**life.ids(), **about, to=to, ends_term=True)


def _dispute_of(life: Life, charge: dict[str, Any], part: float = 1) -> asked.Command:
    amount = Money(minor=max(1, int(charge["amount"]["minor"] * part)), currency=life.currency)
    attempt_id = UUID(charge["attempt_id"])
    return asked.RecordDispute(**life.ids(), attempt_id=attempt_id, amount=amount, evidence="the bank's file")


def _bind(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    return [asked.BindPaymentMethod(**life.ids(), method=life.new_method(dice))]


def _update(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    method = replace(life.new_method(dice), method_id=_method_id(life, dice))
    return [asked.UpdatePaymentMethod(**life.ids(), method=method)]


def _remove(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    return [asked.RemovePaymentMethod(**life.ids(), method_id=_method_id(life, dice))]


def _order(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    names = list(life.method_ids())
    dice.shuffle(names)
    balance_first = dice.random() < 0.5
    return [asked.OrderPaymentMethods(**life.ids(), method_ids=tuple(names), balance_first=balance_first)]


def _enable(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    return [enabling(life, dice)]


def _period(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    months = dice.choice(PERIODS)
    shown = _shown(life, dice, months)
    return [asked.ChangePeriod(**life.ids(), months=months, terms_version="2026-11", channel="app", shown=shown)]


def _switch_off(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    return [asked.SwitchOffAutoRenew(**life.ids(), reason=dice.choice(("holder", "operator")))]


def _renew_now(life: Life, _: Random, __: Sequence[Row]) -> list[asked.Command]:
    return [asked.RenewNow(**life.ids())]


def _top_up(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    return [asked.TopUp(**life.ids(), amount=_money(life, dice, -20, 2500))]


def _auto_top_up(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    if dice.random() < 0.5:
        return [asked.SetAutoTopUp(**life.ids())]
    threshold, amount = _money(life, dice, 50, 1500), _money(life, dice, 500, 2500)
    return [asked.SetAutoTopUp(**life.ids(), threshold=threshold, amount=amount)]


def _zone(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    zone = dice.choice(("Asia/Tokyo", "Pacific/Apia", "Pacific/Pago_Pago", "Europe/Lisbon", "America/Lima", "No/Where"))
    return [asked.ChangeZone(**life.ids(), zone=zone)]


def _hold(life: Life, _: Random, __: Sequence[Row]) -> list[asked.Command]:
    return [asked.HoldCard(**life.ids(), reason="to be looked at")]


def _release(life: Life, _: Random, __: Sequence[Row]) -> list[asked.Command]:
    return [asked.ReleaseCard(**life.ids())]


def _close(life: Life, _: Random, __: Sequence[Row]) -> list[asked.Command]:
    return [asked.CloseCard(**life.ids())]


def _confirm_reclaim(life: Life, _: Random, __: Sequence[Row]) -> list[asked.Command]:
    return [asked.ConfirmReclaim(**life.ids())]


def _refund(life: Life, dice: Random, rows: Sequence[Row]) -> list[asked.Command]:
    charge = _recent(rows, dice, "charge_succeeded.v1")
    most = charge["amount"]["minor"] if charge else 500
    if charge and dice.random() < 0.4:
        return [undoing_term(life, rows, dice.choice(("method", "balance")))]
    return [
        asked.RecordRefund(
            **life.ids(),
            attempt_id=UUID(charge["attempt_id"]) if charge else None,
            amount=_money(life, dice, 1, most),
            to=dice.choice(("method", "balance")),
            evidence="a letter",
        )
    ]


def _dispute(life: Life, dice: Random, rows: Sequence[Row]) -> list[asked.Command]:
    charge = _recent(rows, dice, "charge_succeeded.v1")
    if charge is None:
        return []
    disputed = _dispute_of(life, charge, dice.choice((0.5, 1, 1, 1.1)))
    ends = asked.UndoTerm(**life.ids(), attempt_id=UUID(charge["attempt_id"]))
    return [disputed, ends] if dice.random() < 0.7 else [disputed]


def _dispute_won(life: Life, dice: Random, rows: Sequence[Row]) -> list[asked.Command]:
    dispute = _recent(rows, dice, "dispute_recorded.v1")
    return [_won(life, dispute, dice)] if dispute is not None else []


def _won(life: Life, dispute: dict[str, Any], dice: Random) -> asked.Command:
    amount = Money(minor=max(1, int(dispute["amount"]["minor"] * dice.choice((0.5, 1, 1)))), currency=life.currency)
    attempt_id = UUID(dispute["attempt_id"])
    return asked.RecordDisputeWon(**life.ids(), attempt_id=attempt_id, amount=amount, evidence="the bank's file")


def _announce(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    """A price, or one that is taken back at once."""
    versions = [dice.randrange(2 * YEARS_MAX), *([dice.randrange(4)] if dice.random() < 0.3 else [])]
    return [asked.AnnouncePriceChange(**life.ids(), version=version_name(one)) for one in versions]


def _register_again(life: Life, dice: Random, _: Sequence[Row]) -> list[asked.Command]:
    day = life.born_at.date()
    fields = {"plan": dice.choice(("hk", "no-such-plan")), "currency": life.currency, "starts_on": day, "months": 1}
    return [asked.RegisterCard(**life.ids(), holder_id="h-other", zone="UTC", **fields)]


def _recent(rows: Sequence[Row], dice: Random, topic: str) -> dict[str, Any] | None:
    found = [row for row in rows[-_RECENT:] if row.topic == topic]
    return json.loads(dice.choice(found).state)["fact"] if found else None


def _method_id(life: Life, dice: Random) -> str:
    return f"m{dice.randint(1, life.methods + 1)}"


def _money(life: Life, dice: Random, least: int, most: int) -> Money:
    currency = life.currency if dice.random() < 0.97 else "GBP"
    return Money(minor=dice.randint(least, max(least, most)), currency=currency)


RANDOM_COMMANDS: tuple[tuple[Callable[[Life, Random, list[Row]], list[asked.Command]], float], ...] = (
    (_bind, 10.0),
    (_update, 10.0),
    (_remove, 6.0),
    (_order, 6.0),
    (_enable, 12.0),
    (_period, 7.0),
    (_switch_off, 5.0),
    (_renew_now, 12.0),
    (_top_up, 8.0),
    (_auto_top_up, 6.0),
    (_zone, 3.0),
    (_hold, 2.0),
    (_release, 4.0),
    (_close, 1.0),
    (_confirm_reclaim, 1.0),
    (_refund, 4.0),
    (_dispute, 1.5),
    (_dispute_won, 3.0),
    (_announce, 8.0),
    (_register_again, 2.0),
)
"""With their weights."""
