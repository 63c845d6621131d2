"""What the gateway accepted and will know later: charges and refunds that are pending, and a refund that came back."""

from datetime import timedelta

from msgspec.structs import replace

from engine.card.asking import AskCharge
from engine.card.attempt import CaseOpened, ChargeOutcomeUnknown, ChargePending
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.giving_back import record_refund, refund_charge
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.recall import charge_in
from engine.card.refunding import record_refund_answer
from engine.card.refunds import (
    RefundFailed,
    RefundOutcomeUnknown,
    RefundPending,
    RefundRecorded,
    RefundReturned,
    RefundStarted,
    RefundSucceeded,
)
from engine.card.term import CardRenewed
from engine.card.undoing import TermUndone
from engine.ports import Declined, NotFound, Pending, RefundAccepted, RefundDeclined, Refunded, Unclear
from engine.questions import about_charge, about_gap, about_refund, ask, refund_request
from engine.rules import Gap
from engine.store.streams import Stream
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    PROVIDER,
    RULES,
    SECOND,
    attempt_id,
    charged,
)
from tests.engine.topped_up import topped_up

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SOON = OPENS_AT + 20 * SECOND
ACCEPTED = Pending(attempt_id=attempt_id(), gateway_ref="pi-1")
PENDING = ChargePending(
    attempt_id=attempt_id(), term_number=1, gateway_ref="pi-1", asked=1, ask_again_at=SOON + DAY, at=SOON
)
WAITING = (*CHARGING, PENDING)
ABOUT = {"attempt_id": attempt_id(), "at": ENDS_AT}


def answered(card: Given, reply, at=SOON, learned="looked_up", rules=RULES) -> Then:
    return card.when(record_answer, attempt_id(), reply, learned=learned, rules=rules, at=at)


def refund_answered(card: Given, reply, at=ENDS_AT) -> Then:
    about = {"rules": RULES, "recall": no_older_charge, "at": at}
    return card.when(record_refund_answer, refund_request(CARD_ID, card.card.refunds[0]), reply, **about)


def refunding(amount=FIVE, *, ends_term=False, at=SOON) -> Given:
    about = {"attempt_id": attempt_id(), "amount": amount, "ends_term": ends_term, "at": at}
    return Given(given(*PAID).when(refund_charge, no_older_charge, **about).card)


# Charges


def test_a_charge_that_the_gateway_accepted_is_looked_up_a_day_later_and_never_sent_again():
    card = answered(given(*CHARGING), ACCEPTED, learned="sent")
    card.then(fact(ChargePending, attempt_id=attempt_id(), gateway_ref="pi-1", asked=1, ask_again_at=SOON + DAY))
    given(*WAITING).at(SOON + HOUR).nothing().waits(SOON + DAY, "charge_pending")
    attempt = given(*WAITING).card.attempts.open
    assert given(*WAITING).at(SOON + DAY).step == AskCharge(attempt, "looked_up")
    forever = replace(RULES, provider=replace(PROVIDER, key_lifetime=None))
    assert given(*WAITING).at(SOON + DAY, rules=forever).step == AskCharge(attempt, "looked_up")


def test_the_look_up_names_what_the_gateway_calls_the_charge():
    card = given(*WAITING).card
    question = about_charge(Stream(CARD_ID, card, 9, None), card, card.attempts.open, "looked_up", "due", PROVIDER)
    assert (question.kind, question.request.gateway_ref) == ("look_up", "pi-1")


def test_news_of_a_pending_charge_is_its_outcome():
    answered(given(*WAITING), charged(), at=SOON + HOUR).then(fact(ChargeSucceeded), fact(CardRenewed))
    answered(given(*WAITING), Declined(code="insufficient_funds"), at=SOON + HOUR).then(
        fact(ChargeFailed), fact(DeadlinesMoved, reason="unknown_outcome")
    )


def test_a_pending_charge_that_is_still_pending_is_noted_once_a_day():
    answered(given(*WAITING), ACCEPTED, at=SOON + HOUR).nothing()
    again = answered(given(*WAITING), ACCEPTED, at=SOON + DAY)
    again.then(fact(ChargePending, asked=2, ask_again_at=SOON + 2 * DAY))


def test_what_was_unknown_becomes_pending_at_once():
    unknown = answered(given(*CHARGING), Unclear(reason="timeout"))
    answered(Given(unknown.card), ACCEPTED, at=SOON + SECOND).then(fact(ChargePending, asked=2))


def test_a_pending_charge_is_never_said_not_to_have_happened():
    long_after = SOON + 20 * DAY
    missing = answered(given(*WAITING), NotFound(), at=long_after)
    missing.then(fact(ChargeOutcomeUnknown, reason="not_found_yet", ask_again_at=long_after + DAY))
    assert missing.card.attempts.open.pending_ref == "pi-1"


def test_no_charge_is_said_not_to_have_happened_where_keys_are_known_for_ever():
    forever = replace(RULES, provider=replace(PROVIDER, key_lifetime=None))
    missing = answered(given(*CHARGING), NotFound(), at=SOON + 90 * DAY, rules=forever)
    missing.then(fact(ChargeOutcomeUnknown, reason="not_found_yet"))


def test_a_pending_charge_keeps_the_card_from_any_other_charge_and_from_lapsing_and_becomes_a_case_in_time():
    case = given(*WAITING).at(SOON + 90 * DAY)
    assert [type(one) for one in case.facts][:1] == [CaseOpened]
    assert case.facts[0].reason == "charge_pending"
    assert case.card.status == "active"


# Refunds by the gateway


def test_an_operator_refunds_a_charge_in_parts_by_the_gateway_and_the_term_stays():
    first = refunding()
    assert (first.card.refunds[0].amount, first.card.term.number) == (FIVE, 1)
    assert not first.card.payments[-1].goes_back
    back = Refunded(refund_id=first.card.refunds[0].refund_id, amount=FIVE, gateway_ref="re-1")
    second = Given(refund_answered(first, back).card)
    rest = second.when(refund_charge, no_older_charge, amount=None, ends_term=False, **ABOUT)
    rest.then(fact(RefundStarted, amount=MONTH_PRICE - FIVE, reason="operator", gateway_ref="ref-1"))
    assert rest.facts[0].refund_id != back.refund_id


def test_a_full_refund_may_end_a_term_that_has_not_begun():
    ended = given(*PAID).when(
        refund_charge, no_older_charge, attempt_id=attempt_id(), amount=None, ends_term=True, at=SOON
    )
    assert [type(one) for one in ended.facts][:2] == [RefundStarted, TermUndone]


def test_a_refunded_top_up_leaves_the_balance():
    card = given(*PAYING, *topped_up(1))
    about = {"attempt_id": card.card.payments[-1].attempt_id, "amount": None, "ends_term": False, "at": ENDS_AT}
    after = card.when(refund_charge, no_older_charge, **about)
    assert after.card.balance.minor == 0


def test_a_refund_that_the_gateway_accepted_is_looked_up_a_day_later():
    accepted = RefundAccepted(refund_id=refunding().card.refunds[0].refund_id, gateway_ref="re-1")
    card = refund_answered(refunding(), accepted)
    card.then(fact(RefundPending, gateway_ref="re-1", asked=1, ask_again_at=ENDS_AT + DAY))
    waiting = Given(card.card)
    assert about_refund(Stream(CARD_ID, card.card, 9, None), card.card.refunds[0], "due").kind == "look_up_refund"
    refund_answered(waiting, accepted, at=ENDS_AT + HOUR).nothing()
    refund_answered(waiting, accepted, at=ENDS_AT + DAY).then(fact(RefundPending, asked=2))
    lost = refund_answered(waiting, NotFound(), at=ENDS_AT + DAY)
    lost.then(fact(RefundOutcomeUnknown, reason="not_found_yet", ask_again_at=ENDS_AT + 2 * DAY))
    back = Refunded(refund_id=accepted.refund_id, amount=FIVE, gateway_ref="re-1")
    refund_answered(waiting, back, at=ENDS_AT + HOUR).then(fact(RefundSucceeded))
    refund_answered(waiting, RefundDeclined(code="closed"), at=ENDS_AT + HOUR).then(fact(RefundFailed))


def test_a_refund_that_came_back_days_later_is_given_back_by_a_person():
    started = refunding()
    refund = started.card.refunds[0]
    arrived = refund_answered(started, Refunded(refund_id=refund.refund_id, amount=FIVE, gateway_ref="re-1"))
    about = {"rules": RULES, "recall": no_older_charge, "at": ENDS_AT + 9 * DAY}
    request, failed = refund_request(CARD_ID, refund), RefundDeclined(code="closed_account")
    returned = Given(arrived.card).when(record_refund_answer, request, failed, **about)
    returned.then(fact(RefundReturned, refund_id=refund.refund_id, amount=FIVE, code="closed_account"))
    Given(returned.card).when(record_refund_answer, request, failed, **about).nothing()
    assert returned.card.payments[-1].left == (MONTH_PRICE - FIVE).minor
    by_hand = {"to": "method", "evidence": "bank transfer", **ABOUT}
    given_back = Given(returned.card).when(record_refund, no_older_charge, amount=FIVE, **by_hand)
    given_back.then(fact(RefundRecorded, amount=FIVE))
    assert given_back.card.refunds == ()
    Given(given_back.card).when(record_refund_answer, request, failed, **about).nothing()


def test_a_refund_of_a_charge_that_the_card_has_forgotten_comes_back_too():
    started = refunding()
    refund = started.card.refunds[0]
    arrived = refund_answered(started, Refunded(refund_id=refund.refund_id, amount=FIVE, gateway_ref="re-1"))
    history = (*PAID, *refund_started_facts(started), *arrived.facts)
    forgotten = Given(replace(arrived.card, payments=()))
    about = {"rules": RULES, "recall": lambda attempt: charge_in(history, attempt), "at": ENDS_AT + 9 * DAY}
    request = refund_request(CARD_ID, refund)
    returned = forgotten.when(record_refund_answer, request, RefundDeclined(code="closed_account"), **about)
    returned.then(fact(RefundReturned, amount=FIVE))
    again = {**about, "recall": lambda attempt: charge_in((*history, *returned.facts), attempt)}
    once_more = Given(replace(returned.card, refunds=()))
    once_more.when(record_refund_answer, request, RefundDeclined(code="closed_account"), **again).nothing()
    payment = charge_in((*history, *returned.facts), attempt_id())
    assert (payment.refunded, payment.refunded_by, payment.goes_back) == (500, (), False)


def refund_started_facts(card: Given):
    refund = card.card.refunds[0]
    return (
        RefundStarted(
            refund_id=refund.refund_id,
            attempt_id=refund.attempt_id,
            gateway_ref=refund.gateway_ref,
            amount=refund.amount,
            reason="operator",
            at=refund.started_at,
        ),
    )


def test_late_news_of_a_refund_that_never_succeeded_changes_nothing():
    about = {"rules": RULES, "recall": no_older_charge, "at": ENDS_AT}
    request = refund_request(CARD_ID, refunding().card.refunds[0])
    given(*PAID).when(record_refund_answer, request, RefundDeclined(code="closed"), **about).nothing()
    given(*PAID).when(record_refund_answer, request, Unclear(reason="timeout"), **about).nothing()


class Asked:
    """A gateway that says which of its calls was made."""

    def __getattr__(self, name):
        return lambda _request, _at: name


def test_each_question_is_asked_by_its_call():
    pending = given(*WAITING).card
    refund = refunding().card.refunds[0]
    stream = Stream(CARD_ID, pending, 9, None)
    questions = (
        about_charge(stream, pending, pending.attempts.open, "sent", "due", PROVIDER),
        about_charge(stream, pending, pending.attempts.open, "looked_up", "due", PROVIDER),
        about_refund(stream, refund, "due"),
        about_refund(stream, replace(refund, pending_ref="re-1"), "due"),
        about_gap(stream, Gap(SOON, ENDS_AT), "due"),
    )
    calls = ["charge", "look_up", "refund", "look_up_refund", "list_charges"]
    assert [ask(Asked(), question, ENDS_AT) for question in questions] == calls
