"""What holders, operators and carriers ask for, as data; each becomes one decision of one card.

The caller chooses `command_id`: the same command under the same id gets the same reply, for ever.
"""

from datetime import date
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, NamedTuple
from uuid import UUID

from msgspec import json
from pydantic import BaseModel, ConfigDict, Field

from engine.actor import Actor
from engine.card.consent import ShownQuote, SwitchOffReason
from engine.card.methods import NO_NUL, PaymentMethod
from engine.catalogue import Period
from engine.money import Currency, Money

ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Evidence = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]
"""The source of what a person claims: a reference, never personal data."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText
    card_id: UUID

    added_later: ClassVar[frozenset[str]] = frozenset()
    """Fields that came after the first commands of the kind had been stored; each has a default."""

    def body_hash(self) -> bytes:
        """What tells another body under the same id; 32 bytes.

        A field that holds its default is left out, so that a command stays the same when its kind gets another field.
        """
        fields = type(self).model_fields
        given = {name: value for name, value in self if value != fields[name].default}
        return sha256(json.encode({**given, "command": type(self).__name__}, order="sorted")).digest()

    def is_same(self, body_hash: bytes) -> bool:
        """Whether a command that was stored with this hash, today's or that of earlier versions, is this one."""
        if body_hash == self.body_hash():
            return True
        fields = type(self).model_fields
        if any(getattr(self, name) != fields[name].default for name in self.added_later):
            return False
        return body_hash == sha256(self.model_dump_json(exclude=set(self.added_later)).encode()).digest()


class RegisterCard(_Command):
    """Register a card with its current term."""

    command: Literal["RegisterCard"] = "RegisterCard"
    holder_id: ShortText
    plan: ShortText
    currency: Currency
    zone: ShortText
    starts_on: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
    months: Period


class BindPaymentMethod(_Command):
    """Add a payment method."""

    command: Literal["BindPaymentMethod"] = "BindPaymentMethod"
    method: PaymentMethod


class UpdatePaymentMethod(_Command):
    """Replace the details of a payment method."""

    command: Literal["UpdatePaymentMethod"] = "UpdatePaymentMethod"
    method: PaymentMethod


class RemovePaymentMethod(_Command):
    """Remove a payment method."""

    command: Literal["RemovePaymentMethod"] = "RemovePaymentMethod"
    method_id: ShortText


class OrderPaymentMethods(_Command):
    """Set the order in which methods are charged, and whether the balance is spent first."""

    command: Literal["OrderPaymentMethods"] = "OrderPaymentMethods"
    method_ids: tuple[ShortText, ...]
    balance_first: bool = False


class EnableAutoRenew(_Command):
    """Switch auto-renewal on for a period, at the price that the holder was `shown`."""

    added_later: ClassVar[frozenset[str]] = frozenset({"shown"})

    command: Literal["EnableAutoRenew"] = "EnableAutoRenew"
    months: Period
    terms_version: ShortText
    channel: ShortText
    shown: ShownQuote | None = None


class ChangePeriod(_Command):
    """Change the period from the next term on, at the price that the holder was `shown`."""

    added_later: ClassVar[frozenset[str]] = frozenset({"shown"})

    command: Literal["ChangePeriod"] = "ChangePeriod"
    months: Period
    terms_version: ShortText
    channel: ShortText
    shown: ShownQuote | None = None


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
    """Set the standing order for top-ups; without threshold and amount it ends."""

    command: Literal["SetAutoTopUp"] = "SetAutoTopUp"
    threshold: Money | None = None
    amount: Money | None = None


class ChangeZone(_Command):
    """Change the time zone from the next term on."""

    command: Literal["ChangeZone"] = "ChangeZone"
    zone: ShortText


class HoldCard(_Command):
    """Stop all automatic work on a card."""

    command: Literal["HoldCard"] = "HoldCard"
    reason: ShortText


class ReleaseCard(_Command):
    """Lift the hold."""

    command: Literal["ReleaseCard"] = "ReleaseCard"


class CloseCard(_Command):
    """Close the card."""

    command: Literal["CloseCard"] = "CloseCard"
    reason: ShortText = "holder"


class ConfirmReclaim(_Command):
    """The carrier confirms that it reclaimed the number."""

    command: Literal["ConfirmReclaim"] = "ConfirmReclaim"


class ResolveAttempt(_Command):
    """A person found out whether an attempt moved money."""

    command: Literal["ResolveAttempt"] = "ResolveAttempt"
    attempt_id: UUID
    charged: bool
    gateway_ref: ShortText | None = None
    evidence: Evidence


class RecordRefund(_Command):
    """The operator refunded a charge or, without attempt, paid out the balance."""

    command: Literal["RecordRefund"] = "RecordRefund"
    attempt_id: UUID | None = None
    amount: Money
    to: Literal["method", "balance"] = "method"
    evidence: Evidence


class _OfCharge(_Command):
    attempt_id: UUID
    amount: Money
    evidence: Evidence


class RecordDispute(_OfCharge):
    """The holder's bank reversed a charge."""

    command: Literal["RecordDispute"] = "RecordDispute"


class RecordDisputeWon(_OfCharge):
    """The holder's bank gave back what it had taken of a charge."""

    command: Literal["RecordDisputeWon"] = "RecordDisputeWon"


class AnnouncePriceChange(_Command):
    """Notify the holder of the price of another catalogue version."""

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
    | RecordDisputeWon
    | AnnouncePriceChange
)
Command = Annotated[AnyCommand, Field(discriminator="command")]


class Issued(NamedTuple):
    """A command and who issued it; who issued it is no part of its identity."""

    command: Command
    actor: Actor
