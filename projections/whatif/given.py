"""What people and the outside did, taken as given at its time in another course of things.

The engine's own facts are dropped and decided anew. A given fact that does not fit what became of the card is left
out: a charge that was not made cannot be disputed, and a number that was lost gets no new method.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import local_date
from engine.card import facts as of_cards
from engine.card.announcing import announce_price_change
from engine.card.card import Card
from engine.card.charge import renew_now
from engine.card.consent import AutoRenewEnabled, PeriodChanged, switch_off_auto_renew
from engine.card.custody import close_card, is_kept
from engine.card.evolve import evolve
from engine.card.facts import CardFact, CardFacts
from engine.card.hold import hold_card, release_card
from engine.card.lapse import confirm_reclaim
from engine.catalogue import Catalogue, PriceVersion
from engine.errors import Refused
from engine.rules import Rules


class Prices(NamedTuple):
    """Another catalogue than that of today, and those of its versions that today's does not have alike."""

    catalogue: Catalogue
    versions: tuple[PriceVersion, ...]


def is_given(fact: CardFact) -> bool:
    """Whether somebody outside made the fact, or it was decided for them alone."""
    match fact:
        case of_cards.AutoRenewSwitchedOff(reason=reason):
            return reason != "mandate_withdrawn"
        case of_cards.PaymentMethodRemoved(reason=reason):
            return reason == "holder"
        case of_cards.CardHeld(by=by):
            return by == "operator"
        case of_cards.TopUpStarted(automatic=automatic):
            return not automatic
        case of_cards.RefundStarted(reason=reason):
            return reason == "operator"
        case of_cards.BalanceCredited(reason=reason):
            return reason in ("refund", "dispute_won")
        case of_cards.NumberReclaimed(by=by):
            return by == "carrier"
        case _:
            return isinstance(fact, _AS_THEY_ARE)


_AS_THEY_ARE = (
    of_cards.CardRegistered,
    of_cards.ZoneChanged,
    of_cards.HolderChanged,
    of_cards.CardReleased,
    of_cards.CardClosed,
    of_cards.PaymentMethodBound,
    of_cards.PaymentMethodUpdated,
    of_cards.PaymentMethodsOrdered,
    of_cards.PaymentMethodAllowed,
    of_cards.AutoRenewEnabled,
    of_cards.PeriodChanged,
    of_cards.PriceChangeAnnounced,
    of_cards.RenewalRequested,
    of_cards.AutoTopUpSet,
    of_cards.BalanceDebited,
    of_cards.BalancePaidOut,
    of_cards.RefundRecorded,
    of_cards.DisputeRecorded,
    of_cards.DisputeWon,
)


_ALSO_AFTER_THE_END = (of_cards.BalancePaidOut, of_cards.AutoRenewSwitchedOff)


def charge_named(fact: CardFact) -> UUID | None:
    """The charge that a given fact is about, which has to have been made."""
    match fact:
        case of_cards.RefundStarted() | of_cards.RefundRecorded() | of_cards.DisputeRecorded() | of_cards.DisputeWon():
            return fact.attempt_id
        case of_cards.BalanceCredited(about=about) | of_cards.BalanceDebited(about=about):
            return about
        case _:
            return None


def fitting(
    card: Card | None, fact: CardFact, rules: Rules, prices: Prices | None, charged: Collection[UUID]
) -> CardFacts | None:
    """What the given fact leads to for the card as it is now, () for nothing; None where it does not fit.

    `charged` holds those of the charges that given facts name which were made; `prices` are set where consent is quoted
    from another catalogue.
    """
    named = charge_named(fact)
    if named is not None and named not in charged:
        return None
    if card is None:
        return (fact,) if isinstance(fact, of_cards.CardRegistered) else None
    if not is_kept(card) and named is None and not isinstance(fact, _ALSO_AFTER_THE_END):
        return None
    if isinstance(fact, AutoRenewEnabled | PeriodChanged) and prices is not None:
        fact = _quoted_anew(card, fact, prices.catalogue)
    try:
        if isinstance(fact, of_cards.PriceChangeAnnounced) and prices is not None:
            return _announced(card, fact.catalogue_version, prices, rules, fact.at)
        return _fitting(card, fact, rules)
    except Refused:
        return None


def _fitting(  # noqa: C901, PLR0911, PLR0912 (one row per kind)
    card: Card, fact: CardFact, rules: Rules
) -> CardFacts | None:
    at, bound = fact.at, {method.method_id for method in card.methods.bound}
    match fact:
        case of_cards.CardRegistered():
            return None
        case of_cards.PaymentMethodBound(method=method) if method.method_id in bound:
            return (of_cards.PaymentMethodUpdated(method=method, at=at),)
        case of_cards.PaymentMethodUpdated(method=method):
            return (fact,) if method.method_id in bound else None
        case of_cards.PaymentMethodRemoved(method_id=method_id) | of_cards.PaymentMethodAllowed(method_id=method_id):
            return (fact,) if method_id in bound else None
        case of_cards.PaymentMethodsOrdered(method_ids=method_ids):
            return (fact,) if set(method_ids) == bound else None
        case of_cards.AutoRenewEnabled():
            return (fact,) if bound else None
        case of_cards.PeriodChanged() | of_cards.PriceChangeAnnounced():
            return (fact,) if card.consent is not None else None
        case of_cards.AutoRenewSwitchedOff(reason=reason):
            return switch_off_auto_renew(card, reason=reason, at=at)
        case of_cards.RenewalRequested():
            return renew_now(card, rules, at=at)
        case of_cards.CardHeld(reason=reason):
            return hold_card(card, reason=reason, at=at)
        case of_cards.CardReleased():
            return release_card(card, rules, at=at) or None
        case of_cards.CardClosed(reason=reason):
            return close_card(card, reason=reason, at=at)
        case of_cards.NumberReclaimed():
            return confirm_reclaim(card, rules.policy, at=at)
        case of_cards.TopUpStarted():
            if card.top_ups.under_way is not None or not bound:
                return None
            return (replace(fact, number=card.top_ups.begun + 1),)
        case of_cards.BalanceDebited(of_term=None, from_reserve=0) | of_cards.BalancePaidOut():
            return (fact,) if fact.amount.minor <= card.balance.minor else None
        case of_cards.BalanceDebited():
            return None
        case _:
            return (fact,)


def _quoted_anew(
    card: Card, fact: AutoRenewEnabled | PeriodChanged, catalogue: Catalogue
) -> AutoRenewEnabled | PeriodChanged:
    """The same consent at that catalogue's prices; what it does not sell is agreed to as it was."""
    custody = card.custody
    try:
        quote = catalogue.quote(custody.plan, custody.currency, fact.months, local_date(fact.at, custody.zone))
    except Refused:
        return fact
    return replace(
        fact,
        price=quote.price,
        saving=quote.saving,
        catalogue_version=quote.catalogue_version,
        reactivation_fee=quote.reactivation_fee,
    )


def announced(card: Card, prices: Prices, rules: Rules, at: datetime) -> CardFacts:
    """The announcements of all other prices that are still to come or in force, as if they were made now."""
    told: list[CardFact] = []
    for version in prices.versions:
        try:
            facts = _announced(card, version.version, prices, rules, at)
        except Refused:  # auto-renewal is off, the card is lost, or the version does not sell its plan
            continue
        for fact in facts:
            card = evolve(card, card.card_id, fact)
        told += facts
    return tuple(told)


def _announced(card: Card, version: str, prices: Prices, rules: Rules, at: datetime) -> CardFacts:
    market_days = rules.reminder_rule(card.custody.plan).change_days
    return announce_price_change(card, prices.catalogue, version=version, at=at, market_days=market_days)


def prices_of(other: Catalogue, today: Catalogue, since: datetime) -> Prices | None:
    """The other catalogue with the versions to announce; None where it is today's."""
    if other == today:
        return None
    day = since.date()
    begun = [one for one in other.versions if one.effective_on <= day]
    current = begun[-1:] + [one for one in other.versions if one.effective_on > day]
    return Prices(other, tuple(one for one in current if one not in today.versions))
