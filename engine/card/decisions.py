"""What callers ask of a card: each decision is a plain function of card, arguments and time that returns facts.

No clock, no I/O, no randomness. What is already so gives (); what the caller got wrong raises Refused.
"""

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.calendar import local_date, term_after, term_from
from engine.card.events import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    CardRegistered,
    CardRenewed,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    Events,
    Learned,
    PaymentMethod,
    PaymentMethodBound,
    Reinstated,
    SwitchOffReason,
)
from engine.card.state import Attempt, Card
from engine.catalogue import Catalogue, Period
from engine.declines import NEVER_HAPPENED, Consequence, consequence_of
from engine.errors import Refused
from engine.money import Currency
from engine.policy import Policy
from engine.ports import Answer, Charged, Declined, NotFound, Unclear


def register_card(  # noqa: PLR0913 (one argument per field of the command)
    card: Card | None,
    catalogue: Catalogue,
    *,
    holder_id: str,
    plan: str,
    currency: Currency,
    zone: str,
    starts_on: date,
    months: Period,
    at: datetime,
) -> Events:
    """Take a card with its running term into care.

    Raises Refused `unknown_plan`, `unknown_currency`, `unknown_zone`, `already_registered`.
    """
    keep_rule = catalogue.plan(plan).keep_rule
    catalogue.quote(plan, currency, months)
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        code, message = "unknown_zone", f"{zone!r} is no IANA time zone, such as Asia/Shanghai"
        raise Refused(code, message, "zone") from None
    fact = CardRegistered(
        holder_id=holder_id,
        plan=plan,
        currency=currency,
        zone=zone,
        keep_rule=keep_rule,
        keep=catalogue.keep_rules[keep_rule],
        term=term_from(0, starts_on, months, starts_on.day, zone),
        anchor_day=starts_on.day,
        at=at,
    )
    if card is None:
        return (fact,)
    if (card.holder_id, card.plan, card.currency) == (holder_id, plan, currency):
        return ()
    code, message = "already_registered", "the card is registered with another holder, plan or currency"
    raise Refused(code, message, "card_id")


def bind_payment_method(card: Card, *, method: PaymentMethod, at: datetime) -> Events:
    """Add a way to pay, last in order; raises Refused if its id means another method already."""
    known = next((known for known in card.methods if known.method_id == method.method_id), None)
    if known is None:
        return (PaymentMethodBound(method=method, at=at),)
    if known == method:
        return ()
    code, message = "method_exists", f"method {method.method_id!r} is bound already, with other details"
    raise Refused(code, message, "method.method_id")


def enable_auto_renew(
    card: Card, catalogue: Catalogue, *, months: Period, terms_version: str, channel: str, at: datetime
) -> Events:
    """Switch auto-renewal on, keeping what the holder was shown; raises Refused without a payment method."""
    if not card.methods:
        code, message = "no_payment_method", "bind a payment method before switching auto-renewal on"
        raise Refused(code, message)
    if card.auto_renew is not None and card.auto_renew.months == months:
        return ()
    quote = catalogue.quote(card.plan, card.currency, months)
    return (
        AutoRenewEnabled(
            months=months,
            price=quote.price,
            saving=quote.saving,
            catalogue_version=quote.catalogue_version,
            terms_version=terms_version,
            channel=channel,
            at=at,
        ),
    )


def switch_off_auto_renew(card: Card, *, reason: SwitchOffReason, at: datetime) -> Events:
    """Switch auto-renewal off; an open attempt runs to its end and counts."""
    if card.auto_renew is None:
        return ()
    return (AutoRenewSwitchedOff(reason=reason, at=at),)


def record_answer(
    card: Card, attempt_id: UUID, answer: Answer, *, learned: Learned, policy: Policy, at: datetime
) -> Events:
    """What the gateway's answer about an attempt means; () when the outcome is recorded already."""
    attempt = card.open_attempt
    if attempt is None or attempt.attempt_id != attempt_id:
        return ()
    match answer:
        case Charged() if answer.amount == attempt.amount and answer.attempt_id == attempt_id:
            return _paid(card, attempt, answer.gateway_ref, learned, at)
        case Charged():
            return _unknown(card, attempt, "answer_is_not_ours", policy, at)
        case Declined(code=code) if consequence_of(code) is Consequence.RECONCILE:
            return _unknown(card, attempt, code, policy, at)
        case Declined():
            return _failed(card, attempt, answer, learned, policy, at)
        case NotFound() if at >= attempt.attempted_at + policy.key_lifetime + policy.never_happened_after:
            return _failed(card, attempt, Declined(code=NEVER_HAPPENED), learned, policy, at)
        case NotFound():
            return _unknown(card, attempt, "not_found_yet", policy, at)
        case Unclear(reason=reason):
            return _unknown(card, attempt, reason, policy, at)


def _paid(card: Card, attempt: Attempt, gateway_ref: str, learned: Learned, at: datetime) -> Events:
    """The next term: after the last one, or from the day of payment when that is over or the service was off."""
    number = card.term.number + 1
    succeeded = ChargeSucceeded(
        attempt_id=attempt.attempt_id,
        term_number=number,
        amount=attempt.amount,
        gateway_ref=gateway_ref,
        learned=learned,
        at=at,
    )
    if card.renewal is None:
        return (succeeded,)
    months = card.renewal.months
    term, anchor_day = term_after(card.term, months, card.anchor_day, card.zone), card.anchor_day
    if card.status == "suspended" or term.ends_at <= at:
        today = local_date(at, card.zone)
        term, anchor_day = term_from(number, today, months, today.day, card.zone), today.day
    renewed = CardRenewed(
        term=term,
        months=months,
        price=attempt.amount,
        anchor_day=anchor_day,
        attempt_id=attempt.attempt_id,
        at=at,
    )
    if card.status == "suspended":
        return (succeeded, Reinstated(term_number=number, at=at), renewed)
    return (succeeded, renewed)


def _failed(card: Card, attempt: Attempt, answer: Declined, learned: Learned, policy: Policy, at: datetime) -> Events:
    consequence = consequence_of(answer.code)
    failed = ChargeFailed(
        attempt_id=attempt.attempt_id,
        term_number=card.term.number + 1,
        method_id=attempt.method_id,
        code=answer.code,
        advice_code=answer.advice_code,
        network_code=answer.network_code,
        consequence=consequence,
        rung=card.renewal.rung if card.renewal else 0,
        policy_version=policy.version,
        learned=learned,
        at=at,
    )
    if consequence is Consequence.MANDATE_WITHDRAWN_CARD and card.auto_renew is not None:
        return (failed, AutoRenewSwitchedOff(reason="mandate_withdrawn", at=at))
    return (failed,)


def _unknown(card: Card, attempt: Attempt, reason: str, policy: Policy, at: datetime) -> Events:
    asked = attempt.asked + 1
    waits = policy.ask_again_after
    wait: timedelta = waits[min(asked, len(waits)) - 1]
    fact = ChargeOutcomeUnknown(
        attempt_id=attempt.attempt_id,
        term_number=card.term.number + 1,
        reason=reason,
        asked=asked,
        ask_again_at=at + wait,
        at=at,
    )
    return (fact,)
