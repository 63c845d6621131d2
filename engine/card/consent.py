"""Consent: what the holder agreed to be charged for further terms, what was announced since, and its end.

What decisions have in common: custody.py.
"""

from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from msgspec.structs import replace

from engine.calendar import Instant, local_date
from engine.card.custody import HasCustody, check_kept
from engine.card.deadlines import HasDeadlines, reclaims_at
from engine.card.event import Event
from engine.card.methods import HasMethods
from engine.catalogue import Catalogue, Period
from engine.errors import CorruptHistoryError, Refused
from engine.money import Money
from engine.value import Value

SwitchOffReason = Literal["holder", "operator", "mandate_withdrawn"]


# Facts


class AutoRenewEnabled(Event, kw_only=True):
    """The holder agreed to be charged for further terms, having been shown this period, price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


class PeriodChanged(Event, kw_only=True):
    """The holder chose another period from the next term on, having been shown its price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


class PriceChangeAnnounced(Event, kw_only=True):
    """The holder was notified of another price for the chosen period; terms that open from then on cost it."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date


class AutoRenewSwitchedOff(Event, kw_only=True):
    """The holder withdrew consent to be charged for further terms.

    The paid term ends on `ends_on`; if nothing else happens, the number is lost on `lost_on`.
    """

    reason: SwitchOffReason
    ends_on: date | None = None
    lost_on: date | None = None


# State


class AnnouncedPrice(Value):
    """A price for the chosen period of which the holder was notified, and the first local day on which it applies."""

    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date


class Consent(Value):
    """The consent in force: period, price and saving as they were shown."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    given_at: Instant
    announced: tuple[AnnouncedPrice, ...] = ()
    """Later prices, in the order in which they were announced."""


class HasConsent(Protocol):
    """A card with the consent in force; None while auto-renewal is off."""

    @property
    def consent(self) -> Consent | None: ...


class _Agreeing(HasConsent, HasCustody, HasMethods, Protocol):
    """What giving consent reads of a card."""


class _Withdrawing(HasConsent, HasDeadlines, Protocol):
    """What withdrawing consent reads of a card: the deadlines say what is lost when."""


class _Announcing(HasConsent, HasCustody, HasDeadlines, Protocol):
    """What announcing a price reads of a card."""


# Fold


def given(fact: AutoRenewEnabled | PeriodChanged) -> Consent:
    """What was shown is what is agreed to."""
    return Consent(fact.months, fact.price, fact.saving, fact.catalogue_version, fact.at)


def announced(consent: Consent | None, fact: PriceChangeAnnounced) -> Consent:
    """One more price that the holder knows of; raises CorruptHistoryError."""
    if consent is None:
        raise CorruptHistoryError("a price without consent")
    later = AnnouncedPrice(fact.price, fact.saving, fact.catalogue_version, fact.applies_from)
    return replace(consent, announced=(*consent.announced, later))


# Decisions


def enable_auto_renew(
    card: _Agreeing, catalogue: Catalogue, *, months: Period, terms_version: str, channel: str, at: datetime
) -> tuple[AutoRenewEnabled | PeriodChanged, ...]:
    """Switch auto-renewal on, keeping what the holder was shown; for a lapsed card it charges at once.

    Raises Refused `no_payment_method`; a card that is on already gets the period changed.
    """
    check_kept(card)
    if not card.methods.bound:
        raise Refused("no_payment_method", "bind a payment method before switching auto-renewal on")
    if card.consent is not None:
        return change_period(card, catalogue, months=months, terms_version=terms_version, channel=channel, at=at)
    quote = catalogue.quote(card.custody.plan, card.custody.currency, months, local_date(at, card.custody.zone))
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
    card: _Agreeing, catalogue: Catalogue, *, months: Period, terms_version: str, channel: str, at: datetime
) -> tuple[PeriodChanged, ...]:
    """Another period from the next term on; raises Refused `auto_renew_off`.

    An unpaid offer is dropped and made anew, but an attempt that is open runs to its end first.
    """
    check_kept(card)
    if card.consent is None:
        raise Refused("auto_renew_off", "switch auto-renewal on to choose a period")
    if card.consent.months == months:
        return ()
    quote = catalogue.quote(card.custody.plan, card.custody.currency, months, local_date(at, card.custody.zone))
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


def switch_off_auto_renew(
    card: _Withdrawing, *, reason: SwitchOffReason, at: datetime
) -> tuple[AutoRenewSwitchedOff, ...]:
    """Switch auto-renewal off; an open attempt runs to its end and counts."""
    return () if card.consent is None else (switched_off(card, reason, at),)


def switched_off(card: HasDeadlines, reason: SwitchOffReason, at: datetime) -> AutoRenewSwitchedOff:
    """The end of consent, with what the holder must know: until when the card is paid, when the number is lost."""
    lost_on = local_date(reclaims_at(card), card.term.zone)
    return AutoRenewSwitchedOff(reason=reason, ends_on=card.term.ends_on, lost_on=lost_on, at=at)


def announce_price_change(
    card: _Announcing, catalogue: Catalogue, *, version: str, at: datetime, market_days: int = 0
) -> tuple[PriceChangeAnnounced, ...]:
    """Notify the holder of the price of another catalogue version, and from which day on it is charged.

    That day is at least the plan's notice days and the market's ahead, and never before the version is in force.
    Raises Refused `auto_renew_off`, `unknown_version`.
    """
    check_kept(card)
    consent, custody = card.consent, card.custody
    if consent is None:
        raise Refused("auto_renew_off", "there is nothing to announce to a card that is not renewed")
    quote = catalogue.quote_of(version, custody.plan, custody.currency, consent.months)
    current = consent.announced[-1] if consent.announced else consent
    if version in {consent.catalogue_version, *(one.catalogue_version for one in consent.announced)}:
        return ()
    if quote.price == current.price:
        return ()
    today = max(local_date(at, card.term.zone), local_date(at, custody.zone))  # by whichever the next renewal opens
    in_time = today + timedelta(max(catalogue.plan(custody.plan).notice_days, market_days))
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
