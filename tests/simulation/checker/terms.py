"""Terms and how cards lapse: contiguous, paid once, and never suspended or given up by our own trouble."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.checker.book import Book, Fact
from tests.simulation.checker.charges import kept_back
from tests.simulation.checker.consent import take_term
from tests.simulation.checker.days import (
    DAY,
    HOUR,
    OPENINGS,
    day_begins,
    duration,
    instant,
    local_day,
    months_on,
    union,
)
from tests.simulation.checker.notices import HANDLERS as REMINDERS

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

LATE_AFTER = timedelta(hours=6)
_CLOCKS_DIFFER = timedelta(minutes=5)
_DONE_WITHIN = timedelta(days=3)


def held_up(book: Book, fact: Fact) -> None:
    """A card that was woken much later than it was to be was held up by us."""
    wake_at = book.wake_at
    if wake_at is None or fact.at - wake_at <= LATE_AFTER:
        return
    if book.consent is None or book.over or book.open or book.held_since or book.blocked_since:
        return
    book.in_our_way.append((wake_at, fact.at))


def renewed(checker: "Checker", book: Book, fact: Fact) -> None:
    """The next term is paid, once, and begins where it must."""
    term = fact.body["term"]
    if term["number"] != book.term_number + 1 or term["number"] in book.paid_terms:
        checker.say("double_charge", book.card_id, fact, f"term {term['number']} comes after term {book.term_number}")
    if not fact.body.get("attempt_id") and book.consent is None:
        checker.say("after_switch_off", book.card_id, fact, "it is renewed from the balance after it was switched off")
    _paid(checker, book, fact)
    _begins(checker, book, fact)
    book.paid_terms.add(term["number"])
    take_term(book, term)
    book.anchor_day = fact.body["anchor_day"]
    book.status, book.unpaid, book.reinstated = "active", None, False
    book.moved, book.blocked_since, book.in_our_way = timedelta(0), None, []
    book.told = set()


def _paid(checker: "Checker", book: Book, fact: Fact) -> None:
    body, unpaid = fact.body, book.unpaid
    from_balance = body.get("from_balance", 0)
    one = book.tries.get(body["attempt_id"]) if body.get("attempt_id") else None
    charged = 0
    if body.get("attempt_id"):
        if one is None or one.outcome != "charged" or one.used or one.term_number != body["term"]["number"]:
            checker.say("unpaid_term", book.card_id, fact, f"attempt {body['attempt_id']} did not pay for it")
        else:
            one.used, charged = True, one.minor
            if one.from_balance != from_balance:
                checker.say("balance", book.card_id, fact, f"{one.from_balance} were reserved, not {from_balance}")
    else:
        book.balance -= from_balance
    fee = (body.get("reactivation_fee") or {}).get("minor", 0)
    if unpaid is None:
        checker.say("unpaid_term", book.card_id, fact, "nothing was offered")
    elif charged + from_balance != body["price"]["minor"] + fee or body["price"]["minor"] != unpaid.price:
        told = f"{charged} charged and {from_balance} from the balance for {body['price']['minor']} and a fee of {fee}"
        checker.say("amount", book.card_id, fact, told)
    if bool(fee) != (book.reinstated and bool(unpaid and unpaid.fee)):
        checker.say("amount", book.card_id, fact, f"a fee of {fee} for a card that was {book.reinstated=}")


def _begins(checker: "Checker", book: Book, fact: Fact) -> None:
    term, months = fact.body["term"], fact.body["months"]
    zone = book.zone_next
    starts_on, anchor_day = book.ends_on, book.anchor_day
    starts_at = book.ends_at
    following = day_begins(months_on(starts_on, months, anchor_day), zone)
    if book.reinstated or following <= fact.at:
        starts_on = max(local_day(fact.at, zone), book.ends_on)
        anchor_day = starts_on.day
        starts_at = max(day_begins(starts_on, zone), book.ends_at)
    ends_on = months_on(starts_on, months, anchor_day)
    told = (date.fromisoformat(term["starts_on"]), date.fromisoformat(term["ends_on"]), instant(term["starts_at"]))
    if told != (starts_on, ends_on, starts_at) or instant(term["ends_at"]) != day_begins(ends_on, zone):
        checker.say("term", book.card_id, fact, f"the term is {told}, not {(starts_on, ends_on, starts_at)}")
    if fact.body["anchor_day"] != anchor_day or term["zone"] != zone:
        checker.say("term", book.card_id, fact, f"anchor {fact.body['anchor_day']}, {term['zone']} instead of {zone}")


def grace(checker: "Checker", book: Book, fact: Fact) -> None:
    """Unpaid, service on."""
    if fact.at < book.ends_at - _CLOCKS_DIFFER or book.status != "active" or not book.grace_days:
        told = f"grace of {book.grace_days} days begins in status {book.status}"
        checker.say("wrongful_suspension", book.card_id, fact, told)
    _unpaid(checker, book, fact, "grace begins")
    book.status = "grace"


def suspended(checker: "Checker", book: Book, fact: Fact) -> None:
    """Unpaid, service off: only when grace and all that we held up are over."""
    if book.status not in ("active", "grace"):
        checker.say("wrongful_suspension", book.card_id, fact, f"it is suspended while {book.status}")
    _in_time(checker, book, fact, book.suspends_at(timedelta(0)), "it is suspended")
    _unpaid(checker, book, fact, "it is suspended")
    if not fact.body["policy_version"] or "rungs" not in fact.body:
        checker.say("explained", book.card_id, fact, "it does not say after what")
    book.status = "suspended"


def reclaimed(checker: "Checker", book: Book, fact: Fact) -> None:
    """The end: by the deadline, or because the carrier said so."""
    command = checker_command(checker, fact)
    if fact.body["by"] == "deadline":
        if book.status != "suspended":
            checker.say("wrongful_suspension", book.card_id, fact, f"it is given up while {book.status}")
        _in_time(checker, book, fact, book.reclaims_at(timedelta(0)), "it is given up")
        _unpaid(checker, book, fact, "it is given up")
        _last_try(checker, book, fact)
        kept_back(checker, book, fact)
    elif command:
        checker.say("wrongful_suspension", book.card_id, fact, "the carrier never said so")
    _owed(checker, book, fact)
    book.status = "reclaimed"
    book.off_position = fact.position


def checker_command(checker: "Checker", fact: Fact) -> bool:
    """Whether time, and not somebody's command, led to a fact."""
    del checker
    return " " in fact.cause or "replan" in fact.cause


def closed(checker: "Checker", book: Book, fact: Fact) -> None:
    """The holder gave the card up."""
    if book.status == "closed":
        checker.say("custody", book.card_id, fact, "it is closed twice")
    if book.status != "reclaimed":
        _owed(checker, book, fact)
    book.status = "closed"
    book.off_position = fact.position


def _owed(checker: "Checker", book: Book, fact: Fact) -> None:
    told = fact.body["balance"]["minor"]
    if told != book.balance:
        checker.say("balance", book.card_id, fact, f"{told} are owed, but {book.balance} are on the balance")


def _in_time(checker: "Checker", book: Book, fact: Fact, by_rule: datetime, what: str) -> None:
    intervals = [*book.in_our_way]
    if book.blocked_since is not None:
        intervals.append((book.blocked_since, fact.at))
    least = by_rule + union(_since(_opens_at_latest(book), intervals))
    if fact.at < least - _CLOCKS_DIFFER:
        checker.say("wrongful_suspension", book.card_id, fact, f"{what} before {least}; by the keep rule {by_rule}")


def _unpaid(checker: "Checker", book: Book, fact: Fact, what: str) -> None:
    """Nothing that may still pay for the term is under way, and nothing has."""
    if book.open is not None:
        checker.say("wrongful_suspension", book.card_id, fact, f"{what} while attempt {book.open.attempt_id} is open")
    if book.held_since is not None:
        checker.say("wrongful_suspension", book.card_id, fact, f"{what} while the card is held")
    waiting = book.unpaid is not None and book.consent is not None and book.usable()
    if book.blocked_since is not None and waiting and checker.stopped(fact.at):
        checker.say("wrongful_suspension", book.card_id, fact, f"{what} while the operator keeps us from charging")
    for one in book.tries.values():
        unpaid_for = one.outcome == "charged" and one.top_up is None and not one.used
        if unpaid_for and one.term_number == book.term_number + 1 and one.given_back < one.minor:
            checker.say("wrongful_suspension", book.card_id, fact, f"{what} though {one.attempt_id} succeeded")


def _last_try(checker: "Checker", book: Book, fact: Fact) -> None:
    """Whoever wants to pay and could is tried on the last day."""
    ready = [one for one in book.usable() if book.resting.get(one, fact.at) <= fact.at - 2 * DAY]
    if book.consent is None or not ready or book.unpaid is None or book.unpaid.rung == 0:
        return
    tried = book.last_try_at
    if tried is None or local_day(tried, book.zone) < book.last_day - DAY:
        checker.say("ladder", book.card_id, fact, f"it is given up, but the last try was made at {tried}")


def reinstated(checker: "Checker", book: Book, fact: Fact) -> None:
    """Paid after suspension."""
    if book.status != "suspended":
        checker.say("term", book.card_id, fact, f"it is reinstated while {book.status}")
    book.reinstated = True


def blocked(_: "Checker", book: Book, fact: Fact) -> None:
    """It was to be charged while the operator had stopped all charging."""
    book.blocked_since = fact.at


def moved(checker: "Checker", book: Book, fact: Fact) -> None:
    """Deadlines move by what we held up."""
    by = duration(fact.body["by"])
    if by < timedelta(0):
        checker.say("wrongful_suspension", book.card_id, fact, f"deadlines move by {by}")
    if book.blocked_since is not None:
        book.in_our_way.append((book.blocked_since, fact.at))
        book.blocked_since = None
    book.moved += by
    ours = union(_since(_opens_at_earliest(book), book.in_our_way))
    if book.moved > ours + _CLOCKS_DIFFER:
        checker.say("moved_too_far", book.card_id, fact, f"deadlines moved by {book.moved}, but only {ours} was ours")
    surely_ours = union(_since(_opens_at_latest(book), book.in_our_way))
    if book.moved < surely_ours - _CLOCKS_DIFFER:
        told = f"deadlines moved by {book.moved}, though {surely_ours} was ours"
        checker.say("moved_too_little", book.card_id, fact, told)


def _opens_at_earliest(book: Book) -> datetime:
    return min(day_begins(book.ends_on - days * DAY, book.zone) + hour for days, hour in OPENINGS.values())


def _opens_at_latest(book: Book) -> datetime:
    return max(day_begins(book.ends_on - days * DAY, book.zone) + hour + HOUR for days, hour in OPENINGS.values())


def _since(opening: datetime, intervals: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The intervals as far as they come after the renewal opened."""
    return [(max(begins, opening), ends) for begins, ends in intervals if ends > opening]


def finish(checker: "Checker", book: Book, at: datetime) -> None:
    """At the end nobody is forgotten."""
    if book.over or book.held_since is not None or book.open is not None or book.status == "nothing":
        return
    if at > book.suspends_at(book.moved) + _DONE_WITHIN and book.status in ("active", "grace"):
        checker.say("liveness", book.card_id, None, f"unpaid since {book.ends_on}, it is still {book.status}")
    if at > book.reclaims_at(book.moved) + _DONE_WITHIN:
        checker.say("liveness", book.card_id, None, f"unpaid since {book.ends_on}, it was not given up")
    wants = book.consent is not None and any(one not in book.resting for one in book.usable())
    if wants and at > max(book.ends_at, book.on_since) + DAY and (book.unpaid is None or book.unpaid.rung == 0):
        since = book.last_try_at
        if since is None or since < book.ends_at - 10 * DAY:
            checker.say("liveness", book.card_id, None, f"unpaid since {book.ends_on}, it was never charged")


HANDLERS = REMINDERS | {
    "card_renewed.v1": renewed,
    "grace_started.v1": grace,
    "suspended.v1": suspended,
    "reinstated.v1": reinstated,
    "number_reclaimed.v1": reclaimed,
    "card_closed.v1": closed,
    "charging_blocked.v1": blocked,
    "deadlines_moved.v1": moved,
}
