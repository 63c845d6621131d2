"""After a hold that outlasted the carrier's own date nothing is charged before a person confirmed the number."""

from datetime import timedelta

from msgspec.structs import replace

from engine.card.asking import ask_about
from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import RenewalRequested, renew_now
from engine.card.custody import CardClosed
from engine.card.deadlines import DeadlinesMoved, reclaims_at
from engine.card.decline import ChargeFailed
from engine.card.doubt import IN_DOUBT, NumberConfirmed, confirm_number
from engine.card.hold import CardHeld, CardReleased, hold_card, release_card
from engine.card.ids import derived_id
from engine.card.methods import PaymentMethodsOrdered
from engine.card.next import move_for_late_wake
from engine.card.outcomes import record_answer
from engine.card.standing_order import AutoTopUpSet
from engine.card.top_ups import TopUpStarted, top_up
from engine.money import Money
from engine.ports import NotFound
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    MONTH_PRICE,
    PROVIDER,
    RULES,
    VISA,
    attempt_id,
    bound,
    charged,
    enabled,
    local,
    registered,
    switched_off,
    unknown,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HELD_AT, LOST_AT = local("2026-03-30 12:00"), local("2026-04-06 00:00")
"""By the carrier's days, a month from 03-01 and five days to reclaim, the number may be lost from 04-06 on."""
RELEASED_AT, CONFIRMED_AT = local("2026-04-08 12:00"), local("2026-04-09 12:00")
HELD = CardHeld(reason="a dispute", by="operator", at=HELD_AT)
SHORT = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled())
UNPAID = (*SHORT, *DECLINED[3:], HELD)
CASE = fact(CaseOpened, about=derived_id(CARD_ID, IN_DOUBT), reason=IN_DOUBT)


def released(card: Given, at=RELEASED_AT) -> Then:
    return card.when(release_card, RULES, at=at)


def confirmed(card: Given, at=CONFIRMED_AT) -> Then:
    return card.when(confirm_number, RULES, evidence="the carrier's list", at=at)


def test_a_held_card_is_a_case_on_the_carriers_own_date():
    given(*UNPAID).at(LOST_AT - HOUR).nothing().waits(LOST_AT, "held")
    then = given(*UNPAID).at(LOST_AT).then(CASE)
    then.waits(None, "held")
    Given(then.card).at(LOST_AT + DAY).nothing()


def test_after_the_release_nothing_is_charged_before_the_number_is_confirmed():
    doubted = given(*UNPAID).at(LOST_AT)
    free = released(Given(doubted.card)).then(fact(CardReleased), fact(DeadlinesMoved, by=RELEASED_AT - HELD_AT))
    Given(free.card).at(RELEASED_AT + 300 * DAY).nothing().waits(None, "number_in_doubt")
    then = confirmed(Given(free.card)).then(
        fact(NumberConfirmed), fact(DeadlinesMoved, reason="number_in_doubt", by=CONFIRMED_AT - RELEASED_AT)
    )
    assert reclaims_at(then.card) == LOST_AT + (CONFIRMED_AT - HELD_AT)
    Given(then.card).at(CONFIRMED_AT).then(fact(ChargeAttempted, rung=2))
    confirmed(Given(then.card), CONFIRMED_AT + HOUR).nothing()


def test_a_release_after_the_date_opens_the_case_if_nobody_was_there_on_it():
    free = released(given(*UNPAID)).then(fact(CardReleased), fact(DeadlinesMoved), CASE)
    Given(free.card).at(RELEASED_AT).nothing().waits(None, "number_in_doubt")


def test_a_release_before_the_date_leaves_no_doubt():
    free = released(given(*UNPAID), LOST_AT - HOUR).then(fact(CardReleased), fact(DeadlinesMoved))
    Given(free.card).at(LOST_AT - HOUR).then(fact(ChargeAttempted, rung=2))


def test_a_confirmation_during_the_hold_counts_for_a_release_within_a_day():
    then = confirmed(Given(given(*UNPAID).at(LOST_AT).card), LOST_AT + DAY).then(fact(NumberConfirmed))
    Given(then.card).at(LOST_AT + DAY).nothing().waits(None, "held")
    released(Given(then.card), LOST_AT + 2 * DAY - HOUR).then(fact(CardReleased), fact(DeadlinesMoved))
    released(Given(then.card), LOST_AT + 2 * DAY).then(fact(CardReleased), fact(DeadlinesMoved), CASE)


def test_doubt_before_a_hold_is_our_delay_also_where_it_ends_during_the_hold():
    doubted = released(given(*UNPAID))
    held_at, known_at, free_at = (RELEASED_AT + days * DAY for days in (7, 9, 10))
    held = Given(doubted.card).when(hold_card, reason="to be looked at", at=held_at)
    known = confirmed(Given(held.card), known_at).then(fact(NumberConfirmed))
    free = released(Given(known.card), free_at)
    assert free.facts[1].by == free_at - RELEASED_AT
    assert reclaims_at(free.card) == LOST_AT + (free_at - HELD_AT)


def test_a_confirmation_without_doubt_changes_nothing():
    confirmed(given(*UNPAID)).nothing()
    closed = CardClosed(reason="holder", balance=Money(minor=0, currency="CNY"), at=CONFIRMED_AT)
    confirmed(given(*UNPAID, closed)).refused("card_closed")
    given(*UNPAID, closed).at(LOST_AT).nothing().waits(None, "closed")


def test_until_then_the_holder_is_refused_and_nothing_is_charged_or_spent():
    order = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=HELD_AT)
    credit = BalanceCredited(amount=MONTH_PRICE, reason="released", about=None, at=HELD_AT)
    standing = AutoTopUpSet(
        threshold=Money(minor=9000, currency="CNY"), amount=Money(minor=9000, currency="CNY"), at=HELD_AT
    )
    free = released(given(*UNPAID, order, credit, standing))
    Given(free.card).when(renew_now, RULES, at=RELEASED_AT).refused("number_in_doubt")
    Given(free.card).when(top_up, RULES, amount=MONTH_PRICE, at=RELEASED_AT).refused("number_in_doubt")
    Given(free.card).at(RELEASED_AT + DAY).nothing()


def test_without_consent_the_number_is_not_given_up_either():
    free = released(given(*UNPAID, switched_off()))
    Given(free.card).at(RELEASED_AT + 300 * DAY).nothing().waits(None, "number_in_doubt")


def test_an_attempt_that_is_open_meanwhile_is_looked_up_and_never_sent_again():
    card = given(*SHORT, *CHARGING[3:], unknown(), HELD).at(LOST_AT)
    card.then(CASE, fact(CaseOpened, about=attempt_id()))
    free = released(Given(card.card), LOST_AT + HOUR)
    asked_at = free.card.attempts.open.attempted_at + 8 * DAY
    key_known = replace(RULES, provider=replace(PROVIDER, key_lifetime=99 * DAY))
    assert ask_about(free.card, free.card.attempts.open, key_known, asked_at).learned == "looked_up"


def test_a_top_up_of_unknown_outcome_spends_no_balance_meanwhile():
    order = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=HELD_AT)
    credit = BalanceCredited(amount=MONTH_PRICE, reason="released", about=None, at=HELD_AT)
    topping_up = TopUpStarted(number=1, amount=MONTH_PRICE, automatic=False, at=HELD_AT)
    asked = (RenewalRequested(at=HELD_AT), topping_up, replace(CHARGING[-1], top_up=1), unknown(), order, credit)
    free = released(given(*SHORT, CHARGING[3], *asked, HELD))
    assert Given(free.card).at(RELEASED_AT).facts[1:] == ()


def test_a_late_payment_leaves_the_number_in_doubt_for_the_term_it_paid():
    doubted = given(*SHORT, *CHARGING[3:], unknown(), HELD).at(LOST_AT)
    paid = Given(doubted.card).when(
        record_answer, attempt_id(), charged(), learned="looked_up", rules=RULES, at=LOST_AT + HOUR
    )
    assert paid.card.term.number == 1
    free = released(Given(paid.card), LOST_AT + 2 * HOUR)
    Given(free.card).at(LOST_AT + 40 * DAY).nothing().waits(None, "number_in_doubt")
    after = confirmed(Given(free.card), LOST_AT + DAY)
    again = Given(after.card).when(hold_card, reason="again", at=LOST_AT + DAY)
    assert Given(again.card).at(LOST_AT + 2 * DAY).step.until is None


def test_holds_and_outcomes_within_a_doubt_count_once_and_in_full():
    free = released(given(*UNPAID))
    held = Given(free.card).when(hold_card, reason="again", at=RELEASED_AT + DAY)
    then = released(Given(held.card), RELEASED_AT + 2 * DAY)
    then.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=2 * DAY))
    assert move_for_late_wake(free.card, RELEASED_AT, RULES, RELEASED_AT + DAY) == ()
    confirmed(Given(then.card), RELEASED_AT + 3 * DAY).then(fact(NumberConfirmed), fact(DeadlinesMoved, by=DAY))


def test_what_never_happened_during_the_hold_is_not_tried_again():
    free = released(given(*SHORT, *CHARGING[3:], unknown(), HELD))
    asked = {"learned": "looked_up", "rules": RULES, "at": RELEASED_AT + HOUR}
    never = Given(free.card).when(record_answer, attempt_id(), NotFound(), **asked)
    never.then(fact(ChargeFailed, code="never_happened"), fact(DeadlinesMoved, by=HOUR))
    assert Given(never.card).at(RELEASED_AT + DAY).step.reason == "number_in_doubt"
