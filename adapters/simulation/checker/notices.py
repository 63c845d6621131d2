"""What holders are told, derived from the facts: true when it is told, and once per cause.

A reminder is a notice, and so is each fact that says by itself what happened (renewed, grace, suspended, given up,
switched on or off); those are checked where they stand, since none of them may come twice in a row.
"""

from typing import TYPE_CHECKING

from adapters.simulation.checker.book import Book, Fact

if TYPE_CHECKING:
    from adapters.simulation.checker.checking import Checker


def told(checker: "Checker", book: Book, fact: Fact) -> None:
    """The holder is told of something."""
    kind, about = fact.body["kind"], fact.body["about"]
    cause = (kind, about) if kind in ("payment_failed", "method_expires") else (kind,)
    if cause in book.told:
        checker.say("notices", book.card_id, fact, f"{kind} about {about} is told twice in term {book.term_number}")
    book.told.add(cause)
    if fact.body["term_number"] != book.term_number:
        checker.say("notices", book.card_id, fact, f"{kind} is about term {fact.body['term_number']}")
    untrue = _untrue(book, kind)
    if untrue:
        checker.say("notices", book.card_id, fact, f"{kind} is told, but {untrue}")
    if kind == "payment_failed" and book.unpaid is not None:
        book.unpaid.told_of = book.unpaid.declines


def _untrue(book: Book, kind: str) -> str | None:
    match kind:
        case "payment_failed" if book.unpaid is None:
            return "the term is paid"
        case "payment_failed" if book.open is not None:
            return "a charge is under way"
        case "payment_failed" if book.unpaid is not None and book.unpaid.declines <= book.unpaid.told_of:
            return "no payment has failed since"
        case "last_chance" if book.status != "suspended":
            return f"the card is {book.status}"
        case "renewal_ahead" | "method_expires" if book.consent is None or book.unpaid is not None:
            return "no renewal is ahead"
        case _:
            return None


HANDLERS = {"reminder_due.v1": told}
