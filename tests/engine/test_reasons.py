"""The closed sets of reasons contain every reason that is written."""

from typing import get_args

from engine.card.attempt import CaseOpened, ChargeWithheld
from engine.card.waking import Deferred, Replanned
from engine.networks import NETWORK_LIMITS
from engine.reasons import CaseReason, PlanReason, WithheldReason, is_plan_reason, is_withheld_reason
from tests.engine.random_histories import random_history


def test_every_reason_in_random_histories_is_known():
    facts = [fact for seed in range(60) for fact in random_history(seed, 60).facts]
    limits = {limit.name for limit in NETWORK_LIMITS}
    assert {one.reason for one in facts if isinstance(one, Deferred | Replanned)} <= set(get_args(PlanReason))
    assert {one.reason for one in facts if isinstance(one, CaseOpened)} <= set(get_args(CaseReason))
    assert {one.reason for one in facts if isinstance(one, ChargeWithheld)} <= {*get_args(WithheldReason), *limits}


def test_a_reason_of_an_old_log_may_be_another():
    assert is_plan_reason("term_ends")
    assert is_plan_reason("due")
    assert not is_plan_reason("case")
    assert is_withheld_reason("never")
    assert not is_withheld_reason("retries_30d")
