"""What holders, operators and carriers ask for, as data; each becomes one decision of one card.

The caller chooses `command_id`: the same command under the same id gets the same reply, for ever.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple, assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from engine.actor import Actor
from engine.card import charge, consent, custody, disputes, hold, lapse, methods, outcomes, refunds, top_ups
from engine.card.card import Card
from engine.card.consent import SwitchOffReason
from engine.card.facts import CardFacts
from engine.card.methods import NO_NUL, PaymentMethod
from engine.card.payments import Recall
from engine.catalogue import Period
from engine.errors import Refused
from engine.money import Currency, Money
from engine.operations import OPERATIONS_ID
from engine.rules import Rules

ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Evidence = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL)]
"""The source of what a person claims: a reference, never personal data."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText
    card_id: UUID

    def body_hash(self) -> bytes:
        """Distinguishes another body under the same id; 32 bytes."""
        return sha256(self.model_dump_json().encode()).digest()


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
    """Switch auto-renewal on for a period."""

    command: Literal["EnableAutoRenew"] = "EnableAutoRenew"
    months: Period
    terms_version: ShortText
    channel: ShortText


class ChangePeriod(_Command):
    """Change the period from the next term on."""

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


def decide(  # noqa: C901, PLR0911, PLR0912 (one case per command)
    command: AnyCommand, card: Card | None, rules: Rules, at: datetime, recall: Recall
) -> CardFacts:
    """The facts that `command` leads to, () when nothing changes; raises Refused.

    `recall` finds a charge in the card's history that the card's state does not hold any more.
    """
    catalogue, policy = rules.catalogue, rules.policy
    if command.card_id == OPERATIONS_ID:
        message = f"no card can have {OPERATIONS_ID}, the id of the stream of operations; choose another"
        raise Refused("reserved_id", message, "card_id")
    if isinstance(command, RegisterCard):
        return custody.register_card(
            card,
            catalogue,
            holder_id=command.holder_id,
            plan=command.plan,
            currency=command.currency,
            zone=command.zone,
            starts_on=command.starts_on,
            months=command.months,
            at=at,
        )
    if card is None:
        raise Refused("unknown_card", f"there is no card {command.card_id}; register it first", "card_id")
    match command:
        case BindPaymentMethod(method=method):
            return methods.bind_payment_method(card, method=method, at=at)
        case UpdatePaymentMethod(method=method):
            return methods.update_payment_method(card, method=method, at=at)
        case RemovePaymentMethod(method_id=method_id):
            return methods.remove_payment_method(card, method_id=method_id, at=at)
        case OrderPaymentMethods(method_ids=ids, balance_first=first):
            return methods.order_payment_methods(card, method_ids=ids, balance_first=first, at=at)
        case EnableAutoRenew(months=months, terms_version=terms, channel=channel):
            return consent.enable_auto_renew(
                card, catalogue, months=months, terms_version=terms, channel=channel, at=at
            )
        case ChangePeriod(months=months, terms_version=terms, channel=channel):
            return consent.change_period(card, catalogue, months=months, terms_version=terms, channel=channel, at=at)
        case SwitchOffAutoRenew(reason=reason):
            return consent.switch_off_auto_renew(card, reason=reason, at=at)
        case RenewNow():
            return charge.renew_now(card, rules, at=at)
        case AnnouncePriceChange(version=version):
            return consent.announce_price_change(card, catalogue, version=version, at=at)
        case TopUp(amount=amount):
            return top_ups.top_up(card, rules, amount=amount, at=at)
        case SetAutoTopUp(threshold=threshold, amount=amount):
            return top_ups.set_auto_top_up(card, threshold=threshold, amount=amount, at=at)
        case ChangeZone(zone=zone):
            return custody.change_zone(card, zone=zone, at=at)
        case HoldCard(reason=reason):
            return hold.hold_card(card, reason=reason, at=at)
        case ReleaseCard():
            return hold.release_card(card, policy, at=at)
        case CloseCard(reason=reason):
            return custody.close_card(card, reason=reason, at=at)
        case ConfirmReclaim():
            return lapse.confirm_reclaim(card, policy, at=at)
        case ResolveAttempt():
            return outcomes.resolve_attempt(
                card,
                attempt_id=command.attempt_id,
                charged=command.charged,
                gateway_ref=command.gateway_ref,
                evidence=command.evidence,
                policy=policy,
                at=at,
            )
        case RecordRefund(attempt_id=about, amount=amount, to=to, evidence=evidence):
            return refunds.record_refund(card, recall, attempt_id=about, amount=amount, to=to, evidence=evidence, at=at)
        case RecordDispute(attempt_id=attempt_id, amount=amount, evidence=evidence):
            return disputes.record_dispute(card, recall, attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        case RecordDisputeWon(attempt_id=about, amount=amount, evidence=evidence):
            return disputes.record_dispute_won(card, recall, attempt_id=about, amount=amount, evidence=evidence, at=at)
        case _:
            assert_never(command)
