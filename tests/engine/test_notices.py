"""Notices to the holder: one per fact, in plain JSON, without a code that must not be shown."""

import json
from datetime import date, timedelta
from uuid import UUID

import pytest
from msgspec.structs import asdict, replace

from engine.calendar import term_from
from engine.card import facts
from engine.card.facts import STORED_NAMES
from engine.declines import CONSEQUENCES, Consequence
from engine.envelope import read_fact
from engine.money import Money
from engine.notices import NOTICE_FACTS, SHOWN_CODES, Notice, notice_of
from tests.engine.recorded_history import recorded
from tests.engine.samples import CARD_ID, VISA, attempt_id, bound, enabled, grace_started, local, renewed, suspended
from tests.engine.test_events import stored

AT = local("2026-03-29 10:00")
A = UUID(int=10)
TERM = term_from(0, date(2026, 3, 1), 1, 1, "Asia/Shanghai")
PRICE, SAVING = Money(minor=1500, currency="CNY"), Money(minor=0, currency="CNY")
FIFTEEN, NOTHING = {"minor": 1500, "currency": "CNY"}, {"minor": 0, "currency": "CNY"}
CANCEL = {"how_to_cancel": "switch_off_auto_renew"}
AGREED = {"months": 1, "price": FIFTEEN, "saving": NOTHING, "terms_version": "terms-1", "channel": "web", **CANCEL}
FEE = {"reactivation_fee": {"minor": 500, "currency": "CNY"}}
RENEWED = {
    "term_number": 1,
    "starts_on": "2026-04-01",
    "ends_on": "2026-05-01",
    "zone": "Asia/Shanghai",
    "months": 1,
    "price": FIFTEEN,
    "from_balance": 0,
    "reactivation_fee": None,
    "attempt_id": str(attempt_id()),
    "method_id": "visa",
}
CHARGED_ON = {"amount": FIFTEEN, "months": 1, "method_id": "visa", "charge_on": "2026-03-29"}
FAILING = {
    "amount": FIFTEEN,
    "next_try_at": "2026-03-30T02:00:00Z",
    "suspends_on": "2026-04-03",
    "lost_on": "2026-05-01",
}
UNSAID = dict.fromkeys(FAILING)
METHOD = {
    "method_id": "visa",
    "kind": "credit_card",
    "brand": "visa",
    "last4": "4242",
    "expires_on": "2028-05-31",
}


def reminder(kind, about):
    return facts.ReminderDue(kind=kind, term_number=0, about=about, at=AT)


def ahead(kind):
    told = {"amount": PRICE, "months": 1, "method_id": "visa", "charge_on": date(2026, 3, 29)}
    return replace(reminder(kind, "2026-03-29"), **told)


def removed(reason):
    return facts.PaymentMethodRemoved(method_id="visa", reason=reason, at=AT)


def credited(reason):
    return facts.BalanceCredited(amount=PRICE, reason=reason, about=A, at=AT)


def moved(lost_on):
    return facts.DeadlinesMoved(reason="held", by=timedelta(days=3), lost_on=lost_on, at=AT)


def top_up_failed(code):
    return facts.TopUpFailed(number=3, last_code=code, at=AT)


ANNOUNCED = facts.PriceChangeAnnounced(
    months=1, price=PRICE, saving=SAVING, catalogue_version="c2", applies_from=date(2026, 6, 1), at=AT
)
RECLAIMED = facts.NumberReclaimed(
    term_number=0, by="deadline", quarantined_until=date(2026, 6, 15), balance=PRICE, policy_version="p1", at=AT
)
GIVEN_BACK = facts.RefundSucceeded(refund_id=UUID(int=11), attempt_id=A, amount=PRICE, gateway_ref="back-1", at=AT)
SWITCHED_OFF = facts.AutoRenewSwitchedOff(reason="holder", ends_on=date(2026, 4, 1), lost_on=date(2026, 5, 1), at=AT)
FAILED_VISIBLY = replace(reminder("payment_failed", "1"), code="expired_card")
STOPPED = facts.AutoTopUpStopped(declined=4, last_code="lost_card", at=AT)
FIVE_YUAN = Money(minor=500, currency="CNY")
FAILED_FULLY = replace(
    FAILED_VISIBLY,
    amount=PRICE,
    next_try_at=local("2026-03-30 10:00"),
    suspends_on=date(2026, 4, 3),
    lost_on=date(2026, 5, 1),
)
NOT_TRIED = facts.RenewalRequestEnded(
    term_number=1, withheld="retries_30d", next_try_at=local("2026-03-30 10:00"), at=AT
)
DISPUTED = facts.DisputeRecorded(attempt_id=A, method_id="visa", amount=PRICE, evidence="bank", at=AT)
OPENING = {"term_number": 0, "opens_on": "2026-03-29"}
PAID_IN = {"amount": FIFTEEN}
NOTICES = [
    (ahead("renewal_far_ahead"), "renewal_far_ahead", {**OPENING, **CHARGED_ON, **CANCEL}),
    (ahead("renewal_ahead"), "renewal_ahead", {**OPENING, **CHARGED_ON, **CANCEL}),
    (reminder("renewal_ahead", "2026-03-29"), "renewal_ahead", {**OPENING, **dict.fromkeys(CHARGED_ON), **CANCEL}),
    (reminder("method_expires", "visa"), "method_expires", {"term_number": 0, "method_id": "visa"}),
    (reminder("payment_failed", "2"), "payment_failed", {"term_number": 0, "declines": 2, "code": None, **UNSAID}),
    (FAILED_VISIBLY, "payment_failed", {"term_number": 0, "declines": 1, "code": "expired_card", **UNSAID}),
    (FAILED_FULLY, "payment_failed", {"term_number": 0, "declines": 1, "code": "expired_card", **FAILING}),
    (
        replace(FAILED_FULLY, declined_amount=PRICE, amount=PRICE + FIVE_YUAN, reactivation_fee=FIVE_YUAN),
        "payment_failed",
        {
            "term_number": 0,
            "declines": 1,
            "code": "expired_card",
            **FAILING,
            **FEE,
            "declined_amount": FIFTEEN,
            "amount": {"minor": 2000, "currency": "CNY"},
        },
    ),
    (
        replace(reminder("lapse_ahead", "2026-04-01"), suspends_on=date(2026, 4, 3), lost_on=date(2026, 5, 1)),
        "lapse_ahead",
        {"term_number": 0, "ends_on": "2026-04-01", "suspends_on": "2026-04-03", "lost_on": "2026-05-01"},
    ),
    (reminder("last_chance", "2026-05-01"), "last_chance", {"term_number": 0, "lost_on": "2026-05-01"}),
    (replace(renewed(), method_id="visa"), "renewed", RENEWED),
    (NOT_TRIED, "not_tried", {"next_try_at": "2026-03-30T02:00:00Z"}),
    (grace_started(), "grace", {"term_number": 0, "suspends_on": "2026-04-03"}),
    (suspended(), "suspended", {"term_number": 0, "reclaimed_on": "2026-05-01", "code": "insufficient_funds"}),
    (RECLAIMED, "reclaimed", {"by": "deadline", "quarantined_until": "2026-06-15", "balance": FIFTEEN}),
    (enabled(), "switched_on", AGREED | FEE),
    (replace(enabled(), reactivation_fee=None), "switched_on", AGREED),
    (facts.PeriodChanged(**asdict(enabled())), "period_changed", AGREED | FEE),
    (ANNOUNCED, "price_change", {"months": 1, "price": FIFTEEN, "saving": NOTHING, "applies_from": "2026-06-01"}),
    (
        replace(ANNOUNCED, reactivation_fee=Money(minor=500, currency="CNY")),
        "price_change",
        {"months": 1, "price": FIFTEEN, "saving": NOTHING, "applies_from": "2026-06-01", **FEE},
    ),
    (SWITCHED_OFF, "switched_off", {"reason": "holder", "ends_on": "2026-04-01", "lost_on": "2026-05-01"}),
    (GIVEN_BACK, "refunded", {"amount": FIFTEEN}),
    (facts.RefundRecorded(attempt_id=A, amount=PRICE, evidence="cash", at=AT), "refunded", {"amount": FIFTEEN}),
    (
        facts.TermUndone(undone_number=1, attempt_id=A, term=TERM, at=AT),
        "term_undone",
        {"undone_number": 1, "ends_on": "2026-04-01"},
    ),
    (top_up_failed("expired_card"), "top_up_failed", {"number": 3, "code": "expired_card"}),
    (
        top_up_failed("amount_too_small"),
        "top_up_failed",
        {"number": 3, "code": None, "amount_wanted": "larger"},
    ),
    (STOPPED, "auto_top_up_stopped", {"declined": 4, "code": None}),
    (
        replace(STOPPED, declined=0, last_code="amount_too_large"),
        "auto_top_up_stopped",
        {"declined": 0, "code": None, "amount_wanted": "smaller"},
    ),
    (bound(), "method_bound", METHOD),
    (facts.PaymentMethodUpdated(method=VISA, at=AT), "method_updated", METHOD),
    (removed("mandate_withdrawn"), "method_removed", {"method_id": "visa", "reason": "mandate_withdrawn"}),
    (facts.AutoTopUpSet(threshold=PRICE, amount=PRICE, at=AT), "auto_top_up_set", {"threshold": FIFTEEN, **PAID_IN}),
    (facts.AutoTopUpSet(threshold=None, amount=None, at=AT), "auto_top_up_ended", {}),
    (credited("top_up"), "topped_up", {**PAID_IN, "attempt_id": str(A)}),
    (DISPUTED, "disputed", {"amount": FIFTEEN, "method_id": "visa"}),
    (moved(date(2026, 5, 4)), "dates_moved", {"suspends_on": None, "lost_on": "2026-05-04"}),
    (facts.CardClosed(reason="holder", balance=PRICE, at=AT), "closed", {"balance": FIFTEEN}),
    (facts.HolderChanged(holder_id="holder-2", before="holder-1", at=AT), "holder_changed", {}),
]
UNTOLD = [
    facts.RenewalRequestEnded(term_number=1, at=AT),
    credited("refund"),
    credited("released"),
    moved(None),
    facts.CardClosed(reason="h", balance=SAVING, at=AT),
]
"""Facts of the same kinds that are no news to the holder: nothing is owed, paid in, or other than was said."""


@pytest.mark.parametrize("fact", UNTOLD, ids=lambda fact: type(fact).__name__)
def test_of_what_changes_nothing_for_the_holder_nothing_is_told(fact):
    assert notice_of(recorded(fact)[0]) is None


def test_who_switched_off_is_not_told_of_a_top_up_that_is_not_wanted_any_more():
    assert notice_of(recorded(replace(top_up_failed("expired_card"), withdrawn=True))[0]) is None


@pytest.mark.parametrize(("fact", "kind", "values"), NOTICES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_fact_gives_its_notice(fact, kind, values):
    assert notice_of(recorded(fact, version=7)[0]) == Notice(f"{CARD_ID}:7:{kind}", CARD_ID, kind, fact.at, values)


def test_a_refund_of_which_nothing_went_back_gives_no_notice():
    nothing = facts.RefundRecorded(attempt_id=A, amount=Money(minor=0, currency="CNY"), evidence="list", at=AT)
    assert notice_of(recorded(nothing)[0]) is None


@pytest.mark.parametrize("name", STORED_NAMES)
def test_any_other_fact_gives_no_notice(name):
    recorded = read_fact(0, *stored(name))
    notice = notice_of(recorded)
    told = notice is not None or getattr(recorded.fact, "withdrawn", False)
    assert told == (type(recorded.fact) in {type(fact) for fact, _, _ in NOTICES})
    assert told == (name in NOTICE_FACTS)
    if notice is not None:
        assert json.loads(json.dumps(notice.values)) == notice.values


@pytest.mark.parametrize("code", ["lost_card", "do_not_honor", "never_happened", "a_code_nobody_knows", None])
def test_a_code_that_must_not_be_shown_is_not_in_the_notice(code):
    lost = replace(suspended(), last_code=code)
    failed = replace(reminder("payment_failed", "1"), code=code)
    for fact in (lost, failed, top_up_failed(code)):
        assert notice_of(recorded(fact)[0]).values["code"] is None


def test_no_code_that_blocks_a_method_for_ever_is_shown():
    assert not {code for code in SHOWN_CODES if CONSEQUENCES[code] is Consequence.NEVER}
    assert CONSEQUENCES.keys() > SHOWN_CODES > {"expired_card"}


def test_each_notice_of_a_card_has_its_own_key():
    keys = [notice_of(one).key for one in recorded(*(fact for fact, _, _ in NOTICES))]
    assert len(set(keys)) == len(keys)
