"""Custody, ways to pay and consent: what the holder agreed to, and what nobody may do without it."""

from datetime import date
from typing import TYPE_CHECKING, Any

from tests.simulation.checker.book import Book, Fact, Unpaid
from tests.simulation.checker.days import DAY, OPENINGS, instant, local_day

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

NOTICE_DAYS_LEAST = 10
"""Of all plans of the simulated catalogue."""


def registered(checker: "Checker", book: Book, fact: Fact) -> None:
    """A card comes into our care."""
    body = fact.body
    if book.status != "nothing":
        checker.say("custody", book.card_id, fact, "it is registered twice")
    book.status, book.plan, book.currency = "active", body["plan"], body["currency"]
    book.zone = book.zone_next = body["zone"]
    book.grace_days, book.reclaim_days = body["keep"]["grace_days"], body["keep"]["reclaim_days"]
    book.anchor_day = body["anchor_day"]
    take_term(book, body["term"])


def take_term(book: Book, term: dict[str, Any]) -> None:
    """The term that runs from now on."""
    book.term_number, book.zone = term["number"], term["zone"]
    book.starts_on, book.ends_on = date.fromisoformat(term["starts_on"]), date.fromisoformat(term["ends_on"])
    book.ends_at = instant(term["ends_at"])


def zone_changed(_: "Checker", book: Book, fact: Fact) -> None:
    """Another clock, from the next term on."""
    book.zone_next = fact.body["zone"]


def held(checker: "Checker", book: Book, fact: Fact) -> None:
    """Out of all automatic work."""
    if book.held_since is not None:
        checker.say("custody", book.card_id, fact, "it is held twice")
    book.held_since = fact.at
    book.off_position = fact.position


def released(checker: "Checker", book: Book, fact: Fact) -> None:
    """Back again."""
    if book.held_since is None:
        checker.say("custody", book.card_id, fact, "it was not held")
        return
    book.in_our_way.append((book.held_since, fact.at))
    if book.open is not None:
        book.in_our_way.append((book.open.at, fact.at))
    book.held_since = None
    _on_again(book)


def _on_again(book: Book) -> None:
    if book.consent is not None and book.held_since is None and not book.over:
        book.off_position = None


def bound(_: "Checker", book: Book, fact: Fact) -> None:
    """One more way to pay."""
    method = fact.body["method"]
    _freed(book, method)
    book.methods[method["method_id"]] = _details(method)


def updated(_: "Checker", book: Book, fact: Fact) -> None:
    """New details: it may be tried again."""
    method = fact.body["method"]
    _freed(book, method)
    book.methods[method["method_id"]] = _details(method)


def _details(method: dict[str, Any]) -> dict[str, Any]:
    return {"token": method["token"], "fingerprint": method.get("fingerprint")}


def _freed(book: Book, method: dict[str, Any]) -> None:
    method_id = method["method_id"]
    book.ended.pop(method_id, None)
    book.resting.pop(method_id, None)
    book.for_the_holder.discard(method_id)
    if book.unpaid is not None:
        book.unpaid.tried.discard(method_id)


def removed(checker: "Checker", book: Book, fact: Fact) -> None:
    """Not to be charged any more."""
    if book.methods.pop(fact.body["method_id"], None) is None:
        checker.say("method", book.card_id, fact, f"method {fact.body['method_id']} was not bound")
    book.not_wanted(fact.position, fact.body["method_id"])
    _freed(book, fact.body)


def ordered(checker: "Checker", book: Book, fact: Fact) -> None:
    """In which order, and whether the balance comes first."""
    names = fact.body["method_ids"]
    if sorted(names) != sorted(book.methods):
        checker.say("method", book.card_id, fact, f"{names} are not the methods that are bound")
    book.methods = {name: book.methods[name] for name in names if name in book.methods}
    book.balance_first = fact.body["balance_first"]


def enabled(checker: "Checker", book: Book, fact: Fact) -> None:
    """The holder agrees to be charged."""
    if book.consent is not None:
        checker.say("notices", book.card_id, fact, "auto-renewal is switched on though it is on")
    _agreed(book, fact)
    book.on_since = fact.at
    if book.unpaid is not None:
        book.unpaid.tried = set()
    _on_again(book)


def _agreed(book: Book, fact: Fact) -> None:
    book.consent = (fact.body["price"]["minor"],)
    book.announced = []


def period_changed(checker: "Checker", book: Book, fact: Fact) -> None:
    """Another period, and its price."""
    if book.consent is None:
        checker.say("custody", book.card_id, fact, "a period is chosen while auto-renewal is off")
    _agreed(book, fact)


def announced(checker: "Checker", book: Book, fact: Fact) -> None:
    """Another price, told in good time."""
    begins = date.fromisoformat(fact.body["applies_from"])
    if begins < local_day(fact.at, book.zone) + NOTICE_DAYS_LEAST * DAY:
        checker.say("price", book.card_id, fact, f"a price for {begins} is announced too late")
    book.announced.append((begins, fact.body["price"]["minor"]))


def switched_off(checker: "Checker", book: Book, fact: Fact) -> None:
    """Nothing more is to be charged."""
    if book.consent is None:
        checker.say("notices", book.card_id, fact, "auto-renewal is switched off though it is off")
    book.consent = None
    book.off_position = fact.position
    book.not_wanted(fact.position)


def requested(_: "Checker", book: Book, fact: Fact) -> None:
    """The holder is here and wants to pay."""
    del fact
    for method_id in book.for_the_holder:
        book.ended.pop(method_id, None)
    book.for_the_holder = set()
    if book.unpaid is not None:
        book.unpaid.tried = set()


def started(checker: "Checker", book: Book, fact: Fact) -> None:
    """The next term is offered at a price that was agreed to or announced."""
    body = fact.body
    price = body["price"]["minor"]
    today = min(local_day(fact.at, book.zone), book.ends_on - OPENINGS[body["policy_version"]][0] * DAY)
    if book.consent is None or body["term_number"] != book.term_number + 1:
        checker.say(
            "after_switch_off", book.card_id, fact, f"term {body['term_number']} is offered, which nobody wants"
        )
        return
    begun = [(begins, place, minor) for place, (begins, minor) in enumerate(book.announced) if begins <= today]
    agreed = max(begun)[2] if begun else book.consent[0]
    if price != agreed:
        checker.say("price", book.card_id, fact, f"the term is offered for {price}, but {agreed} was agreed")
    fee = (body.get("reactivation_fee") or {}).get("minor", 0)
    if book.unpaid is None:
        book.unpaid = Unpaid(price, fee, body["term_number"])
    else:
        book.unpaid.price, book.unpaid.fee = price, fee


def nothing(_: "Checker", __: Book, ___: Fact) -> None:
    """It changes nothing that is checked."""


HANDLERS = {
    "card_registered.v1": registered,
    "zone_changed.v1": zone_changed,
    "card_held.v1": held,
    "card_released.v1": released,
    "payment_method_bound.v1": bound,
    "payment_method_updated.v1": updated,
    "payment_method_removed.v1": removed,
    "payment_methods_ordered.v1": ordered,
    "auto_renew_enabled.v1": enabled,
    "period_changed.v1": period_changed,
    "price_change_announced.v1": announced,
    "auto_renew_switched_off.v1": switched_off,
    "renewal_requested.v1": requested,
    "renewal_started.v1": started,
    "deferred.v1": nothing,
    "replanned.v1": nothing,
}
