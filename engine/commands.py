"""What holders, operators and carriers ask for, as data; each becomes one decision of one card.

The caller chooses `command_id`: the same command under the same id gets the same reply, for ever.
"""

from datetime import date
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from engine.actor import Actor
from engine.card.charge import Due
from engine.card.consent import ShownQuote, SwitchOffReason
from engine.card.methods import PaymentMethod
from engine.card.on_page import PageWallet
from engine.catalogue import Period
from engine.command_body import CommandBody, Evidence, Reason, ShortText
from engine.money import Currency, Money
from engine.text import NoContact


class RegisterCard(CommandBody):
    """Register a card with its current term; one that ended long ago must be said to be `lapsed`."""

    command: Literal["RegisterCard"] = "RegisterCard"
    holder_id: Annotated[ShortText, NoContact]
    plan: ShortText
    currency: Currency
    zone: ShortText
    starts_on: Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
    months: Period
    lapsed: bool = False


class BindPaymentMethod(CommandBody):
    """Add a payment method."""

    command: Literal["BindPaymentMethod"] = "BindPaymentMethod"
    method: PaymentMethod


class UpdatePaymentMethod(CommandBody):
    """Replace the details of a payment method."""

    command: Literal["UpdatePaymentMethod"] = "UpdatePaymentMethod"
    method: PaymentMethod


class RemovePaymentMethod(CommandBody):
    """Remove a payment method."""

    command: Literal["RemovePaymentMethod"] = "RemovePaymentMethod"
    method_id: ShortText


class OrderPaymentMethods(CommandBody):
    """Set the order in which methods are charged, and whether the balance is spent first."""

    command: Literal["OrderPaymentMethods"] = "OrderPaymentMethods"
    method_ids: tuple[ShortText, ...]
    balance_first: bool = False


class AllowPaymentMethod(CommandBody):
    """Charge what is bound of a payment card that an operator allowed again."""

    command: Literal["AllowPaymentMethod"] = "AllowPaymentMethod"
    fingerprint: ShortText
    reason: Reason


class EnableAutoRenew(CommandBody):
    """Switch auto-renewal on for a period, at the price that the holder was `shown`."""

    command: Literal["EnableAutoRenew"] = "EnableAutoRenew"
    months: Period
    terms_version: ShortText
    channel: ShortText
    shown: ShownQuote | None = None


class ChangePeriod(CommandBody):
    """Change the period from the next term on, at the price that the holder was `shown`."""

    command: Literal["ChangePeriod"] = "ChangePeriod"
    months: Period
    terms_version: ShortText
    channel: ShortText
    shown: ShownQuote | None = None


class SwitchOffAutoRenew(CommandBody):
    """Switch auto-renewal off."""

    command: Literal["SwitchOffAutoRenew"] = "SwitchOffAutoRenew"
    reason: SwitchOffReason = "holder"


class RenewNow(CommandBody):
    """Charge for the next term at once; for no other term and no other amount than the holder was `shown`.

    `on_page`: no method is charged, the holder pays by that wallet on the provider's page.
    """

    command: Literal["RenewNow"] = "RenewNow"
    shown: Due | None = None
    on_page: PageWallet | None = None


class TopUp(CommandBody):
    """Charge money onto the balance; `on_page`: the holder pays it by that wallet on the provider's page."""

    command: Literal["TopUp"] = "TopUp"
    amount: Money
    on_page: PageWallet | None = None


class SetAutoTopUp(CommandBody):
    """Set the standing order for top-ups; without threshold and amount it ends."""

    command: Literal["SetAutoTopUp"] = "SetAutoTopUp"
    threshold: Money | None = None
    amount: Money | None = None


class ChangeZone(CommandBody):
    """Change the time zone from the next term on."""

    command: Literal["ChangeZone"] = "ChangeZone"
    zone: ShortText


class ChangeHolder(CommandBody):
    """Hand a card that nobody uses over to another holder."""

    command: Literal["ChangeHolder"] = "ChangeHolder"
    holder_id: Annotated[ShortText, NoContact]


class HoldCard(CommandBody):
    """Stop all automatic work on a card."""

    command: Literal["HoldCard"] = "HoldCard"
    reason: Reason


class ReleaseCard(CommandBody):
    """Lift the hold."""

    command: Literal["ReleaseCard"] = "ReleaseCard"


class ConfirmNumber(CommandBody):
    """A person found out that the number still exists."""

    command: Literal["ConfirmNumber"] = "ConfirmNumber"
    evidence: Evidence


class CloseCard(CommandBody):
    """Close the card."""

    command: Literal["CloseCard"] = "CloseCard"
    reason: Reason = "holder"


class ConfirmReclaim(CommandBody):
    """The carrier confirms that it reclaimed the number."""

    command: Literal["ConfirmReclaim"] = "ConfirmReclaim"


class ResolveAttempt(CommandBody):
    """A person found out whether an attempt moved money."""

    command: Literal["ResolveAttempt"] = "ResolveAttempt"
    attempt_id: UUID
    charged: bool
    gateway_ref: ShortText | None = None
    evidence: Evidence


class RecordRefund(CommandBody):
    """The operator refunded a charge or, without attempt, paid out the balance; `ends_term`: its term ends too."""

    command: Literal["RecordRefund"] = "RecordRefund"
    attempt_id: UUID | None = None
    amount: Money
    to: Literal["method", "balance"] = "method"
    evidence: Evidence
    ends_term: bool = False


class RefundCharge(CommandBody):
    """Refund a charge by the gateway: all that is left of it, or an amount; `ends_term`: its term ends too."""

    command: Literal["RefundCharge"] = "RefundCharge"
    attempt_id: UUID
    amount: Money | None = None
    ends_term: bool = False


class UndoTerm(CommandBody):
    """The term that a charge paid for ends before it begins, since all of the charge went back."""

    command: Literal["UndoTerm"] = "UndoTerm"
    attempt_id: UUID


class _OfCharge(CommandBody):
    attempt_id: UUID
    amount: Money
    evidence: Evidence


class RecordDispute(_OfCharge):
    """The holder's bank reversed a charge."""

    command: Literal["RecordDispute"] = "RecordDispute"


class RecordDisputeWon(_OfCharge):
    """The holder's bank gave back what it had taken of a charge."""

    command: Literal["RecordDisputeWon"] = "RecordDisputeWon"


class AnnouncePriceChange(CommandBody):
    """Notify the holder of the price of another catalogue version."""

    command: Literal["AnnouncePriceChange"] = "AnnouncePriceChange"
    version: ShortText


AnyCommand = (
    RegisterCard
    | BindPaymentMethod
    | UpdatePaymentMethod
    | RemovePaymentMethod
    | OrderPaymentMethods
    | AllowPaymentMethod
    | EnableAutoRenew
    | ChangePeriod
    | SwitchOffAutoRenew
    | RenewNow
    | TopUp
    | SetAutoTopUp
    | ChangeZone
    | ChangeHolder
    | HoldCard
    | ReleaseCard
    | ConfirmNumber
    | CloseCard
    | ConfirmReclaim
    | ResolveAttempt
    | RecordRefund
    | RefundCharge
    | UndoTerm
    | RecordDispute
    | RecordDisputeWon
    | AnnouncePriceChange
)
Command = Annotated[AnyCommand, Field(discriminator="command")]


class Issued(NamedTuple):
    """A command and who issued it; who issued it is no part of its identity."""

    command: Command
    actor: Actor
