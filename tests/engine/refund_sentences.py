"""Facts about refunds and disputes, each with its sentence."""

from uuid import UUID

from engine.card import facts
from engine.money import Money
from tests.engine.samples import local

AT, LATER = local("2026-03-29 10:00"), local("2026-03-30 11:30")
A, R = UUID(int=10), UUID(int=11)
PRICE, NOTHING = Money(minor=1500, currency="CNY"), Money(minor=0, currency="CNY")
FACTS_OF_REFUNDS = [
    (
        facts.RefundStarted(refund_id=R, attempt_id=A, gateway_ref="ref-1", amount=PRICE, reason="late_success", at=AT),
        (
            f"refund {R} of 15.00 CNY of attempt {A} was decided, because the charge succeeded after it had been "
            "recorded "
            "as failed"
        ),
    ),
    (
        facts.RefundStarted(
            refund_id=R, attempt_id=A, gateway_ref="ref-1", amount=PRICE, reason="term_not_covered", at=AT
        ),
        (
            f"refund {R} of 15.00 CNY of attempt {A} was decided, because what was reserved of the balance beside it "
            "had gone, so that it paid for no term"
        ),
    ),
    (
        facts.RefundRecorded(attempt_id=A, amount=NOTHING, evidence="list", at=AT),
        (
            f"the operator found that nothing went back of attempt {A} by the refund of it, and nothing has to for now "
            "(evidence: “list”)"
        ),
    ),
    (
        facts.DisputeWon(
            attempt_id=A, method_id="visa", amount=PRICE, evidence="file", over=False, to_terms=500, at=AT
        ),
        (
            f"the holder's bank gave 15.00 CNY of attempt {A} back to us (evidence: “file”), "
            "and 5.00 CNY that the balance paid for terms would come back with them again"
        ),
    ),
    (
        facts.RefundSucceeded(refund_id=R, attempt_id=A, amount=PRICE, gateway_ref="back-1", at=AT),
        f"15.00 CNY of attempt {A} went back to the holder by refund {R} under the gateway's reference “back-1”",
    ),
    (
        facts.RefundOutcomeUnknown(refund_id=R, reason="timeout", asked=2, ask_again_at=LATER, at=AT),
        (
            f"nobody could say whether refund {R} was made (timeout, asked 2 times); "
            "the gateway is asked again on 2026-03-30 11:30"
        ),
    ),
    (
        facts.RefundPending(refund_id=R, gateway_ref="back-1", asked=1, ask_again_at=LATER, at=AT),
        (
            f"the gateway had accepted refund {R} under the reference “back-1”, and would know later whether it "
            "arrives; it is looked up on 2026-03-30 11:30"
        ),
    ),
    (
        facts.RefundReturned(
            refund_id=R, attempt_id=A, gateway_ref="back-1", amount=PRICE, code="closed_account", at=AT
        ),
        (
            f"refund {R}, 15.00 CNY of attempt {A}, came back to us after it had succeeded (code closed_account), "
            "so that a person has to find another way"
        ),
    ),
    (
        facts.RefundFailed(refund_id=R, attempt_id=A, code="closed_account", at=AT),
        f"the gateway would not make refund {R} of attempt {A} (code closed_account), so that a person has to",
    ),
    (
        facts.RefundRecorded(attempt_id=A, amount=PRICE, evidence="cash", at=AT),
        f"the operator gave 15.00 CNY of attempt {A} back outside of the engine (evidence: “cash”)",
    ),
    (
        facts.DisputeWon(attempt_id=A, method_id="visa", amount=PRICE, evidence="notice", over=True, at=AT),
        (
            f"the holder's bank gave 15.00 CNY of attempt {A} back to us (evidence: “notice”), "
            "and what method visa stood for may be charged by itself again"
        ),
    ),
    (
        facts.DisputeRecorded(attempt_id=A, method_id="visa", amount=PRICE, evidence="notice", at=AT),
        (
            f"the holder's bank took 15.00 CNY of attempt {A} back (evidence: “notice”), "
            "and method visa is not charged by itself any more"
        ),
    ),
]
