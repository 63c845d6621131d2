"""A charge that may not be made is a fact with its reason."""

from datetime import timedelta

from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.deadlines import DeadlinesMoved
from engine.card.next import advance
from engine.card.reminders import ReminderDue
from engine.card.term import RenewalStarted
from engine.networks import EDITION, Limited
from tests.engine.given_when_then import given
from tests.engine.samples import (
    DECLINED,
    OPENS_AT,
    PAYING,
    PAYPAL,
    RULES,
    SECOND,
    VISA,
    attempted,
    bound,
    enabled,
    failed,
    local,
    registered,
    reminded,
    suspended,
)


def test_a_limited_method_is_withheld_with_its_rule_and_the_next_one_is_tried():
    card = given(registered(), bound(VISA), bound(PAYPAL), enabled()).card
    until = OPENS_AT + timedelta(days=2)
    _, facts, _ = advance(card, RULES, OPENS_AT, {"visa": Limited("retries_30d", until)})
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld, ChargeAttempted]
    assert (facts[1].reason, facts[1].until, facts[1].limits_edition) == ("retries_30d", until, EDITION)
    assert facts[2].method_id == "paypal"


def test_a_blocked_payment_card_is_never_tried_again():
    card, facts, _ = advance(given(*PAYING).card, RULES, OPENS_AT, {"visa": Limited("never", None)})
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld, ReminderDue]
    assert card.methods.ended == {"visa": "never"}


def test_a_last_try_that_may_not_be_made_is_a_fact_with_its_reason():
    last = local("2026-04-30 10:00")
    late = failed(2, 8, at=local("2026-04-29 10:00"))
    delayed = replace(late, not_before=local("2026-05-07 10:00"))
    rung = attempted(2, 8, at=local("2026-04-29 10:00") - SECOND)
    then = given(*DECLINED, suspended(), rung, delayed, reminded(2)).at(last)
    (withheld,) = [one for one in then.facts if isinstance(one, ChargeWithheld)]
    assert (withheld.reason, withheld.last_rung) == ("advice_delay", True)


def test_a_last_try_that_a_network_limit_forbids_says_which():
    last, until = local("2026-04-30 10:00"), local("2026-05-07 10:00")
    rung = attempted(2, 8, at=local("2026-04-28 10:00"))
    late = failed(2, 8, at=local("2026-04-28 10:00") + SECOND)
    card, facts, _ = advance(
        given(*DECLINED, suspended(), rung, late, reminded(2)).card,
        RULES,
        last,
        {"visa": Limited("retries_30d", until)},
    )
    (withheld,) = [one for one in facts if isinstance(one, ChargeWithheld)]
    assert (withheld.reason, withheld.until, withheld.last_rung) == ("retries_30d", until, True)
    moved = DeadlinesMoved(reason="held", by=timedelta(days=3), at=last + SECOND)
    later = given(*DECLINED, suspended(), rung, late, reminded(2), *facts, moved).at(last + timedelta(days=3))
    (again,) = [one for one in later.facts if isinstance(one, ChargeWithheld)]
    assert (again.reason, again.until, again.limits_edition) == ("retries_30d", until, EDITION)
    assert card.status == "suspended"
