"""What holders and operators ask for, as data; each becomes one decision of one card."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from engine.card.decisions import bind_payment_method, enable_auto_renew, register_card, switch_off_auto_renew
from engine.card.events import NO_NUL, Events, PaymentMethod, SwitchOffReason
from engine.card.next import Rules
from engine.card.state import Card
from engine.catalogue import Period
from engine.errors import Refused
from engine.money import Currency

ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText
    card_id: UUID


class RegisterCard(_Command):
    """Take a card with its running term into care."""

    command: Literal["RegisterCard"] = "RegisterCard"
    holder_id: ShortText
    plan: ShortText
    currency: Currency
    zone: ShortText
    starts_on: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
    months: Period


class BindPaymentMethod(_Command):
    """Add a way to pay."""

    command: Literal["BindPaymentMethod"] = "BindPaymentMethod"
    method: PaymentMethod


class EnableAutoRenew(_Command):
    """Switch auto-renewal on for a period."""

    command: Literal["EnableAutoRenew"] = "EnableAutoRenew"
    months: Period
    terms_version: ShortText
    channel: ShortText


class SwitchOffAutoRenew(_Command):
    """Switch auto-renewal off."""

    command: Literal["SwitchOffAutoRenew"] = "SwitchOffAutoRenew"
    reason: SwitchOffReason = "holder"


Command = Annotated[
    RegisterCard | BindPaymentMethod | EnableAutoRenew | SwitchOffAutoRenew, Field(discriminator="command")
]


def decide(command: Command, card: Card | None, rules: Rules, at: datetime) -> Events:
    """The facts that `command` leads to, () when all is so already; raises Refused."""
    if isinstance(command, RegisterCard):
        return register_card(
            card,
            rules.catalogue,
            holder_id=command.holder_id,
            plan=command.plan,
            currency=command.currency,
            zone=command.zone,
            starts_on=command.starts_on,
            months=command.months,
            at=at,
        )
    if card is None:
        code, message = "unknown_card", f"there is no card {command.card_id}; register it first"
        raise Refused(code, message, "card_id")
    match command:
        case BindPaymentMethod(method=method):
            return bind_payment_method(card, method=method, at=at)
        case EnableAutoRenew(months=months, terms_version=terms_version, channel=channel):
            return enable_auto_renew(
                card, rules.catalogue, months=months, terms_version=terms_version, channel=channel, at=at
            )
        case SwitchOffAutoRenew(reason=reason):
            return switch_off_auto_renew(card, reason=reason, at=at)
