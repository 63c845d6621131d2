"""Calls of the engine for its tests: commands, wakes, and cards whose holders pay monthly."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from engine.actor import actor
from engine.application import Engine, Reply
from engine.commands import BindPaymentMethod, Command, EnableAutoRenew, Issued, RegisterCard, SwitchOffAutoRenew
from engine.rules import Rules
from engine.store.streams import Store
from tests.engine.samples import AGREED_AT, OPENS_AT, REGISTERED_AT, RULES, VISA, ZONE

LATER = OPENS_AT + timedelta(hours=2)
"""Whatever its place in the charge hour, each card of these tests is due by then."""


HOLDER = actor("holder", "holder-1")


def execute(engine: Engine, commands: Sequence[Command], rules: Rules, at: datetime) -> list[Reply]:
    """The replies to commands that the holder gives."""
    return engine.execute([Issued(command, HOLDER) for command in commands], rules, at)


def register(card_id: UUID, plan: str = "keep-short") -> RegisterCard:
    return RegisterCard(
        command_id=f"register-{card_id}",
        card_id=card_id,
        holder_id="holder-1",
        plan=plan,
        currency="CNY",
        zone=ZONE,
        starts_on=date(2026, 3, 1),
        months=1,
    )


def bind(card_id: UUID, method=VISA) -> BindPaymentMethod:
    return BindPaymentMethod(command_id=f"bind-{method.method_id}-{card_id}", card_id=card_id, method=method)


def enable(card_id: UUID, months: int = 1, turn: int = 1) -> EnableAutoRenew:
    command_id = f"enable-{turn}-{months}-{card_id}"
    return EnableAutoRenew(command_id=command_id, card_id=card_id, months=months, terms_version="1", channel="web")


def switch_off(card_id: UUID) -> SwitchOffAutoRenew:
    return SwitchOffAutoRenew(command_id=f"off-{card_id}", card_id=card_id)


def paying(engine: Engine, count: int = 1, *methods) -> list[UUID]:
    """Cards whose holders pay monthly by these methods; their consent is itself the notice of the charge."""
    cards = [uuid4() for _ in range(count)]
    commands = [
        command for card_id in cards for command in (register(card_id), *(bind(card_id, m) for m in methods or (VISA,)))
    ]
    assert all(execute(engine, commands, RULES, REGISTERED_AT))
    assert all(execute(engine, [enable(card_id) for card_id in cards], RULES, AGREED_AT))
    return cards


def wake(engine: Engine, *cards: UUID, at=LATER, rules=RULES):
    return engine.wake({card_id: f"due-{card_id}" for card_id in cards}, rules, at)


def kinds(store: Store, card_id: UUID) -> list[type]:
    """The facts of a card after those that made it pay."""
    return [type(one.fact) for one in store.history(card_id)[3:]]
