"""Announcing: another price than the one agreed to, which applies once it was announced in time."""

from datetime import date, datetime, timedelta
from typing import Protocol

from engine.calendar import local_date
from engine.card.consent import Consent, HasConsent, PriceChangeAnnounced, agreed_on, cost
from engine.card.custody import HasCustody, check_kept
from engine.card.deadlines import HasDeadlines
from engine.catalogue import Catalogue, Quote
from engine.errors import Refused


class _Announcing(HasConsent, HasCustody, HasDeadlines, Protocol):
    """What announcing a price reads of a card."""


def announce_price_change(
    card: _Announcing, catalogue: Catalogue, *, version: str, at: datetime, market_days: int = 0
) -> tuple[PriceChangeAnnounced, ...]:
    """Notify the holder of the price of another catalogue version, and from which day on it is charged.

    That day is never before the version is in force; and at least the plan's notice days and the market's ahead,
    unless nothing becomes dearer by it. What was announced for that day or later is taken back.
    Raises Refused `auto_renew_off`, `unknown_version`.
    """
    check_kept(card)
    consent, custody = card.consent, card.custody
    if consent is None:
        raise Refused("auto_renew_off", "there is nothing to announce to a card that is not renewed")
    quote = catalogue.quote_of(version, custody.plan, custody.currency, consent.months)
    today = max(local_date(at, card.term.zone), local_date(at, custody.zone))  # by whichever the next renewal opens
    in_force = max(today, catalogue.effective_on(version))
    in_time = max(in_force, today + timedelta(max(catalogue.plan(custody.plan).notice_days, market_days)))
    applies_from = _applies_from(card, consent, quote, in_force, in_time)
    later = [one for one in card.announced if one.applies_from > applies_from]
    if all(cost(one) == cost(quote) for one in (agreed_on(consent, card.announced, applies_from), *later)):
        return ()
    return (
        PriceChangeAnnounced(
            months=quote.months,
            price=quote.price,
            saving=quote.saving,
            catalogue_version=version,
            applies_from=applies_from,
            reactivation_fee=quote.reactivation_fee,
            replaces_later=any(one.applies_from >= applies_from for one in card.announced),
            at=at,
        ),
    )


def _applies_from(card: HasConsent, consent: Consent, quote: Quote, in_force: date, in_time: date) -> date:
    """The first day from `in_force` on for which the holder knows of no lower price or fee; `in_time` at the latest."""
    days = sorted({in_force, *(one.applies_from for one in card.announced if in_force < one.applies_from < in_time)})
    price, fee = cost(quote)
    known = ((day, cost(agreed_on(consent, card.announced, day))) for day in days)
    return next((day for day, (now, fee_now) in known if price <= now and fee <= fee_now), in_time)
