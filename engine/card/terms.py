"""The price of the next term, and what its payment means."""

from datetime import datetime
from uuid import UUID

from engine.calendar import local_date, term_after, term_from
from engine.card.events import CardRenewed, Events, Reinstated, RenewalStarted
from engine.card.state import Announced, AutoRenew, Card, Renewal
from engine.money import Money
from engine.rules import Rules


def offer(card: Card, consent: AutoRenew, rules: Rules, at: datetime) -> RenewalStarted:
    """The next term at the price that the holder agreed to, or was told of in good time."""
    today = local_date(at, card.term.zone)
    price = _agreed(consent, at=at, card=card)
    return RenewalStarted(
        term_number=card.term.number + 1,
        months=consent.months,
        price=price.price,
        saving=price.saving,
        catalogue_version=price.catalogue_version,
        policy_version=rules.policy.version,
        reactivation_fee=rules.catalogue.reactivation_fee(card.plan, card.currency, today),
        at=at,
    )


def _agreed(consent: AutoRenew, *, card: Card, at: datetime) -> AutoRenew | Announced:
    if not consent.announced:
        return consent
    today = local_date(at, card.term.zone)
    return next((one for one in reversed(consent.announced) if one.applies_from <= today), consent)


def amount_due(card: Card, renewal: Renewal) -> Money:
    """What the term costs now: the reactivation fee comes on top where the service is off."""
    fee = renewal.reactivation_fee
    return renewal.price + fee if fee is not None and card.status == "suspended" else renewal.price


def renewed(card: Card, renewal: Renewal, attempt_id: UUID | None, from_balance: int, at: datetime) -> Events:
    """The next term: after the last one, or from the day of payment when that is over or the service was off.

    Nobody pays for time without service (decisions: "late payment restarts the term?").
    """
    months, anchor_day = renewal.months, card.anchor_day
    term = term_after(card.term, months, anchor_day, card.zone)
    if card.status == "suspended" or term.ends_at <= at:
        today = local_date(at, card.zone)
        term, anchor_day = term_from(card.term.number + 1, today, months, today.day, card.zone), today.day
    fact = CardRenewed(
        term=term,
        months=months,
        price=renewal.price,
        anchor_day=anchor_day,
        attempt_id=attempt_id,
        from_balance=from_balance,
        reactivation_fee=renewal.reactivation_fee if card.status == "suspended" else None,
        at=at,
    )
    if card.status == "suspended":
        return Reinstated(term_number=term.number, at=at), fact
    return (fact,)
