"""Charges: intent before effect, one key, one at a time, only where it was agreed, on the ladder."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.checker import codes
from tests.simulation.checker.book import Book, Fact, Try, Unpaid
from tests.simulation.checker.days import DAY, instant, local_day

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

KEY_LIFETIME = timedelta(hours=24)
RUNG_GAP = timedelta(hours=20)
LADDER_DAYS, THEN_EVERY_DAYS = (1, 3, 5, 7), 7
LEAD_DAYS_MOST = 5
_TRIED_WITHIN = timedelta(hours=6)
_MAY_BE_EARLY = timedelta(minutes=5)
"""Workers' clocks differ."""


def attempted(checker: "Checker", book: Book, fact: Fact) -> None:
    """We decided to charge."""
    body = fact.body
    one = _try(book, fact)
    checker.attempts += 1
    if one.attempt_id in checker.tries:
        checker.say("two_intents", book.card_id, fact, f"attempt {one.attempt_id} was made before")
    if book.open is not None:
        state = "of unknown outcome" if book.open.unknown else "open"
        checker.say("two_open", book.card_id, fact, f"it is charged while attempt {book.open.attempt_id} is {state}")
    _may_charge(checker, book, fact, one)
    _method_may(checker, book, fact, one)
    checker.limits.tried(checker, book, fact, one)
    if not body.get("policy_version"):
        checker.say("explained", book.card_id, fact, "it does not say by which policy")
    checker.tries[one.attempt_id] = book.tries[one.attempt_id] = book.open = one
    if one.top_up is None:
        _on_the_ladder(checker, book, fact, one.rung, body["reason"])
        if book.unpaid is not None:
            book.unpaid.tried.add(one.method_id)
            book.unpaid.kept_back.pop(one.method_id, None)
        _amount(checker, book, fact, one)
        book.balance -= one.from_balance
    book.last_try_at = fact.at


def _try(book: Book, fact: Fact) -> Try:
    body = fact.body
    top_up = body.get("top_up")
    return Try(
        attempt_id=body["attempt_id"],
        position=fact.position,
        at=fact.at,
        term_number=body["term_number"],
        top_up=top_up,
        method_id=body["method_id"],
        token=body["token"],
        minor=body["amount"]["minor"],
        currency=body["amount"]["currency"],
        from_balance=body.get("from_balance", 0),
        rung=body["rung"],
        fingerprint=body.get("fingerprint"),
        purpose=f"renewal:{body['term_number']}" if top_up is None else f"top_up:{top_up}",
        card_id=book.card_id,
    )


def _may_charge(checker: "Checker", book: Book, fact: Fact, one: Try) -> None:
    automatic = one.top_up is None or (book.top_up is not None and book.top_up[1])
    if automatic and book.consent is None:
        checker.say(
            "after_switch_off", book.card_id, fact, f"it is charged for {one.purpose} after it was switched off"
        )
    if book.over or book.held_since is not None:
        what = book.status if book.over else "held"
        checker.say("not_to_be_charged", book.card_id, fact, f"it is charged while it is {what}")
    if checker.stopped(fact.at):
        checker.say(
            "not_to_be_charged", book.card_id, fact, "it is charged while the operator has stopped all charging"
        )
    if one.top_up is None and fact.at >= book.reclaims_at(book.moved) + _MAY_BE_EARLY:
        checker.say("not_to_be_charged", book.card_id, fact, "it is charged for a number that is lost")
    if one.top_up is None and (book.unpaid is None or one.term_number != book.term_number + 1):
        checker.say(
            "double_charge", book.card_id, fact, f"it is charged for term {one.term_number}, which nobody offered"
        )
    if one.term_number in book.paid_terms and one.top_up is None:
        checker.say("double_charge", book.card_id, fact, f"it is charged for term {one.term_number}, which is paid")
    if one.top_up is not None and (book.top_up is None or book.top_up[0] != one.top_up):
        checker.say("double_charge", book.card_id, fact, f"it is charged for {one.purpose}, which is not under way")


def _method_may(checker: "Checker", book: Book, fact: Fact, one: Try) -> None:
    method = book.methods.get(one.method_id)
    if method is None or method["token"] != one.token or method["fingerprint"] != one.fingerprint:
        checker.say("method", book.card_id, fact, f"method {one.method_id} is not bound, or not like that")
    if one.method_id in book.ended:
        checker.say(
            "method", book.card_id, fact, f"method {one.method_id} is charged after {book.ended[one.method_id]}"
        )
    until = book.resting.get(one.method_id)
    if until is not None and fact.at < until - _MAY_BE_EARLY:
        checker.say("method", book.card_id, fact, f"method {one.method_id} is charged before {until}")
    unpaid = book.unpaid
    if one.top_up is None and unpaid is not None and one.rung == unpaid.rung and one.method_id in unpaid.tried:
        checker.say("ladder", book.card_id, fact, f"method {one.method_id} is tried twice in rung {one.rung}")


def _amount(checker: "Checker", book: Book, fact: Fact, one: Try) -> None:
    unpaid = book.unpaid
    if unpaid is None:
        return
    due = unpaid.price + (unpaid.fee if book.status == "suspended" else 0)
    wanted = min(book.balance, due) if book.balance_first else 0
    if one.minor + one.from_balance != due or one.minor <= 0:
        checker.say("amount", book.card_id, fact, f"{one.minor} and {one.from_balance} from the balance are not {due}")
    if one.from_balance != wanted:
        checker.say("balance", book.card_id, fact, f"{one.from_balance} are taken from a balance of {book.balance}")


def _on_the_ladder(checker: "Checker", book: Book, fact: Fact, rung: int, reason: str) -> None:
    """One rung after the other, at least 20 h apart, on the ladder's days or on the last one."""
    unpaid = book.unpaid
    if unpaid is None:
        return
    day = local_day(fact.at, book.zone)
    if rung > unpaid.rung:
        _next_rung(checker, book, fact, unpaid, rung)
        kept_back(checker, book, fact)
        unpaid.kept_back = {}
        unpaid.rung, unpaid.rung_at, unpaid.soon = rung, fact.at, set()
        unpaid.tried = set()
    elif rung < unpaid.rung:
        checker.say("ladder", book.card_id, fact, f"rung {rung} comes after rung {unpaid.rung}")
    if reason == "renewal_opened" and day < book.ends_on - LEAD_DAYS_MOST * DAY:
        checker.say("ladder", book.card_id, fact, f"the renewal opens {book.ends_on - day} before the term ends")


def _next_rung(checker: "Checker", book: Book, fact: Fact, unpaid: Unpaid, rung: int) -> None:
    day, last = local_day(fact.at, book.zone), book.last_day
    if rung != unpaid.rung + 1:
        checker.say("ladder", book.card_id, fact, f"rung {rung} comes after rung {unpaid.rung}")
    if day > last and fact.at >= book.reclaims_at(
        book.moved
    ):  # one that our own trouble kept back may be made up until then
        checker.say("ladder", book.card_id, fact, f"rung {rung} comes after the last day, {last}")
    if unpaid.rung_at is None:
        return
    if fact.at < unpaid.rung_at + RUNG_GAP - _MAY_BE_EARLY:
        checker.say("ladder", book.card_id, fact, f"rung {rung} comes {fact.at - unpaid.rung_at} after the last one")
    done = unpaid.rung
    days = LADDER_DAYS[min(done, len(LADDER_DAYS)) - 1] + THEN_EVERY_DAYS * max(0, done - len(LADDER_DAYS))
    wanted = local_day(unpaid.first_failed_at or unpaid.rung_at, book.zone) + days * DAY
    if day < min(wanted, last):
        checker.say("ladder", book.card_id, fact, f"rung {rung} is due on {wanted}, or on the last day, {last}")


def kept_back(checker: "Checker", book: Book, fact: Fact) -> None:
    """What a limit kept back for a while is tried in the same rung, as soon as it may be."""
    if book.unpaid is None or book.consent is None:
        return
    for method_id in book.usable():
        until = book.unpaid.kept_back.get(method_id)
        if until is not None and max(until, book.resting.get(method_id, until)) < fact.at - _TRIED_WITHIN:
            told = f"method {method_id} was kept back until {until}, and is not tried in its rung"
            checker.say("ladder", book.card_id, fact, told)


def withheld(checker: "Checker", book: Book, fact: Fact) -> None:
    """A try that may not be made, and why."""
    body = fact.body
    if not body["reason"]:
        checker.say("explained", book.card_id, fact, "it does not say why nothing is charged")
    until, method_id = body.get("until"), body["method_id"]
    limited = until is not None and body["reason"] != "advice_delay"  # to be tried in this pass when it may be
    if body.get("top_up") is None:
        _on_the_ladder(checker, book, fact, body["rung"], "withheld")
        if book.unpaid is not None:
            book.unpaid.withheld = True
            if limited:
                book.unpaid.kept_back[method_id] = instant(until)
            else:
                book.unpaid.tried.add(method_id)
    if until is None:
        book.ended[method_id] = body["reason"]
    else:
        book.resting[method_id] = max(instant(until), book.resting.get(method_id, fact.at))


def succeeded(checker: "Checker", book: Book, fact: Fact) -> None:
    """The money was taken."""
    body = fact.body
    one = book.tries.get(body["attempt_id"])
    if one is None or one.outcome == "charged":
        checker.say("outcome", book.card_id, fact, f"attempt {body['attempt_id']} was not made, or charged before")
        return
    if one.minor != body["amount"]["minor"]:
        checker.say("amount", book.card_id, fact, f"{body['amount']['minor']} were taken instead of {one.minor}")
    if one.outcome is None:
        _ended(book, one, fact, learned=body["learned"])
    elif body["learned"] != "late":
        checker.say("outcome", book.card_id, fact, f"attempt {one.attempt_id} was {one.outcome} before")
    one.outcome = "charged"


def failed(checker: "Checker", book: Book, fact: Fact) -> None:
    """The money was definitely not taken."""
    body = fact.body
    one = book.tries.get(body["attempt_id"])
    if one is None or one.outcome is not None:
        checker.say("outcome", book.card_id, fact, f"attempt {body['attempt_id']} was not made, or has an outcome")
        return
    code = one.outcome = body["code"]
    if code == "never_happened" and fact.at < (one.last_sent_at or one.at) + KEY_LIFETIME - _MAY_BE_EARLY:
        checker.say("outcome", book.card_id, fact, "it is said never to have happened too soon after it was sent")
    _ended(book, one, fact, learned=body["learned"])
    if one.top_up is None:
        book.balance += one.from_balance
    given = (code, body.get("advice_code"), body.get("network_code"))
    what = "retry" if code in codes.NOTHING_USED else codes.consequence(*given)
    if body["consequence"] != what or not body.get("policy_version"):
        checker.say("explained", book.card_id, fact, f"after {given} it decided {body['consequence']}, not {what}")
    _consequences(book, fact, one, what)
    checker.limits.declined(checker, book, fact, one, never=what == "never")


def _consequences(book: Book, fact: Fact, one: Try, what: str) -> None:
    body, unpaid = fact.body, book.unpaid
    counts = one.outcome not in codes.NOTHING_USED and what != "alarm"
    if what in codes.ENDS:
        book.ended[one.method_id] = str(one.outcome)
        if what == "holder_present":
            book.for_the_holder.add(one.method_id)
    pause = codes.rest(str(one.outcome), body.get("advice_code"))
    if pause:
        book.resting[one.method_id] = fact.at + pause
    if one.top_up is not None:
        book.top_up_declines += counts
    elif unpaid is not None:
        unpaid.declines += counts
        if one.rung and counts and unpaid.first_failed_at is None:
            unpaid.first_failed_at = fact.at
        if not counts or (what == "retry_soon" and one.method_id not in unpaid.soon):
            unpaid.tried.discard(one.method_id)
            unpaid.soon |= {one.method_id} if counts else set()


def _ended(book: Book, one: Try, fact: Fact, *, learned: str) -> None:
    if book.open is one:
        book.open = None
    if learned != "sent":
        book.in_our_way.append((one.at, fact.at))


def unknown(checker: "Checker", book: Book, fact: Fact) -> None:
    """Nobody can say."""
    one = book.tries.get(fact.body["attempt_id"])
    if one is None or one.outcome is not None:
        checker.say("outcome", book.card_id, fact, "an outcome that is known cannot be unknown")
        return
    one.unknown = True


def heard(  # noqa: PLR0917 (a request as it was heard)
    checker: "Checker", at: datetime, kind: str, key: str, parameters: str, decided_at: int, position: int
) -> None:
    """The gateway heard of a charge or was asked about one."""
    if kind == "refund":
        return
    one = checker.tries.get(key)
    if one is None or one.position > position:
        checker.say("intent_first", None, None, f"the gateway heard of attempt {key}, which is not stored")
        return
    book = checker.books[one.card_id]
    if one.parameters is None:
        one.parameters = parameters
        mine = (one.token, str(book.card_id), one.purpose, one.minor, one.currency)
        if not all(str(part) in parameters for part in mine):
            checker.say("one_key", book.card_id, None, f"attempt {key} was sent as {parameters}, not as it is stored")
    if parameters != one.parameters:
        checker.say("one_key", book.card_id, None, f"attempt {key} was sent as {one.parameters} and as {parameters}")
    if kind == "look_up":
        return
    if at >= one.at + KEY_LIFETIME:
        checker.say(
            "old_key", book.card_id, None, f"attempt {key} of {one.at} was sent at {at}, when its key is forgotten"
        )
    off = [place for place in (one.off_position, book.off_position if one.top_up is None else None) if place]
    if any(one.position < place <= decided_at for place in off):
        checker.say("after_switch_off", book.card_id, None, f"attempt {key} was sent at {at} when nobody wanted it")
    one.last_sent_at = max(at, one.last_sent_at or at)


HANDLERS = {
    "charge_attempted.v1": attempted,
    "charge_withheld.v1": withheld,
    "charge_succeeded.v1": succeeded,
    "charge_failed.v2": failed,
    "charge_outcome_unknown.v1": unknown,
}
