"""The overview of a card, why it was suspended, reclaimed or refunded, and what happens next."""

from datetime import timedelta

from engine.card.announcing import announce_price_change
from engine.card.balance import BalanceCredited
from engine.card.custody import close_card
from engine.card.disputes import record_dispute
from engine.card.giving_back import record_refund
from engine.card.hold import hold_card, release_card
from engine.card.lapse import confirm_reclaim
from engine.card.standing_order import set_auto_top_up
from engine.money import Money
from engine.ports import RefundDeclined, Unclear
from engine.why.questions import overview, what_next, why_reclaimed, why_refunded, why_suspended
from tests.engine.given_when_then import no_older_charge
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    DEARER,
    DEBIT,
    FIVE,
    POLICY,
    REGISTERED_AT,
    RULES,
    TEN,
    TWO_VERSIONS,
    VISA,
    bound,
    enabled,
    local,
    registered,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = "(Asia/Shanghai)"
OF_CARD = f"Card {CARD_ID} of holder-1 (plan keep-short) is"
FIRST_TERM = "its term 0 runs from 2026-03-01 to 2026-04-01 (Asia/Shanghai)"
AGREED = (
    f"On 2026-03-22 11:00 {HERE} auto-renewal was switched on: 1 month at 15.00 CNY, and 5.00 CNY more "
    "if the service is off by then, as shown from catalogue version "
    "2026-11-01 and agreed to under terms “terms-1” through web."
)
BOUND = "Payment methods, in the order in which they are charged: visa (credit card, visa, ending in 4242)."
SUSPENDED = (
    f"On 2026-04-03 00:00 {HERE} the service was suspended, since what follows term 0 was not paid: 3 rungs tried, the "
    "last code being insufficient_funds; the number is ours until 2026-05-01 (policy version 2026-11-01)."
)
RECLAIMED = (
    f"On 2026-05-01 00:00 {HERE} the carrier took the number back, as its deadline had passed; it is in quarantine "
    "until 2026-06-15 (policy version 2026-11-01)."
)


def texts(answer):
    return [sentence.text for sentence in answer.sentences]


def credited(minor):
    amount = Money(minor=minor, currency="CNY")
    return BalanceCredited(amount=amount, reason="released", about=None, at=REGISTERED_AT)


def after(history, kind):
    """The same, but each try is declined, until a fact of this kind is recorded."""
    while type(history.records[-1].fact).__name__ != kind:
        history = history.declined() if history.card.attempts.open else history.wakes()
    return history


def next_of(history):
    (sentence,) = what_next(history.records).sentences
    assert sentence.versions == (len(history.records),)
    return sentence.text


# Overview


def test_an_active_card_is_described_in_a_few_sentences():
    assert [(sentence.text, sentence.versions) for sentence in overview(History().records).sentences] == [
        (f"{OF_CARD} active; {FIRST_TERM}.", (1,)),
        (
            (
                "The term until 2026-04-01 was paid already, registered on 2026-03-01 09:00, "
                "and its renewal was not open yet."
            ),
            (1, 3),
        ),
        (AGREED, (3,)),
        (BOUND, (3,)),
        (f"Next, on 2026-03-29 10:00 {HERE}: the renewal of the term that ends on 2026-04-01 opens.", (3,)),
    ]


def test_a_card_without_methods_and_consent_says_so():
    assert texts(overview(History(registered()).records))[1:] == [
        "Auto-renewal had not been switched on.",
        "No payment method is bound.",
        f"Next, on 2026-03-25 10:00 {HERE}: a reminder to the holder falls due.",
    ]


def test_an_announced_price_and_the_balance_are_part_of_the_description():
    history = History(registered(months=6), bound(), enabled(), rules=TWO_VERSIONS)
    at = local("2026-03-05 12:00")
    history.decides(announce_price_change, TWO_VERSIONS.catalogue, version=DEARER, at=at)
    history.decides(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=TEN, at=at).wakes(at).paid()
    assert texts(overview(history.records))[3:6] == [
        (
            f"On 2026-03-05 12:00 {HERE} the holder was told that 1 month will cost 30.00 CNY, and 5.00 CNY more "
            "if the service is off by then from 2026-06-01 on (catalogue version 2027-01-01)."
        ),
        BOUND,
        "Its balance is 10.00 CNY.",
    ]
    assert texts(overview(history.records))[6] == (
        f"On 2026-03-05 12:00 {HERE} the holder agreed to top up 10.00 CNY whenever the balance is below 5.00 CNY."
    )


def test_a_balance_without_a_standing_order_is_shown():
    history = History().does((credited(300),))
    assert texts(overview(history.records))[-2] == "Its balance is 3.00 CNY."


def test_a_method_that_ended_is_shown_once_with_the_reason():
    history = History(registered(), bound(VISA), bound(DEBIT), enabled()).wakes().declined("expired_card").paid()
    assert texts(overview(history.records))[4] == (
        "Method visa failed for good with code expired_card, by the decline code, on 2026-03-29 10:00."
    )
    stuck = History().wakes().declined("expired_card")
    sentences = texts(overview(stuck.records))
    assert len(sentences) == len(set(sentences))


def test_a_card_in_grace_says_since_when_and_why():
    history = after(History().wakes(), "GraceStarted")
    assert texts(overview(history.records)) == [
        f"{OF_CARD} in grace; {FIRST_TERM}.",
        (
            f"On 2026-04-01 00:00 {HERE} term 0 had ended unpaid and grace began: the service stays on until "
            "2026-04-03 "
            "(policy version 2026-11-01)."
        ),
        (
            "Rung 2 of the retry ladder, begun on 2026-03-30 10:00, had come to nothing, last with code "
            "insufficient_funds; the next one was not due yet."
        ),
        AGREED,
        BOUND,
        f"Next, on 2026-04-01 10:00 {HERE}: the third try (rung 3).",
    ]


def test_a_suspended_card_says_why():
    history = after(History().wakes(), "Suspended")
    why = [
        SUSPENDED,
        "Term 0 ended on 2026-04-01, the keep rule allows 2 days of grace, and the next term was not paid by then.",
        (
            "Rung 3 of the retry ladder, begun on 2026-04-01 10:00, had come to nothing, last with code "
            "insufficient_funds; the next one was not due yet."
        ),
    ]
    assert texts(why_suspended(history.records)) == why
    assert texts(overview(history.records)) == [
        f"{OF_CARD} suspended; {FIRST_TERM}.",
        *why,
        AGREED,
        BOUND,
        f"Next, on 2026-04-03 10:00 {HERE}: the fourth try (rung 4).",
    ]


def test_a_lost_number_says_why():
    history = after(History().wakes(), "NumberReclaimed")
    why = [
        RECLAIMED,
        "Term 0 ended on 2026-04-01, and by the keep rule an unpaid number is lost 30 days after that.",
        (
            "Rung 9 of the retry ladder, begun on 2026-04-30 10:00, had come to nothing, last with code "
            "insufficient_funds; it was the last one before the number is lost."
        ),
    ]
    assert texts(why_reclaimed(history.records)) == why
    assert texts(overview(history.records)) == [
        f"{OF_CARD} lost; {FIRST_TERM}.",
        *why,
        "Next, nothing happens by itself, since the card is reclaimed.",
    ]


def test_a_closed_card_says_so():
    history = History().decides(close_card, reason="moved", at=local("2026-03-05 12:00"))
    assert texts(overview(history.records)) == [
        f"{OF_CARD} closed; {FIRST_TERM}.",
        f"On 2026-03-05 12:00 {HERE} the card was closed: “moved”.",
        "Next, nothing happens by itself, since the card is closed.",
    ]


# Why suspended, why lost, why refunded


def test_there_is_no_answer_about_what_did_not_happen():
    records = History().records
    assert (why_suspended(records), why_reclaimed(records), why_refunded(records)) == (None, None, None)


def test_a_suspension_without_grace_or_consent():
    history = History(registered(grace_days=0), bound()).wakes().wakes()
    assert texts(why_suspended(history.records))[1:] == [
        "Term 0 ended on 2026-04-01, it knows no grace, and the next term was not paid by then.",
        "Auto-renewal had not been switched on.",
    ]


def test_moved_deadlines_are_shown_in_order():
    history = History(registered(), bound())
    history.decides(hold_card, reason="a doubt", at=local("2026-04-01 12:00"))
    history.decides(release_card, RULES, at=local("2026-04-02 12:00"))
    history.decides(hold_card, reason="again", at=local("2026-04-02 13:00"))
    history.decides(release_card, RULES, at=local("2026-04-02 15:00"))
    moves = [
        (
            f"On 2026-04-02 12:00 {HERE} suspension and reclaim of the unpaid term moved by 1 day, "
            "because the card was held."
        ),
        (
            f"On 2026-04-02 15:00 {HERE} suspension and reclaim of the unpaid term moved by 2 hours, "
            "because the card was held."
        ),
    ]
    while history.card.status != "reclaimed":
        history.wakes(max(history.wake_at, history.at))
        if history.card.status == "suspended":
            assert texts(why_suspended(history.records))[2:4] == moves
    assert texts(why_reclaimed(history.records))[2:] == [*moves, "Auto-renewal had not been switched on."]


def test_a_number_that_the_carrier_reclaimed_is_explained_with_its_refunds():
    history = History().wakes().paid()
    history.decides(confirm_reclaim, POLICY, at=local("2026-04-10 12:00"))
    assert texts(why_reclaimed(history.records)) == [
        (
            f"On 2026-04-10 12:00 {HERE} the carrier took the number back, as the carrier said so; it is in quarantine "
            "until 2026-05-25 (policy version 2026-11-01)."
        ),
        "Term 1 runs until 2026-05-01; by the keep rule an unpaid number is lost 30 days after that.",
    ]
    attempt_id, refund_id = history.attempts()[0], history.records[-1].fact.refund_id
    assert texts(why_refunded(history.records)) == [
        (
            f"On 2026-03-29 10:00 {HERE} 15.00 CNY was taken under the gateway's reference “ref-1”, as the gateway "
            "answered "
            f"at once: attempt {attempt_id} succeeded."
        ),
        (
            f"On 2026-04-10 12:00 {HERE} refund {refund_id} of 15.00 CNY of attempt {attempt_id} was decided, because "
            "the "
            "number had been reclaimed."
        ),
    ]
    assert next_of(history) == f"Next, on 2026-04-10 12:00 {HERE}: the gateway is asked about the refund."
    history.wakes().answered(Unclear(reason="timeout"))
    assert next_of(history) == f"Next, on 2026-04-10 12:05 {HERE}: the gateway is asked about the refund."
    history.wakes().answered(RefundDeclined(code="closed_account"))
    assert [type(one.fact).__name__ for one in history.records][-1] == "RefundFailed"
    assert texts(why_refunded(history.records))[-1] == (
        f"On 2026-04-10 12:05 {HERE} the gateway would not make refund {refund_id} of attempt {attempt_id} "
        "(code closed_account), so that a person has to."
    )


def test_a_refund_by_a_person_is_shown_and_other_credits_are_not():
    history = History().wakes().paid().does((credited(1),))
    back = {"attempt_id": history.attempts()[0], "amount": FIVE, "evidence": "cash"}
    history.decides(record_refund, no_older_charge, **back, to="balance", at=history.at)
    history.decides(record_refund, no_older_charge, **back, to="method", at=history.at)
    history.decides(record_dispute, no_older_charge, **back, at=history.at)
    assert [sentence.versions for sentence in why_refunded(history.records).sentences] == [(6,), (9,), (10,), (11,)]
