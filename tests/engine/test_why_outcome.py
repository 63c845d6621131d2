"""The outcome of a charge in its explanation."""

from datetime import timedelta

from engine.card.outcomes import resolve_attempt
from engine.money import Money
from engine.ports import Charged, Unclear
from engine.why.questions import why_charged
from tests.engine.recorded_history import History
from tests.engine.samples import DEBIT, POLICY, VISA, bound, enabled, registered

HOUR = timedelta(hours=1)
HERE = "(Asia/Shanghai)"


def two_methods():
    return History(registered(), bound(VISA), bound(DEBIT), enabled())


def answer(history, attempt_id=None):
    return why_charged(history.records, attempt_id or history.attempts()[-1]).sentences


def texts(history, attempt_id=None):
    return [sentence.text for sentence in answer(history, attempt_id)]


def test_without_an_answer_the_next_question_is_shown():
    assert texts(History().wakes())[-2:] == [
        "No answer to it is recorded yet.",
        f"Next, on 2026-03-29 10:00 {HERE}: the gateway is asked what became of the open attempt.",
    ]


def test_an_unknown_outcome_is_shown_with_how_often_it_was_asked_for():
    history = History().wakes().answered(Unclear(reason="timeout")).wakes().answered(Unclear(reason="http_502"))
    assert texts(history)[-2:] == [
        "Its outcome was unknown: the gateway was asked 2 times, the last time on 2026-03-29 10:05 (http_502).",
        f"Next, on 2026-03-29 10:20 {HERE}: the gateway is asked again about the attempt of unknown outcome.",
    ]
    assert answer(history)[-2].versions == (5, 6, 7)


def test_an_outcome_resolved_by_a_person_is_shown_with_its_evidence():
    history = History().wakes().answered(Unclear(reason="timeout"))
    found = {"attempt_id": history.attempts()[0], "charged": False, "gateway_ref": None, "evidence": "their letter"}
    history.decides(resolve_attempt, **found, policy=POLICY, at=history.at + HOUR)
    assert texts(history)[-3:] == [
        "Its outcome was unknown: the gateway was asked 1 time, the last time on 2026-03-29 10:00 (timeout).",
        (
            f"On 2026-03-29 11:00 {HERE} method visa was not charged, as a person found out (evidence: “their "
            "letter”): "
            f"attempt {history.attempts()[0]} failed with code not_charged; by the decline code the method may be "
            "tried "
            "again."
        ),
        (
            f"On 2026-03-29 11:00 {HERE} suspension and reclaim of the unpaid term moved by 1 hour, "
            "because the outcome of a charge was not known."
        ),
    ]


def test_a_success_after_a_failure_is_shown_with_its_refund():
    history = History().wakes()
    attempt_id, asked = history.attempts()[0], history.question
    history.declined("never_happened")
    history.question = asked
    history.answered(Charged(attempt_id=attempt_id, amount=Money(minor=1500, currency="CNY"), gateway_ref="ref-9"))
    history.refunded()
    refund_id = history.records[-1].fact.refund_id
    assert texts(history, attempt_id)[-3:] == [
        (
            f"On 2026-03-29 10:00 {HERE} 15.00 CNY was taken under the gateway's reference “ref-9”, as became known "
            "after "
            f"it had been recorded as failed: attempt {attempt_id} succeeded."
        ),
        (
            f"On 2026-03-29 10:00 {HERE} refund {refund_id} of 15.00 CNY of attempt {attempt_id} was decided, because "
            "the charge succeeded after it had been recorded as failed."
        ),
        (
            f"On 2026-03-29 10:00 {HERE} 15.00 CNY of attempt {attempt_id} went back to the holder by refund "
            f"{refund_id} "
            "under the gateway's reference “back-1”."
        ),
    ]


def test_what_followed_is_what_was_stored_in_the_same_append():
    history = two_methods().wakes().declined("revocation_of_all_authorizations")
    sentence = texts(history)[-1].partition(f"{HERE} ")[2]
    assert sentence == "auto-renewal was switched off because the mandate for all charges was withdrawn."
