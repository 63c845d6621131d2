"""Decisions about what the holder agreed to. See custody.py for what all decisions have in common."""

from datetime import datetime, timedelta

from engine.calendar import local_date
from engine.card.custody import check_kept
from engine.card.deadlines import reclaims_at
from engine.card.dunning import usable_methods
from engine.card.events import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    Events,
    PeriodChanged,
    PriceChangeAnnounced,
    RenewalRequested,
    SwitchOffReason,
)
from engine.card.state import Card
from engine.card.terms import offer
from engine.catalogue import Catalogue, Period
from engine.errors import Refused
from engine.rules import Rules


def enable_auto_renew(
    card: Card, catalogue: Catalogue, *, months: Period, terms_version: str, channel: str, at: datetime
) -> Events:
    """Switch auto-renewal on, keeping what the holder was shown; for a lapsed card it charges at once.

    Raises Refused `no_payment_method`; a card that is on already gets the period changed.
    """
    check_kept(card)
    if not card.methods:
        raise Refused("no_payment_method", "bind a payment method before switching auto-renewal on")
    if card.auto_renew is not None:
        return change_period(card, catalogue, months=months, terms_version=terms_version, channel=channel, at=at)
    quote = catalogue.quote(card.plan, card.currency, months, local_date(at, card.zone))
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


def change_period(
    card: Card, catalogue: Catalogue, *, months: Period, terms_version: str, channel: str, at: datetime
) -> Events:
    """Another period from the next term on; raises Refused `auto_renew_off`.

    An unpaid offer is dropped and made anew, but an attempt that is open runs to its end first.
    """
    check_kept(card)
    if card.auto_renew is None:
        raise Refused("auto_renew_off", "switch auto-renewal on to choose a period")
    if card.auto_renew.months == months:
        return ()
    quote = catalogue.quote(card.plan, card.currency, months, local_date(at, card.zone))
    return (
        PeriodChanged(
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
    return () if card.auto_renew is None else (switched_off(card, reason, at),)


def switched_off(card: Card, reason: SwitchOffReason, at: datetime) -> AutoRenewSwitchedOff:
    """The end of consent, and what the holder is told of it: until when it is paid, and when the number is lost."""
    lost_on = local_date(reclaims_at(card), card.term.zone)
    return AutoRenewSwitchedOff(reason=reason, ends_on=card.term.ends_on, lost_on=lost_on, at=at)


def renew_now(card: Card, rules: Rules, *, at: datetime) -> Events:
    """Charge for the next term at once, outside of the ladder; asked twice it is tried twice.

    Raises Refused `auto_renew_off`, `charge_under_way`, `held`, `charging_stopped`, `already_paid_ahead`,
    `no_usable_method`.
    """
    check_kept(card)
    if card.auto_renew is None:
        raise Refused("auto_renew_off", "switch auto-renewal on first; a lapsed card is then charged at once")
    check_may_charge(card, rules)
    if card.term.starts_at > at:
        raise Refused("already_paid_ahead", f"the card is paid until {card.term.ends_on} already")
    if not usable_methods(card) and not card.for_the_holder and not card.balance.first:
        raise Refused("no_usable_method", "none of the payment methods may be charged; bind or update one")
    request = RenewalRequested(at=at)
    return (request,) if card.renewal is not None else (offer(card, card.auto_renew, rules, at), request)


def announce_price_change(card: Card, catalogue: Catalogue, *, version: str, at: datetime) -> Events:
    """Tell the holder of the price of another catalogue version, from which day on it is charged.

    That day is at least the plan's notice days ahead, and never before the version is in force. Raises Refused
    `auto_renew_off`, `unknown_version`.
    """
    check_kept(card)
    consent = card.auto_renew
    if consent is None:
        raise Refused("auto_renew_off", "there is nothing to announce to a card that is not renewed")
    quote = catalogue.quote_of(version, card.plan, card.currency, consent.months)
    current = consent.announced[-1] if consent.announced else consent
    if version in {consent.catalogue_version, *(one.catalogue_version for one in consent.announced)}:
        return ()
    if quote.price == current.price:
        return ()
    today = max(local_date(at, card.term.zone), local_date(at, card.zone))  # by whichever the next renewal opens
    in_time = today + timedelta(catalogue.plan(card.plan).notice_days)
    return (
        PriceChangeAnnounced(
            months=quote.months,
            price=quote.price,
            saving=quote.saving,
            catalogue_version=version,
            applies_from=max(in_time, catalogue.effective_on(version)),
            at=at,
        ),
    )


def check_may_charge(card: Card, rules: Rules) -> None:
    """Raise Refused for a charge that the holder asks for while none can be made."""
    if card.open_attempt is not None or card.balance.top_up is not None:
        raise Refused("charge_under_way", "a charge is under way; wait for its outcome")
    if card.held_since is not None:
        raise Refused("held", "the card is held by the operator")
    if rules.charging_stopped:
        raise Refused("charging_stopped", "all charging is stopped for the moment; try again later")
