"""Made-up holders: how their cards begin, and how they react to facts."""

from datetime import datetime, timedelta
from random import Random
from typing import cast
from uuid import UUID, uuid5

from msgspec.structs import replace

from engine import commands as asked
from engine.card.evolve import replay
from engine.card.facts import CardFact
from engine.card.refunds import to_give_back
from engine.catalogue import PERIODS
from engine.envelope import read_fact
from engine.money import Money
from tests.simulation.chance import Chance, weighted
from tests.simulation.lives import Life
from tests.simulation.market import CURRENCIES, PLANS
from tests.simulation.memory import Row
from tests.simulation.random_commands import (
    RANDOM_COMMANDS,
    disputing_refunded,
    disputing_top_up,
    enabling,
    prepaying,
    winning_dispute,
)

_NAMESPACE = UUID("6f1f0c6e-6b0b-5d53-9d2b-5a8f1d0a7c11")
_ZONES = (
    *("Asia/Shanghai", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati", "Australia/Lord_Howe", "Africa/Cairo"),
    *("Europe/London", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Santiago", "America/Adak"),
)
REACTED_TO = frozenset(
    {
        "charge_failed.v2",
        "charge_outcome_unknown.v1",
        "charging_blocked.v1",
        "refund_started.v1",
        "refund_outcome_unknown.v1",
        "dispute_recorded.v1",
        "suspended.v1",
        "auto_renew_switched_off.v1",
        "card_held.v1",
        "number_reclaimed.v1",
        "card_closed.v1",
        "case_opened.v1",
    }
)
"""Facts to which somebody may react."""
ENDED = frozenset({"number_reclaimed.v1", "card_closed.v1"})
"""Facts after which another card takes the place."""


class Holders:
    """The holders of all cards, in a world of `cards` places."""

    def __init__(self, chance: Chance, cards: int, *, harsh: bool) -> None:
        self._chance = chance
        self._cards = cards
        self._harsh = harsh

    def new_card(self, slot: int, generation: int, at: datetime) -> tuple[Life, list[asked.Command]]:
        """A new card and its first commands."""
        dice = self._chance.dice("life", slot, generation)
        card_id = uuid5(_NAMESPACE, f"{self._chance.of('card', slot, generation)}:{slot}:{generation}")
        currency = dice.choice(CURRENCIES)
        months = dice.choices(PERIODS, (94, 3, 2, 1) if self._harsh else (70, 15, 8, 7))[0]
        plan = dice.choices(PLANS, (1, 2, 2, 3, 9, 9, 5) if self._harsh else (1,) * len(PLANS))[0]
        shared = self._cards // 8 + 2
        life = Life(slot, generation, card_id, plan, currency, at, shared_cards=shared, harsh=self._harsh)
        starts_on = at.date() - timedelta(days=dice.randrange(30 * months + 3))
        commands: list[asked.Command] = [
            asked.RegisterCard(
                **life.ids(),
                holder_id=life.holder_id,
                plan=plan,
                currency=currency,
                zone=dice.choice(_ZONES),
                starts_on=starts_on,
                months=months,
            )
        ]
        methods = dice.randint(6, 10) if self._harsh else dice.choices((0, 1, 2, 3), (3, 60, 27, 10))[0]
        commands += [asked.BindPaymentMethod(**life.ids(), method=life.new_method(dice)) for _ in range(methods)]
        if dice.random() < 0.2:
            commands += prepaying(life, dice)
        if dice.random() < 0.93:
            commands.append(enabling(life, dice))
        return life, commands

    def time_to_next_command(self, life: Life) -> timedelta:
        """How long until somebody gives the next random command for this card."""
        dice = self._chance.dice("pause", life.slot, life.generation, life.commands)
        return timedelta(days=dice.expovariate(1 / (60 if self._harsh else 25)))

    def random_commands(self, life: Life, rows: list[Row]) -> list[asked.Command]:
        """What somebody asks for now, useful or not."""
        dice = self._chance.dice("thought", life.slot, life.generation, life.commands)
        return weighted(dice, RANDOM_COMMANDS)(life, dice, rows)

    def reaction(self, life: Life, row: Row, rows: list[Row]) -> list[asked.Command]:
        """What somebody does about a failure, a suspension or a switch-off; often nothing."""
        about = ("reaction", life.slot, life.generation, row.version)
        if self._chance.of(*about) < (0.995 if row.topic == "charge_failed.v2" and self._harsh else 0.5):
            return []
        dice = self._chance.dice(*about)
        match row.topic:
            case "charge_outcome_unknown.v1" | "charging_blocked.v1":  # people rarely notice it
                return self._alarmed(life, dice, rows) if dice.random() < 0.12 else []
            case "refund_started.v1" | "refund_outcome_unknown.v1":  # who does not wait for it asks the bank
                return disputing_refunded(life, row, rows, dice)
            case "dispute_recorded.v1":
                return winning_dispute(life, row, dice) if dice.random() < 0.5 else []
            case "auto_renew_switched_off.v1":
                return [enabling(life, dice)]
            case "card_held.v1":
                return [asked.ReleaseCard(**life.ids())]
            case "suspended.v1" if dice.random() < 0.3:
                return [asked.RenewNow(**life.ids())]
            case _:
                return [self._better_method(life, dice)]

    def _alarmed(self, life: Life, dice: Random, rows: list[Row]) -> list[asked.Command]:
        topped_up = disputing_top_up(life, rows)
        if topped_up and dice.random() < 0.8:
            return topped_up if dice.random() < 0.6 else [asked.CloseCard(**life.ids())]
        if dice.random() < 0.5:
            return [asked.HoldCard(**life.ids(), reason="what is this?")]
        return [asked.RemovePaymentMethod(**life.ids(), method_id=dice.choice(life.method_ids()))]

    def _better_method(self, life: Life, dice: Random) -> asked.Command:
        method = life.new_method(dice, good=dice.random() < (0.1 if self._harsh else 0.6))
        if dice.random() < 0.4 and life.methods > 2:
            method = replace(method, method_id=dice.choice(life.method_ids()))
            return asked.UpdatePaymentMethod(**life.ids(), method=method)
        return asked.BindPaymentMethod(**life.ids(), method=method)


def resolve_attempt(life: Life, attempt_id: UUID, gateway_ref: str | None) -> asked.Command:
    """The command of a person who found out the outcome of an attempt."""
    return asked.ResolveAttempt(
        **life.ids(),
        attempt_id=attempt_id,
        charged=gateway_ref is not None,
        gateway_ref=gateway_ref,
        evidence="the provider's list shows it" if gateway_ref else "the provider's list does not have it",
    )


def settle_refund(life: Life, rows: list[Row], refund_id: UUID, *, made: bool) -> asked.Command | None:
    """The command of a person who found out whether a refund was made; None where nothing is to be done any more."""
    card = replay(None, life.card_id, [cast("CardFact", read_fact(*row).fact) for row in rows])
    refund = next((one for one in card.refunds if one.refund_id == refund_id), None)
    if refund is None:
        return None
    due = Money(minor=to_give_back(card, refund), currency=life.currency)
    amount = refund.amount if made and not refund.refused else due
    about = {"attempt_id": refund.attempt_id, "amount": amount, "evidence": "the provider's list"}
    return asked.RecordRefund(**life.ids(), **about)


def number_found(life: Life) -> asked.Command:
    """The command of a person who found out that the number of a card that was held for long still exists."""
    return asked.ConfirmNumber(**life.ids(), evidence="the carrier's list")


def other_body(command: asked.Command) -> asked.Command:
    """Another command under the same id."""
    if isinstance(command, asked.HoldCard):
        return asked.ReleaseCard(command_id=command.command_id, card_id=command.card_id)
    return asked.HoldCard(command_id=command.command_id, card_id=command.card_id, reason="an id taken twice")
