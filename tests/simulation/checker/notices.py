"""What holders are told: of each fact that concerns them, once, and nothing that is untrue or not for their eyes.

Reminders are facts of their own, checked where they stand; the notices that go out are checked against the account
kept of the card. Decline codes that may be shown are written down here once more.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from msgspec import json

from tests.simulation.checker.book import Book, Fact, Unpaid
from tests.simulation.checker.days import local_day

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

_TELLING = {
    "card_renewed.v1": "renewed",
    "grace_started.v1": "grace",
    "suspended.v1": "suspended",
    "number_reclaimed.v1": "reclaimed",
    "auto_renew_enabled.v1": "switched_on",
    "period_changed.v1": "period_changed",
    "price_change_announced.v1": "price_change",
    "auto_renew_switched_off.v1": "switched_off",
    "refund_succeeded.v1": "refunded",
    "refund_recorded.v1": "refunded",
    "top_up_failed.v1": "top_up_failed",
}
"""Facts of which the holder is told, and as what."""
_SHOWN = frozenset(
    {
        *("insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded", "expired_card"),
        *("incorrect_number", "invalid_number", "invalid_account", "new_account_information_available"),
        *("incorrect_cvc", "invalid_cvc", "incorrect_zip", "incorrect_address", "invalid_expiry_month"),
        *("invalid_expiry_year", "authentication_required", "authentication_not_handled"),
        *("mobile_device_authentication_required", "card_not_supported", "currency_not_supported"),
        *("pin_try_exceeded", "incorrect_pin", "invalid_pin", "offline_pin_required"),
        *("online_or_offline_pin_required", "revocation_of_authorization", "revocation_of_all_authorizations"),
        "stop_payment_order",
    }
)
"""Codes that holders may learn; of any other only that the payment failed (source: declines.csv)."""


class Telling(NamedTuple):
    """A fact of which the holder is to be told now."""

    book: Book
    fact: Fact
    kind: str


class Notices:
    """The keys of all notices, and the fact of which nobody was told yet."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._telling: Telling | None = None

    def after(self, checker: "Checker", book: Book, fact: Fact) -> None:
        """A fact is stored, of which there may be something to tell."""
        self.settle(checker)
        kind = fact.body["kind"] if fact.topic == "reminder_due.v1" else _TELLING.get(fact.topic)
        self._telling = Telling(book, fact, kind) if kind else None

    def heard(self, checker: "Checker", text: str) -> None:
        """A notice goes out, as JSON: key, card, kind, time and what the text needs."""
        notice, telling = json.decode(text), self._telling
        self._telling = None
        where = (UUID(notice["card_id"]), telling.fact if telling else None)
        if notice["key"] in self._keys:
            checker.say("notices", *where, f"the key {notice['key']} of {notice['kind']} was used before")
        self._keys.add(notice["key"])
        if telling is None or (str(telling.book.card_id), telling.kind) != (notice["card_id"], notice["kind"]):
            checker.say("notices", *where, f"{notice['kind']} is told, but it did not happen just now")
        elif untrue := _not_so(telling, notice) or _not_for_holders(telling.book, notice, text):
            checker.say("notices", *where, f"{notice['kind']} is told, but {untrue}")

    def settle(self, checker: "Checker") -> None:
        """Nobody may be left untold."""
        if self._telling is not None:
            book, fact, kind = self._telling
            checker.say("notices", book.card_id, fact, f"nobody was told of {kind}")
            self._telling = None


def _not_so(telling: Telling, notice: dict[str, Any]) -> str | None:
    """What a notice says that the card's account does not."""
    book, values, kind = telling.book, notice["values"], telling.kind
    if datetime.fromisoformat(notice["at"]) != telling.fact.at:
        return f"the fact is of {telling.fact.at}, not of {notice['at']}"
    told = values.get("term_number", book.term_number)
    if told != book.term_number:
        return f"of term {told}, not of term {book.term_number}"
    if kind in ("grace", "suspended", "reclaimed") and book.status != kind:
        return f"the card is {book.status}"
    if kind == "renewed" and date.fromisoformat(values["ends_on"]) != book.ends_on:
        return f"it is renewed until {book.ends_on}, not until {values['ends_on']}"
    if (kind == "switched_on" and book.consent is None) or (kind == "switched_off" and book.consent is not None):
        return "it is not so"
    return None


def _not_for_holders(book: Book, notice: dict[str, Any], text: str) -> str | None:
    code = notice["values"].get("code")
    if code is not None and code not in _SHOWN:
        return f"the holder may not learn of {code}"
    if any(method["token"] in text for method in book.methods.values()):
        return "it names the token of a payment method"
    return None


def reminded(checker: "Checker", book: Book, fact: Fact) -> None:
    """A reminder falls due: once per cause, and true."""
    kind, about = fact.body["kind"], fact.body["about"]
    cause = (kind, about) if kind in ("payment_failed", "method_expires") else (kind,)
    if cause in book.told:
        checker.say("notices", book.card_id, fact, f"{kind} about {about} is due twice in term {book.term_number}")
    book.told.add(cause)
    if fact.body["term_number"] != book.term_number:
        checker.say("notices", book.card_id, fact, f"{kind} is about term {fact.body['term_number']}")
    untrue = _untrue(book, kind)
    if untrue:
        checker.say("notices", book.card_id, fact, f"{kind} is due, but {untrue}")
    if kind == "payment_failed" and book.unpaid is not None:
        book.unpaid.told_of = book.unpaid.declines


def _untrue(book: Book, kind: str) -> str | None:
    match kind:
        case "payment_failed" if book.unpaid is None:
            return "the term is paid"
        case "payment_failed" if book.open is not None:
            return "a charge is under way"
        case "payment_failed" if book.consent is None:
            return "it was switched off"
        case "payment_failed" if book.unpaid is not None and not _news(book, book.unpaid):
            return "no payment has failed since"
        case "last_chance" if book.status != "suspended":
            return f"the card is {book.status}"
        case "renewal_ahead" | "method_expires" if book.consent is None or (book.unpaid and book.unpaid.rung):
            return "no renewal is ahead"
        case _:
            return None


def _news(book: Book, unpaid: Unpaid) -> bool:
    """A payment failed since, or for the first time there is none that can be tried, or will be."""
    if unpaid.declines > max(unpaid.told_of, 0):
        return True
    ladder_ended = unpaid.rung_at is not None and local_day(unpaid.rung_at, book.zone) >= book.last_day
    return unpaid.told_of < 0 and (unpaid.withheld or ladder_ended or not book.usable())


HANDLERS = {"reminder_due.v1": reminded}
