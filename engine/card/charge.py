"""Charging the next term: when an attempt is made, of which method and amount; on time's or on the holder's request."""

from datetime import datetime
from typing import Annotated, Protocol

from pydantic import Field

from engine.card.attempt import ChargeAttempted, ChargeWithheld, HasAttempts, HasHold, open_attempts
from engine.card.balance import HasBalance
from engine.card.consent import Consent, HasConsent
from engine.card.custody import check_kept
from engine.card.deadlines import (
    ChargingBlocked,
    DeadlinesMoved,
    HasDeadlines,
    carrier_reclaims_at,
    charge_instant,
    last_day,
    opens_at,
    reclaims_at,
)
from engine.card.doubt import MayBeInDoubt, check_number
from engine.card.dunning import Try, TryLater, TryNow, Withhold, next_try
from engine.card.event import Event
from engine.card.gap import HasGap, attempt_id_of, check_gap
from engine.card.methods import usable_methods
from engine.card.reminders import Remindable, ReminderDue, charged_from, tell_ahead
from engine.card.term import (
    CardRenewed,
    Reinstated,
    Renewable,
    Renewal,
    RenewalStarted,
    amount_due,
    offer,
    offered,
    renewed,
)
from engine.card.wait import Wait
from engine.catalogue import Catalogue
from engine.errors import Refused
from engine.money import Money
from engine.networks import EDITION, Limited
from engine.policy import Policy
from engine.rules import Rules
from engine.value import Value


class RenewalRequested(Event, kw_only=True):
    """The holder asked to be charged for the next term now."""


ChargingFact = (
    RenewalStarted
    | ChargeAttempted
    | ChargeWithheld
    | CardRenewed
    | Reinstated
    | ChargingBlocked
    | ReminderDue
    | DeadlinesMoved
)
"""What a step towards the next term may record."""


class Chargeable(HasBalance, Renewable, Remindable, HasGap, Protocol):
    """What charging the next term reads of a card."""


class _MayBeUnderWay(Protocol):
    @property
    def under_way(self) -> object | None: ...


class OnRequest(HasAttempts, HasHold, MayBeInDoubt, HasGap, Protocol):
    """What a charge on the holder's request reads of a card."""

    @property
    def top_ups(self) -> _MayBeUnderWay: ...


class ChargeableOnRequest(Chargeable, OnRequest, Protocol):
    """What charging the next term on the holder's request reads of a card."""


class Due(Value):
    """A term to be paid, by its number, and what it costs."""

    term_number: Annotated[int, Field(ge=1)]
    amount: Money


def offered_now(card: Chargeable, consent: Consent, rules: Rules, at: datetime) -> Renewal:
    """The next term as it is on offer, or would be if it were offered now."""
    renewal = card.renewal
    if renewal is None or is_outdated(card, renewal):
        return offered(renewal, offer(card, consent, rules, at))
    return renewal


def due_now(card: Chargeable, consent: Consent, rules: Rules, at: datetime) -> Due:
    """What the holder pays who asks to be charged at once."""
    renewal = offered_now(card, consent, rules, at)
    return Due(term_number=card.term.number + 1, amount=amount_due(card, renewal))


def renew_now(
    card: ChargeableOnRequest, rules: Rules, *, shown: Due | None = None, at: datetime
) -> tuple[RenewalStarted | RenewalRequested, ...]:
    """Charge for the next term at once, outside of the ladder; asked twice it is tried twice.

    `shown` is what the holder saw to be due: what was paid meanwhile is not paid for again, nor the term after it.
    Raises Refused `auto_renew_off`, `charge_under_way`, `held`, `number_in_doubt`, `restored`, `charging_stopped`,
    `already_paid_ahead`, `price_changed`, `no_usable_method`.
    """
    consent = check_due(card, rules, shown, at)
    from_balance = card.methods.balance_first and card.balance.minor >= due_now(card, consent, rules, at).amount.minor
    if not usable_methods(card) and not card.methods.needs_holder and not from_balance:
        raise Refused("no_usable_method", "none of the payment methods may be charged; bind or update one")
    request = RenewalRequested(at=at)
    on_offer = card.renewal is not None and not card.renewal.is_over
    return (request,) if on_offer else (offer(card, consent, rules, at), request)


def check_due(card: ChargeableOnRequest, rules: Rules, shown: Due | None, at: datetime) -> Consent:
    """The consent by which the next term may be paid at once; raises Refused where it may not, as `renew_now`."""
    check_kept(card)
    if card.consent is None:
        raise Refused("auto_renew_off", "switch auto-renewal on first; a lapsed card is then charged at once")
    check_may_charge(card, rules)
    if card.term.starts_at > at or (shown is not None and shown.term_number <= card.term.number):
        raise Refused("already_paid_ahead", f"the card is paid until {card.term.ends_on} already")
    if shown is not None and shown != (due := due_now(card, card.consent, rules, at)):
        message = f"{due.amount} is due for term {due.term_number}, not {shown.amount} for term {shown.term_number}"
        raise Refused("price_changed", f"{message}; show that and ask again", "shown")
    return card.consent


def check_may_charge(card: OnRequest, rules: Rules) -> None:
    """Raise Refused for a charge that the holder asks for while none can be made."""
    if open_attempts(card.attempts) or card.top_ups.under_way is not None:
        raise Refused("charge_under_way", "a charge is under way; wait for its outcome")
    if card.held_since is not None:
        raise Refused("held", "the card is on hold")
    check_number(card)
    check_gap(card, rules)
    if rules.charging_stopped:
        raise Refused("charging_stopped", "all charging is stopped for the moment; try again later")


def charge_renewal(card: Chargeable, rules: Rules, at: datetime) -> tuple[ChargingFact, ...] | Wait:
    """The next step towards the next term: an offer, an attempt, a payment from the balance, or a wait."""
    if card.consent is None:
        return Wait(None, "auto_renew_off")
    if card.deadlines.blocked_since is not None and rules.charging_stopped:  # whatever the days say meanwhile
        return _stopped(card, rules, at)
    if at >= card.term.ends_at and at >= reclaims_at(card):  # it is lost, even if that is not written down yet
        return Wait(None, "number_lost")
    renewal, opening = card.renewal, opens_at(card, rules.policy)
    if (renewal is None or renewal.is_over) and at < opening:
        return Wait(opening, "renewal_opens")
    if renewal is None or is_outdated(card, renewal):
        return (offer(card, card.consent, rules, at),)
    return _pay(card, renewal, opening, rules, at)


def _pay(
    card: Chargeable, renewal: Renewal, opening: datetime, rules: Rules, at: datetime
) -> tuple[ChargingFact, ...] | Wait:
    """Pay for what is on offer: from the balance if it is spent first, by a method, or as a last resort."""
    due = amount_due(card, renewal)
    from_balance = _from_balance(card, due, rules.catalogue) if card.methods.balance_first else 0
    chosen = next_try(card, renewal, rules.policy, at)
    noticed = _notice_first(card, renewal, opening, chosen, rules, at, paid=from_balance == due.minor)
    return noticed if noticed is not None else _charge(card, renewal, chosen, from_balance, rules, at)


def _charge(
    card: Chargeable, renewal: Renewal, chosen: Try | None, from_balance: int, rules: Rules, at: datetime
) -> tuple[ChargingFact, ...] | Wait:
    """Pay from the balance if it is enough, or do what dunning has `chosen`."""
    due = amount_due(card, renewal)
    if from_balance == due.minor:
        facts = renewed(card, renewal, rules.policy, at, from_balance=from_balance)
    elif isinstance(chosen, TryNow):
        facts = (_attempt(card, chosen, due, from_balance, rules.policy, at),)
    elif isinstance(chosen, Withhold):
        return (_delayed_too_long(card, chosen, rules.policy, at),)
    else:
        facts = _last_resort(card, renewal, due, chosen, rules.policy, at)
        if isinstance(facts, Wait):
            return facts
    return _stopped(card, rules, at) if rules.charging_stopped else facts


def _last_resort(
    card: Chargeable, renewal: Renewal, due: Money, chosen: TryLater | None, policy: Policy, at: datetime
) -> tuple[Reinstated | CardRenewed, ...] | Wait:
    """The balance, also where it is not spent first, once no method can pay before the number is lost."""
    waiting = Wait(None, "no_try_left") if chosen is None else Wait(chosen.at, chosen.reason)
    has_try = waiting.until is not None and waiting.until < reclaims_at(card)
    if has_try or card.balance.minor < due.minor:
        return waiting
    pays_at = charge_instant(card, last_day(card), policy)
    return Wait(pays_at, "balance_pays") if at < pays_at else renewed(card, renewal, policy, at, from_balance=due.minor)


def _from_balance(card: HasBalance, due: Money, catalogue: Catalogue) -> int:
    """What the balance pays, in minor units: so much less than it could that the gateway charges the rest."""
    taken = min(card.balance.minor, due.minor)
    least = catalogue.minimum_charge(due.currency)
    return max(0, due.minor - least) if 0 < due.minor - taken < least else taken


def is_outdated(card: HasConsent, renewal: Renewal) -> bool:
    """Whether the next term is offered anew before anything is charged."""
    return renewal.is_over or renewal.stale or not _fee_is_agreed(card, renewal)


def _fee_is_agreed(card: HasConsent, renewal: Renewal) -> bool:
    """Whether the holder knew of the offer's fee; offers of earlier versions had that of the catalogue."""
    known = (card.consent, *card.announced) if card.consent else card.announced
    return renewal.reactivation_fee in (None, *(one.reactivation_fee for one in known))


def _notice_first(
    card: Chargeable, renewal: Renewal, opening: datetime, chosen: Try | None, rules: Rules, at: datetime, *, paid: bool
) -> tuple[ReminderDue | DeadlinesMoved, ...] | Wait | None:
    """The notice that has to come before a charge that nobody asked for, or the wait until it is old enough, or None.

    `paid`: the balance is to pay, whatever is `chosen`.
    """
    if renewal.rung or renewal.request_open or card.consent is None:
        return None
    may_at = charged_from(card, opening, rules)
    if may_at is None and at >= opening:
        return tell_ahead(card, card.consent, rules, at)
    may_at = may_at or opening
    match chosen:
        case TryNow(rung=rung):
            begins = rung > 0  # rung 0: the holder asked for this pass, so it needs no notice
        case TryLater(at=later, reason=reason):
            begins = reason == "renewal_opens" and later < may_at
        case _:
            begins = chosen is not None
    if at >= may_at or not (begins or paid):
        return None
    return Wait(may_at, "notice_awaited" if may_at > opening else "renewal_opens")


def _stopped(card: HasDeadlines, rules: Rules, at: datetime) -> tuple[ChargingBlocked, ...] | Wait:
    reason = "gateway_down" if rules.gateway_down else "charging_stopped"
    if card.deadlines.blocked_since is None:
        return (ChargingBlocked(reason=reason, at=at),)
    again_at, date = at + rules.policy.stopped_recheck, carrier_reclaims_at(card)
    return Wait(date if at < date < again_at else again_at, reason, blocks_lapse=True)


def _attempt(
    card: Chargeable, chosen: TryNow, due: Money, from_balance: int, policy: Policy, at: datetime
) -> ChargeAttempted:
    """One attempt is one key: derived from card, term, method and the attempt's number within the term."""
    renewal = card.renewal
    term_number, number, method = card.term.number + 1, card.attempts.made + 1, chosen.method
    return ChargeAttempted(
        attempt_id=attempt_id_of(card, f"renewal:{term_number}", method.method_id, number),
        term_number=term_number,
        number=number,
        rung=chosen.rung,
        reason=chosen.reason,
        method_id=method.method_id,
        token=method.token,
        amount=due - Money(minor=from_balance, currency=due.currency) if from_balance else due,
        policy_version=policy.version,
        from_balance=from_balance,
        fingerprint=method.fingerprint,
        brand=method.brand,
        follows_decline=renewal is not None and renewal.declines > 0,
        limits_edition=EDITION if method.fingerprint else None,
        last_rung=chosen.last_rung,
        at=at,
    )


def _delayed_too_long(card: Chargeable, chosen: Withhold, policy: Policy, at: datetime) -> ChargeWithheld:
    return ChargeWithheld(
        term_number=card.term.number + 1,
        rung=chosen.rung,
        method_id=chosen.method.method_id,
        reason=chosen.limit or "advice_delay",
        until=chosen.until,
        limits_edition=EDITION if chosen.limit else None,
        policy_version=policy.version,
        last_rung=True,
        at=at,
    )


def withheld_by_limit(attempt: ChargeAttempted, limited: Limited) -> ChargeWithheld:
    """What takes the place of an attempt that a network limit forbids."""
    return ChargeWithheld(
        term_number=attempt.term_number,
        top_up=attempt.top_up,
        rung=attempt.rung,
        method_id=attempt.method_id,
        reason=limited.rule,
        until=limited.until,
        limits_edition=EDITION,
        policy_version=attempt.policy_version,
        last_rung=attempt.last_rung,
        at=attempt.at,
    )
