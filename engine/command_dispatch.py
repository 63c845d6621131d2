"""Each command becomes one decision of one card."""

from datetime import datetime
from typing import assert_never

from engine.card import (
    allowing,
    announcing,
    charge,
    consent,
    custody,
    disputes,
    doubt,
    ending,
    giving_back,
    handing_over,
    hold,
    lapse,
    methods,
    outcomes,
    paying_on_page,
    promised,
    standing_order,
    top_ups,
)
from engine.card.card import Card
from engine.card.facts import CardFacts
from engine.card.on_page import PageWallet
from engine.card.payments import Recall
from engine.commands import (
    AllowPaymentMethod,
    AnnouncePriceChange,
    AnyCommand,
    BindPaymentMethod,
    ChangeHolder,
    ChangePeriod,
    ChangeZone,
    CloseCard,
    ConfirmNumber,
    ConfirmReclaim,
    EnableAutoRenew,
    HoldCard,
    OrderPaymentMethods,
    RecordDispute,
    RecordDisputeWon,
    RecordRefund,
    RefundCharge,
    RegisterCard,
    ReleaseCard,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    SwitchOffAutoRenew,
    TopUp,
    UndoTerm,
    UpdatePaymentMethod,
)
from engine.errors import Refused
from engine.operations import OPERATIONS_ID
from engine.rules import Rules


def decide(  # noqa: C901, PLR0911, PLR0912 (one case per command)
    command: AnyCommand, card: Card | None, rules: Rules, at: datetime, recall: Recall
) -> CardFacts:
    """The facts that `command` leads to, () when nothing changes; raises Refused.

    `recall` finds a charge in the card's history that the card itself does not remember any more.
    """
    catalogue, policy = rules.catalogue, rules.policy
    if command.card_id == OPERATIONS_ID:
        message = f"no card can have {OPERATIONS_ID}, the id of the stream of operations; choose another"
        raise Refused("reserved_id", message, "card_id")
    if isinstance(command, RegisterCard):
        return custody.register_card(
            card,
            rules,
            holder_id=command.holder_id,
            plan=command.plan,
            currency=command.currency,
            zone=command.zone,
            starts_on=command.starts_on,
            months=command.months,
            lapsed=command.lapsed,
            at=at,
        )
    if card is None:
        raise Refused("unknown_card", f"there is no card {command.card_id}; register it first", "card_id")
    match command:
        case BindPaymentMethod(method=method):
            promised.check_reusable(method, rules.provider)
            return methods.bind_payment_method(card, method=method, at=at)
        case UpdatePaymentMethod(method=method):
            promised.check_reusable(method, rules.provider)
            return methods.update_payment_method(card, method=method, at=at)
        case RemovePaymentMethod(method_id=method_id):
            return methods.remove_payment_method(card, method_id=method_id, at=at)
        case OrderPaymentMethods(method_ids=ids, balance_first=first):
            return methods.order_payment_methods(card, method_ids=ids, balance_first=first, at=at)
        case AllowPaymentMethod(fingerprint=fingerprint, reason=reason):
            return allowing.allow_payment_method(card, fingerprint=fingerprint, reason=reason, at=at)
        case EnableAutoRenew() | ChangePeriod():
            agree = consent.enable_auto_renew if isinstance(command, EnableAutoRenew) else consent.change_period
            return agree(
                card,
                catalogue,
                months=command.months,
                terms_version=command.terms_version,
                channel=command.channel,
                shown=command.shown,
                at=at,
            )
        case SwitchOffAutoRenew(reason=reason):
            return consent.switch_off_auto_renew(card, reason=reason, at=at)
        case RenewNow(shown=due, on_page=PageWallet() as wallet):
            return paying_on_page.renew_on_page(card, rules, wallet=wallet, shown=due, at=at)
        case RenewNow(shown=due):
            return charge.renew_now(card, rules, shown=due, at=at)
        case AnnouncePriceChange(version=version):
            market_days = rules.reminder_rule(card.custody.plan).change_days
            return announcing.announce_price_change(card, catalogue, version=version, at=at, market_days=market_days)
        case TopUp(amount=amount, on_page=PageWallet() as wallet):
            return paying_on_page.top_up_on_page(card, rules, wallet=wallet, amount=amount, at=at)
        case TopUp(amount=amount):
            return top_ups.top_up(card, rules, amount=amount, at=at)
        case SetAutoTopUp(threshold=threshold, amount=amount):
            return standing_order.set_auto_top_up(card, rules.catalogue, threshold=threshold, amount=amount, at=at)
        case ChangeZone(zone=zone):
            return custody.change_zone(card, zone=zone, at=at)
        case ChangeHolder(holder_id=holder_id):
            return handing_over.change_holder(card, rules, holder_id=holder_id, at=at)
        case HoldCard(reason=reason):
            return hold.hold_card(card, reason=reason, at=at)
        case ReleaseCard():
            return hold.release_card(card, rules, at=at)
        case ConfirmNumber(evidence=evidence):
            return doubt.confirm_number(card, rules, evidence=evidence, at=at)
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
            return giving_back.record_refund(
                card,
                recall,
                attempt_id=command.attempt_id,
                amount=command.amount,
                to=command.to,
                evidence=command.evidence,
                ends_term=command.ends_term,
                at=at,
            )
        case RefundCharge(attempt_id=about, amount=amount, ends_term=ends_term):
            return giving_back.refund_charge(card, recall, attempt_id=about, amount=amount, ends_term=ends_term, at=at)
        case UndoTerm(attempt_id=attempt_id):
            return ending.end_term(card, recall, attempt_id=attempt_id, at=at)
        case RecordDispute(attempt_id=attempt_id, amount=amount, evidence=evidence):
            return disputes.record_dispute(card, recall, attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        case RecordDisputeWon(attempt_id=about, amount=amount, evidence=evidence):
            return disputes.record_dispute_won(card, recall, attempt_id=about, amount=amount, evidence=evidence, at=at)
        case _:
            assert_never(command)
