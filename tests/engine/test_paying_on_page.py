"""What the holder pays on the provider's page: recorded first, never sent, looked up, and used up by nothing."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.actor import actor
from engine.card.asked_ahead import RenewalRequestEnded
from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown, ChargePending
from engine.card.charge import Due, due_now, renew_now
from engine.card.custody import close_card
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.hold import hold_card
from engine.card.lapse import GraceStarted, Suspended
from engine.card.on_page import PageWallet
from engine.card.outcomes import record_answer, resolve_attempt
from engine.card.paying_on_page import renew_on_page, top_up_on_page
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, Reinstated, RenewalStarted
from engine.card.top_ups import top_up
from engine.commands import Issued, RenewNow
from engine.decisions import on_command, on_wake
from engine.ports import Charged, Declined, NotFound, Pending, Unclear
from engine.provider import MethodPromise
from engine.questions import about_charge
from engine.store.streams import Stream
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PROVIDER,
    RULES,
    TEN,
    failed,
    grace_started,
    registered,
    reminded,
    suspended,
)
from tests.engine.topped_up import topped_up

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALIPAY = PageWallet("alipay", "cus_1/alipay")
BEFORE, AFTER = OPENS_AT - DAY, OPENS_AT + HOUR
LASTS = PROVIDER.page_lifetime
OVER = LASTS + 5 * MINUTE
"""After this the page is surely closed."""
NO_METHOD = (*CHARGING, failed(code="stolen_card"), reminded())
"""Nothing is left that could be charged by itself."""


def paying(*facts, at=AFTER, **asked) -> Then:
    """The holder begins to pay the next term on the page."""
    return given(*facts).when(renew_on_page, RULES, wallet=ALIPAY, at=at, **asked)


def attempt_of(then: Then):
    return then.card.attempts.open or then.card.attempts.top_up


def answered(before: Then, reply, at, learned="looked_up") -> Then:
    attempt_id = attempt_of(before).attempt_id
    return Given(before.card).when(record_answer, attempt_id, reply, learned=learned, rules=RULES, at=at)


def paid(before: Then, at) -> Then:
    attempt = attempt_of(before)
    return answered(before, Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="pi-1"), at)


EXPIRED = Declined(code="page_expired")
NOT_PAID = fact(ChargeFailed, code="not_paid_on_page", happened=False, counts=False, ends_method=False)


def on_page(then: Then) -> Pending:
    return Pending(attempt_id=attempt_of(then).attempt_id, gateway_ref="cs-1")


# Begun


def test_the_attempt_is_recorded_with_the_end_of_its_page_and_no_pass_begins():
    begun = paying(*DECLINED)
    begun.then(fact(ChargeAttempted, reason="on_page", rung=1, number=2, amount=MONTH_PRICE, page_until=AFTER + LASTS))
    assert begun.card.renewal == given(*DECLINED).card.renewal


def test_what_is_not_on_offer_yet_is_offered_with_it():
    paying(*PAYING, at=BEFORE).then(fact(RenewalStarted), fact(ChargeAttempted, rung=0, number=1))


def test_what_was_shown_is_what_is_paid():
    card = given(*DECLINED).card
    due = due_now(card, card.consent, RULES, AFTER)
    paying(*DECLINED, shown=due).then(fact(ChargeAttempted, amount=due.amount))
    paying(*DECLINED, shown=replace(due, amount=due.amount * 2)).refused("price_changed")
    paying(*DECLINED, shown=Due(term_number=0, amount=due.amount)).refused("already_paid_ahead")


def test_of_a_card_that_is_off_the_reactivation_fee_is_paid_too():
    off = (*DECLINED, grace_started(), suspended())
    begun = paying(*off, at=GRACE_ENDS_AT + HOUR)
    card = given(*off).card
    assert begun.facts[-1].amount == due_now(card, card.consent, RULES, GRACE_ENDS_AT + HOUR).amount
    paid(begun, GRACE_ENDS_AT + 2 * HOUR).then(fact(ChargeSucceeded), fact(Reinstated), fact(CardRenewed))


def test_who_pays_on_the_page_pays_all_of_it_whatever_is_on_the_balance_and_whatever_is_bound():
    begun = paying(*PAYING, *topped_up(1, amount=TEN), at=AFTER)
    begun.then(fact(RenewalStarted), fact(ChargeAttempted, amount=MONTH_PRICE, from_balance=0))
    assert begun.card.balance.minor == TEN.minor


@pytest.mark.parametrize("begin", [renew_on_page, top_up_on_page])
def test_only_what_the_provider_promises_to_take_on_its_page_is_paid_there(begin):
    asked = {"amount": TEN} if begin is top_up_on_page else {}
    card, other = given(*DECLINED), PageWallet("visa", "cus_1/visa")
    card.when(begin, RULES, wallet=other, at=AFTER, **asked).refused("not_paid_on_page")
    little = replace(PROVIDER, methods={"alipay": MethodPromise(reusable=False, greatest={"CNY": 500})})
    card.when(begin, replace(RULES, provider=little), wallet=ALIPAY, at=AFTER, **asked).refused("above_method_limit")
    card.when(begin, replace(RULES, charging_stopped=True), wallet=ALIPAY, at=AFTER, **asked).refused(
        "charging_stopped"
    )


def test_of_a_number_that_the_carrier_may_have_taken_nothing_is_paid():
    late = given(registered(reclaim_days=5), *PAYING[1:], DeadlinesMoved(reason="held", by=30 * DAY, at=ENDS_AT))
    for begin, asked in ((renew_on_page, {}), (top_up_on_page, {"amount": TEN})):
        late.when(begin, RULES, wallet=ALIPAY, at=ENDS_AT + 6 * DAY, **asked).refused("number_in_doubt")


def test_a_command_asks_the_gateway_nothing_and_a_wake_only_looks_up():
    command = RenewNow(command_id="c-1", card_id=CARD_ID, on_page=ALIPAY)
    stream = Stream(CARD_ID, given(*DECLINED).card, 9, None)
    decided = on_command(Issued(command, actor("holder", "holder-1")), RULES, AFTER, no_older_charge)(stream, {})
    assert decided.question is None
    assert decided.append.wake_at == AFTER + OVER
    due = on_wake("due", actor("system", "consumer"), RULES, AFTER + OVER)(decided.append.stored, {})
    assert (due.append, due.question.kind, due.question.sent_within is not None) == (None, "look_up", True)
    card = decided.append.card
    assert about_charge(stream, card, card.attempts.open, "sent", "due", PROVIDER).kind == "look_up"


# While the page is open


def test_an_open_page_keeps_everything_else_waiting_and_no_deadline_passes():
    begun = paying(*DECLINED, at=ENDS_AT - MINUTE)
    Given(begun.card).at(ENDS_AT + HOUR / 2).nothing().waits(ENDS_AT - MINUTE + OVER, "page_open")
    Given(begun.card).when(renew_now, RULES, at=ENDS_AT).refused("charge_under_way")
    Given(begun.card).when(renew_on_page, RULES, wallet=ALIPAY, at=ENDS_AT).refused("charge_under_way")
    Given(begun.card).when(top_up, RULES, amount=TEN, at=ENDS_AT).refused("charge_under_way")


@pytest.mark.parametrize("reply", [NotFound(), Unclear(reason="timeout"), "open"])
def test_before_its_end_there_is_no_news_of_a_page_that_is_not_paid(reply):
    begun = paying(*DECLINED)
    answered(begun, on_page(begun) if reply == "open" else reply, AFTER + LASTS).nothing()


def test_a_payment_on_the_page_is_a_success_like_any_other():
    then = paid(paying(*DECLINED), AFTER + MINUTE)
    then.then(
        fact(ChargeSucceeded, learned="looked_up", gateway_ref="pi-1"), fact(CardRenewed, method_id="on_page:alipay")
    )


def test_news_that_comes_twice_is_recorded_once():
    begun = paying(*DECLINED)
    attempt = attempt_of(begun)
    reply = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="pi-1")
    again = {"learned": "looked_up", "rules": RULES, "at": AFTER + HOUR}
    first = paid(begun, AFTER + MINUTE)
    Given(first.card).when(record_answer, attempt.attempt_id, reply, **again).nothing()


def test_a_success_of_another_amount_is_not_believed():
    begun = paying(*DECLINED)
    wrong = Charged(attempt_id=attempt_of(begun).attempt_id, amount=TEN, gateway_ref="pi-1")
    answered(begun, wrong, AFTER + MINUTE).then(fact(ChargeOutcomeUnknown, reason="answer_is_not_ours"))


# Not paid


@pytest.mark.parametrize(
    ("reply", "after"),
    [(EXPIRED, MINUTE), (EXPIRED, OVER), (NotFound(), OVER), (Declined(code="stolen_card"), OVER)],
    ids=["left", "expired", "never begun", "declined there"],
)
def test_what_was_not_paid_uses_nothing_up_ends_nothing_and_moves_nothing(reply, after):
    before = given(*DECLINED).card
    then = answered(paying(*DECLINED), reply, AFTER + after)
    then.then(NOT_PAID)
    assert then.card.attempts.open is None
    assert (then.card.renewal, then.card.methods, then.card.deadlines) == (
        before.renewal,
        before.methods,
        before.deadlines,
    )


def test_what_would_have_been_done_meanwhile_is_done_at_once():
    left = answered(paying(*NO_METHOD, at=ENDS_AT - MINUTE), EXPIRED, ENDS_AT + HOUR)
    Given(left.card).at(ENDS_AT + HOUR).then(fact(GraceStarted))
    tried = answered(paying(*DECLINED, at=ENDS_AT - MINUTE), EXPIRED, ENDS_AT + HOUR)
    Given(tried.card).at(ENDS_AT + HOUR).then(fact(ChargeAttempted, rung=2, method_id="visa"))


def test_nobody_is_told_that_a_payment_failed():
    begun = paying(*PAYING, at=OPENS_AT - 2 * HOUR)
    left = answered(begun, EXPIRED, OPENS_AT + MINUTE)
    went_on = Given(left.card).at(OPENS_AT + MINUTE)
    went_on.then(fact(ChargeAttempted, rung=1, number=2, reason="renewal_opened", method_id="visa"))
    assert not any(isinstance(one, ReminderDue) for one in went_on.facts)


def test_an_offer_made_ahead_for_a_page_alone_ends_with_it_and_charges_nothing():
    left = answered(paying(*PAYING, at=BEFORE), EXPIRED, BEFORE + HOUR)
    after = Given(left.card).at(BEFORE + HOUR).then(fact(RenewalRequestEnded, withheld=None))
    assert after.card.renewal.is_over
    Given(after.card).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, rung=1, reason="renewal_opened"))


def test_while_a_charge_that_the_holder_asked_for_is_about_to_be_made_nobody_pays_on_a_page():
    asked = given(*DECLINED).when(renew_now, RULES, at=AFTER)
    Given(asked.card).when(renew_on_page, RULES, wallet=ALIPAY, at=AFTER).refused("charge_under_way")
    tried = Given(asked.card).at(AFTER).then(fact(ChargeAttempted, reason="holder_asked", method_id="visa"))
    Given(tried.card).when(renew_on_page, RULES, wallet=ALIPAY, at=AFTER).refused("charge_under_way")


# Late, unknown, by a person


def test_a_payment_after_the_page_was_given_up_is_recorded_and_goes_back():
    begun = paying(*DECLINED)
    attempt, left = attempt_of(begun), answered(begun, EXPIRED, AFTER + OVER)
    late = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="pi-1")
    then = Given(left.card).when(
        record_answer, attempt.attempt_id, late, learned="looked_up", rules=RULES, at=AFTER + DAY
    )
    then.then(fact(ChargeSucceeded, learned="late"), fact(RefundStarted, reason="late_success", amount=MONTH_PRICE))


def test_a_payment_for_a_card_that_was_given_up_meanwhile_goes_back():
    begun = paying(*DECLINED)
    closed = Given(begun.card).when(close_card, reason="holder", at=AFTER + MINUTE)
    paid(closed, AFTER + 2 * MINUTE).then(fact(ChargeSucceeded), fact(RefundStarted, reason="card_closed"))


def test_of_a_card_that_is_held_the_page_is_looked_up_all_the_same():
    begun = paying(*DECLINED)
    held = Given(begun.card).when(hold_card, reason="a doubt", at=AFTER + MINUTE)
    Given(held.card).at(AFTER + OVER).asks("looked_up")
    paid(held, AFTER + OVER).then(fact(ChargeSucceeded), fact(CardRenewed))


def test_a_page_of_which_nobody_can_say_what_became_blocks_moves_the_deadlines_and_becomes_a_case():
    begun = paying(*DECLINED, at=ENDS_AT)
    over = ENDS_AT + OVER
    unknown = answered(begun, Unclear(reason="timeout"), over)
    unknown.then(fact(ChargeOutcomeUnknown, asked=1, ask_again_at=over + 5 * MINUTE))
    Given(unknown.card).at(over + 5 * MINUTE).nothing().asks("looked_up")
    left = answered(unknown, EXPIRED, over + 2 * HOUR)
    left.then(NOT_PAID, fact(DeadlinesMoved, reason="unknown_outcome", by=2 * HOUR))
    case = Given(unknown.card).at(ENDS_AT + 6 * DAY)
    assert case.facts[0].reason == "outcome_unknown"
    assert not any(isinstance(one, Suspended) for one in case.facts)


def test_a_wallet_that_takes_its_time_after_the_page_is_asked_about_soon_again():
    begun = paying(*DECLINED)
    over = AFTER + OVER
    pending = answered(begun, on_page(begun), over)
    pending.then(fact(ChargePending, gateway_ref="cs-1", asked=1, ask_again_at=over + 5 * MINUTE))
    paid(pending, over + MINUTE).then(fact(ChargeSucceeded), fact(CardRenewed))


def test_that_we_were_late_to_look_does_not_count_against_the_holder():
    begun = paying(*DECLINED, at=ENDS_AT)
    answered(begun, EXPIRED, ENDS_AT + OVER + HOUR).then(NOT_PAID)
    late = answered(begun, EXPIRED, ENDS_AT + OVER + DAY)
    late.then(NOT_PAID, fact(DeadlinesMoved, reason="unknown_outcome", by=DAY))


def test_a_person_may_say_what_became_of_it():
    begun = paying(*DECLINED)
    about = {"attempt_id": attempt_of(begun).attempt_id, "evidence": "ticket-1", "policy": RULES.policy}
    no = Given(begun.card).when(resolve_attempt, charged=False, gateway_ref=None, at=AFTER + MINUTE, **about)
    no.then(replace_fields(NOT_PAID, learned="resolved", evidence="ticket-1"))
    yes = Given(begun.card).when(resolve_attempt, charged=True, gateway_ref="pi-1", at=AFTER + MINUTE, **about)
    yes.then(fact(ChargeSucceeded, learned="resolved"), fact(CardRenewed))


def replace_fields(expected, **fields):
    return expected._replace(fields={**expected.fields, **fields})


def test_a_clock_that_went_back_looks_up_when_its_time_comes():
    begun = paying(*DECLINED)
    Given(begun.card).at(AFTER - DAY).nothing().waits(AFTER + OVER, "page_open")
