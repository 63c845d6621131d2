"""What holders, operators and carriers ask for, as data; each becomes one decision of one card.

A `command_id` is the caller's: the same command under the same id is answered the same way, for ever.
"""

from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from engine.actor import Actor
from engine.card import consent, custody, methods, outcomes, refunds, topping_up
from engine.card.events import Events, SwitchOffReason
from engine.card.method import NO_NUL, PaymentMethod
from engine.card.refunds import Recall
from engine.card.state import Card
from engine.catalogue import Period
from engine.errors import Refused
from engine.money import Currency, Money
from engine.rules import Rules

ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Evidence = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]
"""Where a person found out what is claimed: a reference, never personal data."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText
    card_id: UUID

    def body_hash(self) -> bytes:
        """What tells another body under the same id; 32 bytes."""
        return sha256(self.model_dump_json().encode()).digest()


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


class UpdatePaymentMethod(_Command):
    """New details of a way to pay."""

    command: Literal["UpdatePaymentMethod"] = "UpdatePaymentMethod"
    method: PaymentMethod


class RemovePaymentMethod(_Command):
    """Charge a method no more."""

    command: Literal["RemovePaymentMethod"] = "RemovePaymentMethod"
    method_id: ShortText


class OrderPaymentMethods(_Command):
    """The order in which to charge, and whether the balance is spent first."""

    command: Literal["OrderPaymentMethods"] = "OrderPaymentMethods"
    method_ids: tuple[ShortText, ...]
    balance_first: bool = False


class EnableAutoRenew(_Command):
    """Switch auto-renewal on for a period."""

    command: Literal["EnableAutoRenew"] = "EnableAutoRenew"
    months: Period
    terms_version: ShortText
    channel: ShortText


class ChangePeriod(_Command):
    """Another period from the next term on."""

    command: Literal["ChangePeriod"] = "ChangePeriod"
    months: Period
    terms_version: ShortText
    channel: ShortText


class SwitchOffAutoRenew(_Command):
    """Switch auto-renewal off."""

    command: Literal["SwitchOffAutoRenew"] = "SwitchOffAutoRenew"
    reason: SwitchOffReason = "holder"


class RenewNow(_Command):
    """Charge for the next term at once."""

    command: Literal["RenewNow"] = "RenewNow"


class TopUp(_Command):
    """Charge money onto the balance."""

    command: Literal["TopUp"] = "TopUp"
    amount: Money


class SetAutoTopUp(_Command):
    """A standing order for the balance; without threshold and amount it ends."""

    command: Literal["SetAutoTopUp"] = "SetAutoTopUp"
    threshold: Money | None = None
    amount: Money | None = None


class ChangeZone(_Command):
    """Live by another clock from the next term on."""

    command: Literal["ChangeZone"] = "ChangeZone"
    zone: ShortText


class HoldCard(_Command):
    """Take a card out of all automatic work."""

    command: Literal["HoldCard"] = "HoldCard"
    reason: ShortText


class ReleaseCard(_Command):
    """Lift the hold."""

    command: Literal["ReleaseCard"] = "ReleaseCard"


class CloseCard(_Command):
    """Give the card up."""

    command: Literal["CloseCard"] = "CloseCard"
    reason: ShortText = "holder"


class ConfirmReclaim(_Command):
    """The carrier says that it took the number."""

    command: Literal["ConfirmReclaim"] = "ConfirmReclaim"


class ResolveAttempt(_Command):
    """A person found out whether an attempt moved money."""

    command: Literal["ResolveAttempt"] = "ResolveAttempt"
    attempt_id: UUID
    charged: bool
    gateway_ref: ShortText | None = None
    evidence: Evidence


class RecordRefund(_Command):
    """Money was given back by the operator: of a charge, or (without attempt) what was left on the balance."""

    command: Literal["RecordRefund"] = "RecordRefund"
    attempt_id: UUID | None = None
    amount: Money
    to: Literal["method", "balance"] = "method"
    evidence: Evidence


class RecordDispute(_Command):
    """The holder's bank took a charge back."""

    command: Literal["RecordDispute"] = "RecordDispute"
    attempt_id: UUID
    amount: Money
    evidence: Evidence


class AnnouncePriceChange(_Command):
    """Tell the holder of the price of another catalogue version."""

    command: Literal["AnnouncePriceChange"] = "AnnouncePriceChange"
    version: ShortText


AnyCommand = (
    RegisterCard
    | BindPaymentMethod
    | UpdatePaymentMethod
    | RemovePaymentMethod
    | OrderPaymentMethods
    | EnableAutoRenew
    | ChangePeriod
    | SwitchOffAutoRenew
    | RenewNow
    | TopUp
    | SetAutoTopUp
    | ChangeZone
    | HoldCard
    | ReleaseCard
    | CloseCard
    | ConfirmReclaim
    | ResolveAttempt
    | RecordRefund
    | RecordDispute
    | AnnouncePriceChange
)
Command = Annotated[AnyCommand, Field(discriminator="command")]


class Issued(NamedTuple):
    """A command and who gave it; who gave it is no part of what is remembered of it."""

    command: Command
    actor: Actor


def decide(command: Command, card: Card | None, rules: Rules, at: datetime, recall: Recall) -> Events:
    """The facts that `command` leads to, () when all is so already; raises Refused.

    `recall` finds a charge in the card's history that the card itself does not remember any more.
    """
    if isinstance(command, RegisterCard):
        return custody.register_card(card, rules.catalogue, at=at, **_fields(command))
    if card is None:
        code, message = "unknown_card", f"there is no card {command.card_id}; register it first"
        raise Refused(code, message, "card_id")
    fields = _fields(command)
    if isinstance(command, RecordRefund | RecordDispute):
        fields["recall"] = recall
    return _DECISIONS[type(command)](card, rules, at, fields)


def _fields(command: _Command) -> dict[str, Any]:
    return {name: getattr(command, name) for name in type(command).model_fields if name not in _OF_ALL}


def _give_back(card: Card, rules: Rules, at: datetime, fields: dict[str, Any]) -> Events:
    del rules
    if fields["attempt_id"] is None:  # what was left on the balance
        if fields["to"] == "balance":
            raise Refused("no_charge_named", "say which charge goes back onto the balance", "attempt_id")
        return topping_up.pay_out_balance(card, amount=fields["amount"], evidence=fields["evidence"], at=at)
    return refunds.record_refund(card, at=at, **fields)


_OF_ALL = {"command", "command_id", "card_id"}
_Decision = Callable[[Card, Rules, datetime, dict[str, Any]], Events]
_DECISIONS: dict[type[_Command], _Decision] = {
    BindPaymentMethod: lambda card, _, at, fields: methods.bind_payment_method(card, at=at, **fields),
    UpdatePaymentMethod: lambda card, _, at, fields: methods.update_payment_method(card, at=at, **fields),
    RemovePaymentMethod: lambda card, _, at, fields: methods.remove_payment_method(card, at=at, **fields),
    OrderPaymentMethods: lambda card, _, at, fields: methods.order_payment_methods(card, at=at, **fields),
    EnableAutoRenew: lambda card, rules, at, f: consent.enable_auto_renew(card, rules.catalogue, at=at, **f),
    ChangePeriod: lambda card, rules, at, f: consent.change_period(card, rules.catalogue, at=at, **f),
    SwitchOffAutoRenew: lambda card, _, at, fields: consent.switch_off_auto_renew(card, at=at, **fields),
    RenewNow: lambda card, rules, at, fields: consent.renew_now(card, rules, at=at, **fields),
    TopUp: lambda card, rules, at, fields: topping_up.top_up(card, rules, at=at, **fields),
    SetAutoTopUp: lambda card, _, at, fields: topping_up.set_auto_top_up(card, at=at, **fields),
    ChangeZone: lambda card, _, at, fields: custody.change_zone(card, at=at, **fields),
    HoldCard: lambda card, _, at, fields: custody.hold_card(card, at=at, **fields),
    ReleaseCard: lambda card, rules, at, _: custody.release_card(card, rules.policy, at=at),
    CloseCard: lambda card, _, at, fields: custody.close_card(card, at=at, **fields),
    ConfirmReclaim: lambda card, rules, at, fields: custody.confirm_reclaim(card, rules.policy, at=at, **fields),
    ResolveAttempt: lambda card, rules, at, f: outcomes.resolve_attempt(card, policy=rules.policy, at=at, **f),
    RecordRefund: _give_back,
    RecordDispute: lambda card, _, at, fields: refunds.record_dispute(card, at=at, **fields),
    AnnouncePriceChange: lambda card, rules, at, f: consent.announce_price_change(card, rules.catalogue, at=at, **f),
}
