"""Attempts are open per purpose: a top-up of unknown outcome keeps no renewal waiting, and no deadline."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeAttempted, ChargeOutcomeUnknown
from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.charge import renew_now
from engine.card.consent import switch_off_auto_renew
from engine.card.custody import CardClosed
from engine.card.deadlines import ChargingBlocked
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded
from engine.card.hold import CardHeld
from engine.card.lapse import Suspended
from engine.card.methods import remove_payment_method
from engine.card.next import advance, move_for_late_wake
from engine.card.outcomes import record_answer, resolve_attempt
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.top_ups import TopUpFailed, TopUpStarted
from engine.errors import CorruptHistoryError
from engine.money import Money
from engine.networks import Limited
from engine.ports import Charged, Declined, Unclear
from engine.why.ahead import ahead
from engine.why.obstacles import obstacles
from engine.why.story import story_of
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import OPENS_AT, PAYING, POLICY, RULES, SECOND, local, unknown
from tests.projections.folding import recorded

TEN = Money(minor=1000, currency="CNY")
BEGUN = local("2026-03-29 09:00")
STARTED = TopUpStarted(number=1, amount=TEN, automatic=False, at=BEGUN)
TOP_UP = given(*PAYING, STARTED).at(BEGUN).facts[0]
AGAIN = OPENS_AT + timedelta(hours=1)
ASKED = replace(unknown(), attempt_id=TOP_UP.attempt_id, term_number=0, ask_again_at=AGAIN)
UNKNOWN = (*PAYING, STARTED, TOP_UP, ASKED)
"""A top-up of 10 CNY whose outcome is unknown since before the renewal opens."""
BOTH = (*UNKNOWN, *given(*UNKNOWN).at(OPENS_AT).facts)
"""The renewal is charged meanwhile, and its outcome is awaited as well."""
RENEWAL = BOTH[-1]
NOW = OPENS_AT + 30 * SECOND


def said(attempt, code=None):
    if code is not None:
        return Declined(code=code)
    return Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="ref")


def answered(history, attempt, code=None, at=NOW):
    about = {"learned": "asked_again", "rules": RULES, "at": at}
    return given(*history).when(record_answer, attempt.attempt_id, said(attempt, code), **about)


def test_the_renewal_is_charged_when_it_opens_also_with_the_method_of_the_top_up():
    then = given(*UNKNOWN).at(OPENS_AT)
    then.then(fact(RenewalStarted), fact(ChargeAttempted, top_up=None, method_id=TOP_UP.method_id, number=1))
    assert (then.card.attempts.open.attempt_id, then.card.attempts.top_up.attempt_id) == (
        RENEWAL.attempt_id,
        TOP_UP.attempt_id,
    )


def test_a_top_up_that_waits_for_its_first_answer_is_waited_for():
    just_now = OPENS_AT - SECOND
    awaited = (*PAYING, replace(STARTED, at=just_now), replace(TOP_UP, at=just_now))
    given(*awaited).at(OPENS_AT).nothing().waits(just_now + POLICY.gateway_budget, "answer_awaited")


def test_while_the_renewal_is_charged_no_top_up_begins():
    given(*BOTH).at(OPENS_AT + SECOND).nothing().waits(OPENS_AT + POLICY.gateway_budget, "answer_awaited")


@pytest.mark.parametrize("first", ["top_up", "renewal"])
def test_each_answer_finds_its_own_attempt_in_whatever_order(first):
    order = [TOP_UP, RENEWAL] if first == "top_up" else [RENEWAL, TOP_UP]
    one = answered(BOTH, order[0])
    assert one.facts[0].attempt_id == order[0].attempt_id
    both = Given(one.card).when(
        record_answer, order[1].attempt_id, said(order[1]), learned="asked_again", rules=RULES, at=NOW
    )
    assert {type(fact) for fact in (*one.facts, *both.facts)} >= {ChargeSucceeded, BalanceCredited, CardRenewed}
    assert (both.card.attempts.open, both.card.attempts.top_up) == (None, None)
    assert (both.card.balance.minor, both.card.term.number) == (1000, 1)


def test_a_declined_top_up_leaves_the_renewal_and_its_ladder_alone():
    then = answered(BOTH, TOP_UP, "insufficient_funds")
    then.then(fact(ChargeFailed, top_up=1))
    assert then.card.attempts.open.attempt_id == RENEWAL.attempt_id
    assert then.card.renewal.declines == 0
    over = Given(answered(BOTH, RENEWAL).card)  # first the renewal, then the top-up
    failed = over.when(
        record_answer, TOP_UP.attempt_id, Declined(code="expired_card"), learned="looked_up", rules=RULES, at=NOW
    )
    Given(failed.card).at(NOW).then(fact(TopUpFailed))


def test_whichever_is_due_is_asked_about():
    twice = replace(unknown(), attempt_id=RENEWAL.attempt_id, ask_again_at=AGAIN + timedelta(minutes=5))
    waits = given(*BOTH, twice)
    waits.at(NOW).nothing().waits(AGAIN, "outcome_unknown")
    assert waits.at(AGAIN).step.attempt.attempt_id == TOP_UP.attempt_id
    later = replace(ASKED, ask_again_at=AGAIN + timedelta(hours=1))
    assert given(*BOTH, twice, later).at(AGAIN + timedelta(minutes=5)).step.attempt.attempt_id == RENEWAL.attempt_id


def test_an_unknown_top_up_moves_no_deadline_and_stops_none():
    ended = local("2026-04-03 00:01")  # after two days of grace, and the half minute in which the renewal was unknown
    declined = replace(ASKED, ask_again_at=ended + timedelta(days=1))
    history = (*BOTH, *answered(BOTH, RENEWAL, "expired_card").facts, declined)
    assert Suspended in [type(one) for one in given(*history).at(ended).facts]
    then = answered(history, TOP_UP, at=ended - SECOND)
    then.then(fact(ChargeSucceeded), fact(BalanceCredited))
    assert len(then.facts) == 2


def test_a_late_wake_counts_though_the_outcome_of_a_top_up_is_unknown():
    woken = OPENS_AT + timedelta(hours=7)
    assert move_for_late_wake(given(*UNKNOWN).card, OPENS_AT, RULES, woken)
    assert not move_for_late_wake(given(*BOTH).card, OPENS_AT, RULES, woken)


@pytest.mark.parametrize(
    "ending",
    [
        CardHeld(reason="asked", by="operator", at=NOW),
        CardClosed(reason="holder", balance=TEN, at=NOW),
        DisputeRecorded(
            attempt_id=TOP_UP.attempt_id,
            method_id="visa",
            instrument=TOP_UP.fingerprint,
            amount=TEN,
            evidence="bank",
            at=NOW,
        ),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_neither_is_sent_again_once_the_card_or_the_method_may_not_be_charged(ending):
    for due in (NOW, AGAIN):
        step = given(*BOTH, ending).at(due).step
        assert step.learned == "looked_up"


def test_a_switch_off_ends_the_renewal_and_not_the_top_up_that_the_holder_asked_for():
    off = given(*BOTH).when(switch_off_auto_renew, reason="holder", at=NOW)
    attempts = off.card.attempts
    assert (attempts.open.look_up_only, attempts.top_up.look_up_only) == (True, False)
    automatic = (*PAYING, replace(STARTED, automatic=True), *BOTH[len(PAYING) + 1 :])
    attempts = given(*automatic).when(switch_off_auto_renew, reason="holder", at=NOW).card.attempts
    assert (attempts.open.look_up_only, attempts.top_up.look_up_only) == (True, True)


def test_what_the_holder_asks_for_waits_for_both():
    for history in (UNKNOWN, BOTH):
        given(*history).when(renew_now, RULES, at=NOW).refused("charge_under_way")
        given(*history).when(remove_payment_method, method_id="visa", at=NOW).refused("last_method")


def test_a_person_resolves_either():
    for attempt in (TOP_UP, RENEWAL):
        about = {"attempt_id": attempt.attempt_id, "gateway_ref": None, "evidence": "report", "policy": POLICY}
        then = given(*BOTH).when(resolve_attempt, charged=False, **about, at=NOW)
        assert then.facts[0].attempt_id == attempt.attempt_id


def test_each_becomes_a_case_of_its_own():
    case_at = BEGUN + timedelta(days=2)  # two days before the number may be lost is later: five days decide
    waits = replace(ASKED, ask_again_at=case_at + timedelta(days=9))
    then = given(*UNKNOWN, waits).at(BEGUN + POLICY.case_after)
    assert CaseOpened(about=TOP_UP.attempt_id, reason="outcome_unknown", at=BEGUN + POLICY.case_after) in then.facts
    assert then.card.attempts.top_up.unknown.case_opened


def test_a_paid_top_up_of_a_card_that_is_given_up_goes_back():
    closed = (*UNKNOWN, CardClosed(reason="holder", balance=replace(TEN, minor=0), at=NOW))
    answered(closed, TOP_UP).then(fact(ChargeSucceeded), fact(RefundStarted, reason="card_closed"))


def test_a_card_that_waits_for_open_tries_of_others_is_asked_about_its_top_up():
    full = Limited("mastercard", None, open_only=True)
    first = advance(given(*UNKNOWN).card, RULES, OPENS_AT, {"visa": full})
    assert [type(one) for one in first[1]] == [RenewalStarted, ChargingBlocked]
    soon = replace(ASKED, ask_again_at=OPENS_AT + timedelta(minutes=1))
    _, _, step = advance(given(*UNKNOWN, soon).card, RULES, OPENS_AT, {"visa": full})
    assert (step.until, step.reason) == (OPENS_AT + timedelta(minutes=1), "outcome_unknown")


def test_no_answer_is_recorded_for_the_attempt_that_was_asked_about():
    about = {"learned": "asked_again", "rules": RULES, "at": AGAIN}
    then = given(*BOTH).when(record_answer, TOP_UP.attempt_id, Unclear(reason="timeout"), **about)
    then.then(fact(ChargeOutcomeUnknown, attempt_id=TOP_UP.attempt_id, asked=2, term_number=0))
    assert then.card.attempts.open.unknown is None


def test_a_history_that_takes_a_reserve_without_an_attempt_is_corrupt():
    debit = BalanceDebited(amount=TEN, reason="refund", about=TOP_UP.attempt_id, from_reserve=5, at=NOW)
    with pytest.raises(CorruptHistoryError, match="a reserve without an open attempt"):
        given(*UNKNOWN, debit)


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (UNKNOWN[:-1], ["until it is known nothing else is attempted."]),
        (UNKNOWN, ["no other top-up begins, but no renewal waits for it.", "was paid already"]),
        (BOTH, ["nothing else is attempted and no deadline passes."]),
    ],
    ids=["awaited", "unknown", "both"],
)
def test_it_is_explained_what_waits_for_an_open_attempt(history, told):
    story = story_of([recorded(one, version) for version, one in enumerate(history, start=1)])
    sentences = obstacles(story, len(history) - 1, NOW)
    assert [part in one.text for part, one in zip(told, sentences, strict=True)] == [True] * len(told)


@pytest.mark.parametrize(("wake_at", "why"), [(AGAIN, "asked again"), (NOW, "opens or the attempt of unknown")])
def test_what_comes_next_may_be_about_either(wake_at, why):
    story = story_of([recorded(one, version, wake_at=wake_at) for version, one in enumerate(UNKNOWN, start=1)])
    assert why in ahead(story, len(UNKNOWN) - 1).text
