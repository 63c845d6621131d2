"""Consent: what the holder agreed to be charged for further terms, what was announced since, and its end."""

from datetime import date, datetime
from typing import Annotated, Literal, Protocol

from pydantic import Field

from engine.calendar import Instant, local_date
from engine.card.custody import HasCustody, check_kept
from engine.card.deadlines import HasDeadlines, reclaims_at
from engine.card.event import Event
from engine.card.methods import NO_NUL, HasMethods
from engine.catalogue import Catalogue, Period, Quote
from engine.errors import CorruptHistoryError, Refused
from engine.money import Money
from engine.value import Value

SwitchOffReason = Literal["holder", "operator", "mandate_withdrawn"]


# Facts


class AutoRenewEnabled(Event, kw_only=True):
    """The holder agreed to be charged for further terms, having been shown this period, price, saving and fee.

    By the text of the terms the balance pays too, whatever the order of payment, if the number would otherwise be lost.
    `reactivation_fee` comes on top if the service is off by then; None: none was shown, and none is charged.
    `agreed_on` is the local day of the card, None in facts from before it was kept.
    """

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str
    reactivation_fee: Money | None = None
    agreed_on: date | None = None


class PeriodChanged(Event, kw_only=True):
    """The holder chose another period from the next term on, having been shown its price, saving and fee."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str
    reactivation_fee: Money | None = None
    agreed_on: date | None = None


class PriceChangeAnnounced(Event, kw_only=True):
    """The holder was notified of another price for the chosen period; terms that open from then on cost it.

    `replaces_later`: prices that were announced before for that day or a later one are taken back.
    """

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date
    reactivation_fee: Money | None = None
    replaces_later: bool = False


class AutoRenewSwitchedOff(Event, kw_only=True):
    """The holder withdrew consent to be charged for further terms.

    The paid term ends on `ends_on`; if nothing else happens, the number is lost on `lost_on`.
    """

    reason: SwitchOffReason
    ends_on: date | None = None
    lost_on: date | None = None


# State


class AnnouncedPrice(Value):
    """A price for a period of which the holder was notified, and the first local day on which it applies."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date
    reactivation_fee: Money | None = None


Announced = tuple[AnnouncedPrice, ...]
"""Prices later than the consent, in the order in which they were announced; the end of consent does not end them."""


class Consent(Value):
    """The consent in force: period, price, saving and reactivation fee as they were shown."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    given_at: Instant
    reactivation_fee: Money | None = None


class ShownQuote(Value):
    """What the holder saw when agreeing: price, reactivation fee if there is one, version of the prices."""

    price: Money
    catalogue_version: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
    reactivation_fee: Money | None = None


class HasConsent(Protocol):
    """A card with the consent in force (None while auto-renewal is off), and prices announced since."""

    @property
    def consent(self) -> Consent | None: ...

    @property
    def announced(self) -> Announced: ...


class _Agreeing(HasConsent, HasCustody, HasMethods, Protocol):
    """What giving consent reads of a card."""


class _Withdrawing(HasConsent, HasDeadlines, Protocol):
    """What withdrawing consent reads of a card: the deadlines say what is lost when."""


# Fold


def given(fact: AutoRenewEnabled | PeriodChanged) -> Consent:
    """What was shown is what is agreed to."""
    return Consent(fact.months, fact.price, fact.saving, fact.catalogue_version, fact.at, fact.reactivation_fee)


def still_announced(announced: Announced, fact: AutoRenewEnabled | PeriodChanged, zone: str) -> Announced:
    """What the holder knows of for days after that of the consent, which was given at what was shown then."""
    day = fact.agreed_on or local_date(fact.at, zone)
    return tuple(one for one in announced if one.applies_from > day) if announced else announced


def announced(before: Announced, fact: PriceChangeAnnounced, consent: Consent | None) -> Announced:
    """One more price that the holder knows of; raises CorruptHistoryError without consent."""
    if consent is None:
        raise CorruptHistoryError("a price without consent")
    later = AnnouncedPrice(
        fact.months, fact.price, fact.saving, fact.catalogue_version, fact.applies_from, fact.reactivation_fee
    )
    kept = [one for one in before if not fact.replaces_later or one.applies_from < fact.applies_from]
    return (*kept, later)


# Prices


def agreed_on(consent: Consent, announced: Announced, day: date) -> Consent | AnnouncedPrice:
    """Of the announced prices the one that applies last by that day; of the same day the one announced last."""
    begun = [one for one in reversed(announced) if one.applies_from <= day and one.months == consent.months]
    return max(begun, key=lambda one: one.applies_from, default=consent)


def cost(price: Consent | AnnouncedPrice | Quote) -> tuple[int, int]:
    """Price and fee in minor units."""
    fee = price.reactivation_fee
    return price.price.minor, fee.minor if fee else 0


# Decisions


def enable_auto_renew(
    card: _Agreeing,
    catalogue: Catalogue,
    *,
    months: Period,
    terms_version: str,
    channel: str,
    at: datetime,
    shown: ShownQuote | None = None,
) -> tuple[AutoRenewEnabled | PeriodChanged, ...]:
    """Switch auto-renewal on, keeping what the holder was shown; for a lapsed card it charges at once.

    A card that is on already gets the period changed, or the same one at what was shown if that is another price.
    Raises Refused `no_payment_method`, and `price_changed` if not today's quote was shown.
    """
    check_kept(card)
    if not card.methods.bound:
        raise Refused("no_payment_method", "bind a payment method before switching auto-renewal on")
    if card.consent is not None:
        return change_period(
            card, catalogue, months=months, terms_version=terms_version, channel=channel, at=at, shown=shown
        )
    quote = _quote(card, catalogue, months, shown, at)
    return (_enabled(card, quote, terms_version, channel, at),)


def change_period(
    card: _Agreeing,
    catalogue: Catalogue,
    *,
    months: Period,
    terms_version: str,
    channel: str,
    at: datetime,
    shown: ShownQuote | None = None,
) -> tuple[AutoRenewEnabled | PeriodChanged, ...]:
    """Another period from the next term on; raises Refused `auto_renew_off`, `price_changed`.

    The same period is agreed to anew if it costs less than before, or if the holder was shown another price. An unpaid
    offer is dropped and made anew, but an attempt that is open runs to its end first.
    """
    check_kept(card)
    if card.consent is None:
        raise Refused("auto_renew_off", "switch auto-renewal on to choose a period")
    if card.consent.months == months:
        again = _agreed_again(card, card.consent, catalogue, shown, at)
        return () if again is None else (_enabled(card, again, terms_version, channel, at),)
    quote = _quote(card, catalogue, months, shown, at)
    return (
        PeriodChanged(
            months=months,
            price=quote.price,
            saving=quote.saving,
            catalogue_version=quote.catalogue_version,
            terms_version=terms_version,
            channel=channel,
            reactivation_fee=quote.reactivation_fee,
            agreed_on=local_date(at, card.custody.zone),
            at=at,
        ),
    )


def _enabled(card: HasCustody, quote: Quote, terms_version: str, channel: str, at: datetime) -> AutoRenewEnabled:
    return AutoRenewEnabled(
        months=quote.months,
        price=quote.price,
        saving=quote.saving,
        catalogue_version=quote.catalogue_version,
        terms_version=terms_version,
        channel=channel,
        reactivation_fee=quote.reactivation_fee,
        agreed_on=local_date(at, card.custody.zone),
        at=at,
    )


def _quote(card: _Agreeing, catalogue: Catalogue, months: Period, shown: ShownQuote | None, at: datetime) -> Quote:
    """Today's quote; raises Refused `price_changed` if the holder saw another one."""
    quote = catalogue.quote(card.custody.plan, card.custody.currency, months, local_date(at, card.custody.zone))
    if shown not in (None, ShownQuote(quote.price, quote.catalogue_version, quote.reactivation_fee)):
        amounts = [str(one) for one in (quote.price, quote.reactivation_fee) if one]
        today = " and a reactivation fee of ".join(amounts)
        message = f"the price is not the one that was shown: today it is {today}, version {quote.catalogue_version}"
        raise Refused("price_changed", f"{message}; show that and ask again", "shown")
    return quote


def _agreed_again(
    card: _Agreeing, consent: Consent, catalogue: Catalogue, shown: ShownQuote | None, at: datetime
) -> Quote | None:
    """What the holder agrees to for the same period; None if that is known, or might raise a price that nobody saw."""
    try:
        quote = _quote(card, catalogue, consent.months, shown, at)
    except Refused:
        if shown is None:  # no longer sold, but kept for those who have it
            return None
        raise
    now = cost(agreed_on(consent, card.announced, local_date(at, card.custody.zone)))
    return quote if cost(quote) < now or (shown is not None and cost(quote) != now) else None


def switch_off_auto_renew(
    card: _Withdrawing, *, reason: SwitchOffReason, at: datetime
) -> tuple[AutoRenewSwitchedOff, ...]:
    """Switch auto-renewal off; an open attempt runs to its end and counts."""
    return () if card.consent is None else (switched_off(card, reason, at),)


def switched_off(card: HasDeadlines, reason: SwitchOffReason, at: datetime) -> AutoRenewSwitchedOff:
    """The end of consent, with what the holder must know: until when the card is paid, when the number is lost."""
    lost_on = local_date(reclaims_at(card), card.term.zone)
    return AutoRenewSwitchedOff(reason=reason, ends_on=card.term.ends_on, lost_on=lost_on, at=at)
