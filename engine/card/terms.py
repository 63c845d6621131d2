"""The price of the next term, and what its payment means."""

from datetime import date, datetime
from uuid import UUID

from engine.calendar import local_date, start_of_day, term_after, term_from
from engine.card.dunning import opens_at
from engine.card.events import CardRenewed, Events, Reinstated, RenewalStarted
from engine.card.state import Announced, AutoRenew, Card, Renewal
from engine.money import Money
from engine.rules import Rules


def offer(card: Card, consent: AutoRenew, rules: Rules, at: datetime) -> RenewalStarted:
    """The next term at the price that the holder agreed to, or was told of in good time.

    What counts is the local day on which the renewal opens, however late we come to it.
    """
    today = local_date(min(at, opens_at(card, rules.policy)), card.term.zone)
    price = _agreed(consent, today)
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


def _agreed(consent: AutoRenew, today: date) -> AutoRenew | Announced:
    """Of the announced prices the one that applies last; of the same day the one announced last."""
    begun = [one for one in reversed(consent.announced) if one.applies_from <= today]
    return max(begun, key=lambda one: one.applies_from, default=consent)


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
        starts_on = max(local_date(at, card.zone), card.term.ends_on)  # after a move westwards it may be the day before
        starts_at, anchor_day = max(start_of_day(starts_on, card.zone), card.term.ends_at), starts_on.day
        term = term_from(term.number, starts_on, months, anchor_day, card.zone, starts_at)
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
