"""Balance and refunds: never negative, spent as recorded, and what was too much goes back."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.checker.book import Book, Fact
from tests.simulation.checker.consent import nothing

if TYPE_CHECKING:
    from tests.simulation.checker.checking import Checker

TOP_UP_GAP = timedelta(hours=24)
REFUNDED_WITHIN = timedelta(days=5)


def _same(checker: "Checker", book: Book, fact: Fact) -> None:
    if book.balance < 0:
        checker.say("balance", book.card_id, fact, f"the balance is {book.balance}")


def top_up_started(checker: "Checker", book: Book, fact: Fact) -> None:
    """A payment onto the balance begins."""
    automatic = fact.body["automatic"]
    if book.top_up is not None:
        checker.say("top_up", book.card_id, fact, "a top-up begins while another one is under way")
    if automatic:
        if book.consent is None:
            checker.say("after_switch_off", book.card_id, fact, "an automatic top-up begins after the switch-off")
        if book.automatic_at is not None and fact.at < book.automatic_at + TOP_UP_GAP:
            checker.say(
                "top_up", book.card_id, fact, f"an automatic top-up begins {fact.at - book.automatic_at} after one"
            )
        book.automatic_at = fact.at
    book.top_up, book.top_up_declines = (fact.body["number"], automatic), 0


def top_up_failed(_: "Checker", book: Book, fact: Fact) -> None:
    """It could not be paid."""
    del fact
    book.top_up = None


def credited(checker: "Checker", book: Book, fact: Fact) -> None:
    """Money comes onto the balance: from a top-up once, as a refund of a charge, or what was reserved."""
    body = fact.body
    minor, about = body["amount"]["minor"], body.get("about")
    one = book.tries.get(about) if about else None
    if body["reason"] == "top_up":
        if one is None or one.outcome != "charged" or one.used or one.minor != minor or one.top_up is None:
            checker.say("balance", book.card_id, fact, f"{minor} are credited, but attempt {about} did not pay for it")
        else:
            one.used = True
        book.top_up = None
    elif body["reason"] == "refund":
        _given_back(checker, book, fact, about, minor)
        if one is not None and one.top_up is not None:
            checker.say("balance", book.card_id, fact, f"attempt {about} is credited twice")
    elif one is not None and (one.from_balance != minor or one.outcome != "charged"):
        checker.say("balance", book.card_id, fact, f"{minor} are released, {one.from_balance} were reserved")
    book.balance += minor
    _same(checker, book, fact)


def debited(checker: "Checker", book: Book, fact: Fact) -> None:
    """What a top-up had brought goes again."""
    minor = fact.body["amount"]["minor"]
    if minor != book.must_leave:
        told = f"{minor} leave the balance for {fact.body['about']}, {book.must_leave} must"
        checker.say("balance", book.card_id, fact, told)
    book.must_leave = 0
    book.balance -= minor
    _same(checker, book, fact)


def paid_out(checker: "Checker", book: Book, fact: Fact) -> None:
    """What was left went back."""
    book.balance -= fact.body["amount"]["minor"]
    _same(checker, book, fact)


def refund_started(checker: "Checker", book: Book, fact: Fact) -> None:
    """We decided to give money back."""
    body = fact.body
    if body["refund_id"] in book.refunds:
        checker.say("refund", book.card_id, fact, f"refund {body['refund_id']} begins twice")
    book.refunds[body["refund_id"]], book.refund_of[body["refund_id"]] = fact.at, body["attempt_id"]
    checker.refunds.add(body["refund_id"])
    if body["attempt_id"] in book.tries:
        book.tries[body["attempt_id"]].refunding += body["amount"]["minor"]
    _given_back(checker, book, fact, body["attempt_id"], body["amount"]["minor"])


def _given_back(checker: "Checker", book: Book, fact: Fact, attempt_id: str | None, minor: int) -> None:
    one = book.tries.get(attempt_id) if attempt_id else None
    if one is None or one.outcome != "charged":
        checker.say("refund", book.card_id, fact, f"attempt {attempt_id} took no money that could go back")
        return
    one.given_back += minor
    if one.given_back > one.minor:
        checker.say("refund", book.card_id, fact, f"{one.given_back} of {one.minor} went back")


def refund_succeeded(checker: "Checker", book: Book, fact: Fact) -> None:
    """It went back."""
    checker.refunded.add(fact.body["refund_id"])
    if book.refunds.pop(fact.body["refund_id"], None) is None:
        checker.say("refund", book.card_id, fact, "a refund comes to its end that never began, or for the second time")


def refund_failed(_: "Checker", book: Book, fact: Fact) -> None:
    """It did not go back: a person has to see to it."""
    book.refunds.pop(fact.body["refund_id"], None)
    book.refunds_refused.add(fact.body["attempt_id"])


def refund_recorded(checker: "Checker", book: Book, fact: Fact) -> None:
    """The operator gave money back."""
    attempt_id = fact.body["attempt_id"]
    if attempt_id in book.refunds_refused:
        book.refunds_refused.discard(attempt_id)
        return
    at_a_persons_desk = [one for one in book.refunds if one in book.refund_cases and book.refund_of[one] == attempt_id]
    if at_a_persons_desk:
        for refund_id in at_a_persons_desk:
            del book.refunds[refund_id]
        return
    _given_back(checker, book, fact, attempt_id, fact.body["amount"]["minor"])
    _must_leave(book, attempt_id, fact.body["amount"]["minor"])


def _must_leave(book: Book, attempt_id: str, minor: int) -> None:
    """What goes back of a top-up leaves the balance, as far as it is there."""
    one = book.tries.get(attempt_id)
    if one is not None and one.top_up is not None:
        book.must_leave = max(0, min(minor, book.balance))


def disputed(checker: "Checker", book: Book, fact: Fact) -> None:
    """The bank took it back."""
    body = fact.body
    attempt_id, minor = body["attempt_id"], body["amount"]["minor"]
    book.ended[body["method_id"]] = "disputed"
    book.not_wanted(fact.position, body["method_id"])
    one = book.tries.get(attempt_id)
    if one is None or one.outcome != "charged" or one.disputed + minor > one.minor:
        checker.say("refund", book.card_id, fact, f"more of attempt {attempt_id} is disputed than it took")
        return
    one.disputed += minor
    _must_leave(book, attempt_id, minor)


def case_opened(_: "Checker", book: Book, fact: Fact) -> None:
    """A person has to find out."""
    book.refund_cases.add(fact.body["about"])


def finish(checker: "Checker", book: Book, at: datetime) -> None:
    """At the end all that was too much is on its way back or at a person's desk."""
    for refund_id, began_at in book.refunds.items():
        if began_at < at - REFUNDED_WITHIN and refund_id not in book.refund_cases:
            checker.say("refund", book.card_id, None, f"refund {refund_id} of {began_at} is still open")
    for one in book.tries.values():
        if one.outcome == "charged" and not one.used and not one.given_back:
            checker.say(
                "double_charge", book.card_id, None, f"attempt {one.attempt_id} was charged for nothing and kept"
            )
    paid: set[int] = set()
    for one in book.tries.values():
        if one.outcome == "charged" and one.top_up is None and not one.given_back:
            if one.term_number in paid:
                checker.say("double_charge", book.card_id, None, f"term {one.term_number} is paid twice")
            paid.add(one.term_number)


HANDLERS = {
    "auto_top_up_set.v1": nothing,
    "top_up_started.v1": top_up_started,
    "top_up_failed.v1": top_up_failed,
    "balance_credited.v1": credited,
    "balance_debited.v1": debited,
    "balance_paid_out.v1": paid_out,
    "refund_started.v1": refund_started,
    "refund_succeeded.v1": refund_succeeded,
    "refund_outcome_unknown.v1": nothing,
    "refund_failed.v1": refund_failed,
    "refund_recorded.v1": refund_recorded,
    "dispute_recorded.v1": disputed,
    "case_opened.v1": case_opened,
}
