"""How facts add up to a card: `evolve` only assigns, every rule lives in decisions and next."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.card import events
from engine.card.events import Event
from engine.card.evolve_payments import PAYMENT_CHANGES, Table, unwanted
from engine.card.state import Announced, AutoRenew, Card, Changes, Renewal
from engine.errors import CorruptHistoryError


def evolve(card: Card | None, card_id: UUID, fact: Event) -> Card:
    """The card after one more fact. Total: a fact that fits nowhere raises CorruptHistoryError."""
    if isinstance(fact, events.CardRegistered):
        return Card(
            card_id=card_id,
            holder_id=fact.holder_id,
            plan=fact.plan,
            currency=fact.currency,
            zone=fact.zone,
            keep=fact.keep,
            anchor_day=fact.anchor_day,
            term=fact.term,
        )
    if card is None:
        raise CorruptHistoryError(f"card {card_id}: {type(fact).__name__} comes before CardRegistered")
    changes_of = _CHANGES.get(type(fact))
    if changes_of is None:
        raise CorruptHistoryError(f"card {card_id}: nothing is known of the fact {type(fact).__name__}")
    return replace(card, **changes_of(card, fact))


def replay(card: Card | None, card_id: UUID, facts: Iterable[Event]) -> Card:
    """The card after all of `facts`; raises CorruptHistoryError where they make no card."""
    for fact in facts:
        card = evolve(card, card_id, fact)
    if card is None:
        raise CorruptHistoryError(f"card {card_id} has no facts")
    return card


# Payment methods


def _bound(card: Card, fact: events.PaymentMethodBound) -> Changes:
    return {"methods": (*card.methods, fact.method), **_freed(card, fact.method.method_id), **_to_be_tried(card, fact)}


def _updated(card: Card, fact: events.PaymentMethodUpdated) -> Changes:
    new = fact.method
    methods = tuple(new if method.method_id == new.method_id else method for method in card.methods)
    return {"methods": methods, **_freed(card, new.method_id), **_to_be_tried(card, fact)}


def _to_be_tried(card: Card, fact: events.PaymentMethodBound | events.PaymentMethodUpdated) -> Changes:
    tried = card.renewal.tried if card.renewal else ()
    untried = tuple(one for one in tried if one != fact.method.method_id)
    return _renewal_changes(card, asked_for="new_method", tried=untried)


def _removed(card: Card, fact: events.PaymentMethodRemoved) -> Changes:
    kept = tuple(method for method in card.methods if method.method_id != fact.method_id)
    return {"methods": kept, **_freed(card, fact.method_id), **unwanted(card, fact.method_id)}


def _freed(card: Card, method_id: str) -> Changes:
    """Nothing is remembered against a method any more."""
    return {
        "ended_methods": _without(card.ended_methods, method_id),
        "for_the_holder": tuple(one for one in card.for_the_holder if one != method_id),
        "not_before": _without(card.not_before, method_id),
    }


def _ordered(card: Card, fact: events.PaymentMethodsOrdered) -> Changes:
    by_id = {method.method_id: method for method in card.methods}
    return {
        "methods": tuple(by_id[method_id] for method_id in fact.method_ids),
        "balance": replace(card.balance, first=fact.balance_first),
    }


# Consent


def _consented(card: Card, fact: events.AutoRenewEnabled | events.PeriodChanged) -> Changes:
    consent = AutoRenew(
        months=fact.months, price=fact.price, saving=fact.saving, catalogue_version=fact.catalogue_version
    )
    return {"auto_renew": consent, **_renewal_changes(card, stale=True)}


def _enabled(card: Card, fact: events.AutoRenewEnabled) -> Changes:
    changes = _consented(card, fact)
    if card.renewal is not None and card.status != "active":  # it is tried at once, as the page says
        changes["renewal"] = replace(changes["renewal"], asked_for="holder_asked", tried=())
    return changes


def _switched_off(card: Card, fact: events.AutoRenewSwitchedOff) -> Changes:
    del fact
    top_up = card.balance.top_up  # one that the holder asked for goes on
    return {"auto_renew": None, **(unwanted(card) if top_up is None or top_up.automatic else {})}


def _announced(card: Card, fact: events.PriceChangeAnnounced) -> Changes:
    if card.auto_renew is None:
        raise CorruptHistoryError(f"card {card.card_id}: a price without consent")
    consent = card.auto_renew
    later = Announced(fact.price, fact.saving, fact.catalogue_version, fact.applies_from)
    return {"auto_renew": replace(consent, announced=(*consent.announced, later))}


def _requested(card: Card, fact: events.RenewalRequested) -> Changes:
    del fact
    present = card.for_the_holder
    return {
        "ended_methods": {one: code for one, code in card.ended_methods.items() if one not in present},
        "for_the_holder": (),
        **_renewal_changes(card, asked_for="holder_asked", tried=()),
    }


# Terms and deadlines


def _started(card: Card, fact: events.RenewalStarted) -> Changes:
    offer: Changes = {
        "months": fact.months,
        "price": fact.price,
        "reactivation_fee": fact.reactivation_fee,
        "stale": False,
    }
    if card.renewal is None:
        return {"renewal": Renewal(**offer, offered_at=fact.at)}
    return {"renewal": replace(card.renewal, **offer)}  # a new offer of the same term keeps the ladder's counters


def _renewed(card: Card, fact: events.CardRenewed) -> Changes:
    changes: Changes = {
        "term": fact.term,
        "anchor_day": fact.anchor_day,
        "status": "active",
        "renewal": None,
        "attempts": 0,
    }
    if card.moved_until or card.blocked_since or card.reminded:
        changes |= {"moved": timedelta(0), "moved_until": None, "blocked_since": None, "reminded": ()}
    if fact.from_balance or card.from_balance:
        number = fact.term.number
        from_balance = {**card.from_balance, number: fact.from_balance}
        changes["from_balance"] = {one: minor for one, minor in from_balance.items() if one >= number - 1 and minor}
    if fact.from_balance and fact.attempt_id is None:  # else it was reserved with the attempt
        changes["balance"] = replace(card.balance, minor=card.balance.minor - fact.from_balance)
    return changes


def _moved(card: Card, fact: events.DeadlinesMoved) -> Changes:
    return {"moved": card.moved + fact.by, "moved_until": fact.at, "blocked_since": None}


def _reminded(card: Card, fact: events.ReminderDue) -> Changes:
    if fact.kind == "payment_failed":
        return _renewal_changes(card, told_of=card.renewal.declines if card.renewal else 0)
    return {"reminded": (*card.reminded, reminder_key(fact.kind, fact.about))}


def reminder_key(kind: events.ReminderKind, about: str) -> str:
    """What a card remembers of a reminder: each is due once per term, that of a method once per method."""
    return f"{kind}:{about}" if kind == "method_expires" else kind


# Parts of a card


def _renewal_changes(card: Card, **changes: object) -> Changes:
    return {} if card.renewal is None else {"renewal": replace(card.renewal, **changes)}


def _without(by_method: Mapping[str, Any], method_id: str) -> dict[str, Any]:
    return {one: value for one, value in by_method.items() if one != method_id}


def _always(**changes: object) -> Callable[[Card, Any], Changes]:
    def changes_of(_card: Card, _fact: Event) -> Changes:
        return changes

    return changes_of


_CHANGES: Table = {
    events.ZoneChanged: lambda _, fact: {"zone": fact.zone},
    events.CardHeld: lambda _, fact: {"held_since": fact.at},
    events.CardReleased: _always(held_since=None),
    events.CardClosed: _always(status="closed"),
    events.PaymentMethodBound: _bound,
    events.PaymentMethodUpdated: _updated,
    events.PaymentMethodRemoved: _removed,
    events.PaymentMethodsOrdered: _ordered,
    events.AutoRenewEnabled: _enabled,
    events.PeriodChanged: _consented,
    events.PriceChangeAnnounced: _announced,
    events.AutoRenewSwitchedOff: _switched_off,
    events.RenewalRequested: _requested,
    events.RenewalStarted: _started,
    events.CardRenewed: _renewed,
    events.GraceStarted: _always(status="grace"),
    events.Suspended: _always(status="suspended"),
    events.Reinstated: _always(status="active"),
    events.NumberReclaimed: _always(status="reclaimed"),
    events.ChargingBlocked: lambda _, fact: {"blocked_since": fact.at},
    events.DeadlinesMoved: _moved,
    events.ReminderDue: _reminded,
    events.Deferred: _always(),
    events.Replanned: _always(),
    **PAYMENT_CHANGES,
}
