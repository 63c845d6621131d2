"""What holders, operators and carriers ask for, as data; each becomes one decision of one card.

A `command_id` is the caller's: the same command under the same id is answered the same way, for ever.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple, assert_never
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from engine.actor import Actor
from engine.card import balance, charge, consent, custody, disputes, hold, lapse, methods, outcomes, refunds, top_ups
from engine.card.card import Card
from engine.card.consent import SwitchOffReason
from engine.card.facts import CardFacts
from engine.card.methods import NO_NUL, PaymentMethod
from engine.card.payments import Recall
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


def decide(  # noqa: C901, PLR0911, PLR0912 (one case per command)
    command: AnyCommand, card: Card | None, rules: Rules, at: datetime, recall: Recall
) -> CardFacts:
    """The facts that `command` leads to, () when nothing changes; raises Refused.

    `recall` finds a charge in the card's history that the card itself does not remember any more.
    """
    catalogue, policy = rules.catalogue, rules.policy
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
            market_days = rules.reminder_rule(card.custody.plan).change_days
            return consent.announce_price_change(card, catalogue, version=version, at=at, market_days=market_days)
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
        case RecordRefund():
            return _give_back(command, card, at, recall)
        case RecordDispute(attempt_id=attempt_id, amount=amount, evidence=evidence):
            return disputes.record_dispute(card, recall, attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        case _:
            assert_never(command)


def _give_back(command: RecordRefund, card: Card, at: datetime, recall: Recall) -> CardFacts:
    if command.attempt_id is None:  # what was left on the balance
        if command.to == "balance":
            raise Refused("no_charge_named", "say which charge goes back onto the balance", "attempt_id")
        return balance.pay_out_balance(card, amount=command.amount, evidence=command.evidence, at=at)
    return refunds.record_refund(
        card,
        recall,
        attempt_id=command.attempt_id,
        amount=command.amount,
        to=command.to,
        evidence=command.evidence,
        at=at,
    )
