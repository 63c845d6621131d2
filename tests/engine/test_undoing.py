"""A full refund of a term that has not begun ends it when the operator says so."""

from datetime import date, timedelta
from hashlib import sha256

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import renew_now
from engine.card.consent import AutoRenewSwitchedOff, enable_auto_renew
from engine.card.deadlines import DeadlinesMoved, reclaims_at
from engine.card.giving_back import record_refund
from engine.card.refunds import RefundRecorded
from engine.card.reminders import ReminderDue
from engine.card.undoing import TermUndone
from engine.commands import RecordRefund
from engine.errors import CorruptHistoryError
from engine.money import Money
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    CHARGING,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    RULES,
    SECOND,
    attempt_id,
    local,
    renewed,
    started,
    succeeded,
    switched_off,
)

AT = OPENS_AT + timedelta(hours=5)
LOST_AT = local("2026-05-01 00:00")
TERMS = {"terms_version": "terms-2", "channel": "web"}


def ended(card: Given, amount=MONTH_PRICE, at=AT, **about) -> Then:
    about = {"attempt_id": attempt_id(), "to": "method", "evidence": "ticket-1", **about}
    return card.when(record_refund, no_older_charge, amount=amount, ends_term=True, at=at, **about)


def test_the_term_is_undone_and_auto_renewal_goes_off():
    then = ended(given(*PAID)).then(
        fact(RefundRecorded, amount=MONTH_PRICE),
        fact(TermUndone, undone_number=1, attempt_id=attempt_id()),
        fact(AutoRenewSwitchedOff, reason="operator", ends_on=date(2026, 4, 1), lost_on=date(2026, 5, 1)),
    )
    before, card = given(*CHARGING).card, then.card
    assert (card.term, card.anchor_day) == (before.term, before.anchor_day)
    assert card.deadlines == replace(before.deadlines, notified=True)  # the end of consent says when the number is lost
    assert (card.status, card.consent, card.renewal, card.before) == ("active", None, None, None)
    told = Given(card).at(AT + timedelta(days=1)).then(fact(ReminderDue, kind="lapse_ahead"))
    told.waits(ENDS_AT, "term_ends")


def test_onto_the_balance_it_ends_the_term_too():
    then = ended(given(*PAID, switched_off()), to="balance")
    then.then(fact(BalanceCredited, reason="refund"), fact(TermUndone))
    assert then.card.balance.minor == MONTH_PRICE.minor


def test_what_the_balance_paid_of_it_comes_back():
    part = {"amount": MONTH_PRICE - FIVE, "from_balance": FIVE.minor}
    paid = (replace(CHARGING[-1], **part), replace(succeeded(), **part), replace(renewed(), from_balance=FIVE.minor))
    credit = BalanceCredited(amount=FIVE, reason="released", about=None, at=OPENS_AT)
    then = ended(given(*PAYING, credit, started(), *paid), MONTH_PRICE - FIVE)
    then.then(fact(RefundRecorded), fact(TermUndone), fact(BalanceCredited, amount=FIVE), fact(AutoRenewSwitchedOff))
    assert (then.card.balance.minor, then.card.balance.paid_terms) == (FIVE.minor, {})


def test_attempts_go_on_counting_so_that_no_key_is_used_again():
    undone = ended(given(*PAID))
    on = Given(undone.card).when(enable_auto_renew, CATALOGUE, months=1, **TERMS, at=AT)
    asked = Given(on.card).at(AT + SECOND)
    assert isinstance(asked.facts[-1], ChargeAttempted)
    assert (asked.facts[-1].number, asked.facts[-1].attempt_id) == (2, attempt_id(2))


def test_moved_deadlines_and_reminders_of_the_term_are_as_before():
    moved = DeadlinesMoved(reason="late", by=timedelta(hours=9), at=OPENS_AT)
    ahead = ReminderDue(kind="renewal_ahead", term_number=0, about="2026-03-29", at=OPENS_AT)
    undone = ended(given(*CHARGING, moved, ahead, succeeded(), renewed()))
    assert reclaims_at(undone.card) == LOST_AT + timedelta(hours=9)
    assert undone.card.reminded.keys() == {"renewal_ahead"}


def test_who_switched_off_when_the_term_was_paid_is_told_at_once_that_the_service_ends():
    undone = ended(given(*PAID, switched_off(at=OPENS_AT + timedelta(hours=4))))
    assert undone.card.aware_at == given(*PAYING).card.aware_at
    Given(undone.card).at(AT + SECOND).then(fact(ReminderDue, kind="lapse_ahead"))


@pytest.mark.parametrize("at", [ENDS_AT, ENDS_AT + timedelta(days=3)])
def test_a_term_that_has_begun_does_not_end(at):
    ended(given(*PAID), at=at).refused("term_begun")


def test_only_a_full_refund_ends_it():
    ended(given(*PAID), FIVE).refused("not_a_full_refund")
    rest = RefundRecorded(attempt_id=attempt_id(), amount=FIVE, evidence="ticket-0", at=AT)
    then = ended(given(*PAID, rest), MONTH_PRICE - FIVE)
    then.then(fact(RefundRecorded), fact(TermUndone), fact(AutoRenewSwitchedOff))


def test_only_the_charge_that_paid_for_the_last_term_does():
    from_balance = replace(renewed(), attempt_id=None, from_balance=MONTH_PRICE.minor)
    ended(given(*CHARGING, succeeded(), from_balance)).refused("not_the_last_term")
    other = replace(renewed(), attempt_id=attempt_id(2))
    ended(given(*CHARGING, succeeded(), other)).refused("not_the_last_term")
    ended(given(*PAID), attempt_id=None).refused("no_charge_named")


def test_undone_once_it_cannot_be_undone_again():
    undone = ended(given(*PAID))
    ended(Given(undone.card)).refused("more_than_charged")
    asked = given(*PAYING, started())
    assert asked.when(renew_now, RULES, at=OPENS_AT).refusal is None


def test_a_history_in_which_nothing_was_paid_cannot_undo_it():
    fact = TermUndone(undone_number=1, attempt_id=attempt_id(), term=given(*PAYING).card.term, at=AT)
    with pytest.raises(CorruptHistoryError, match="not paid ahead"):
        given(*PAYING, fact)


def test_a_command_that_was_stored_before_the_option_existed_is_the_same():
    body = {"command_id": "r", "card_id": CARD_ID, "amount": Money(minor=5, currency="CNY"), "evidence": "ticket-1"}
    now = RecordRefund(**body)
    assert now.is_same(sha256(now.model_dump_json(exclude={"ends_term"}).encode()).digest())
