"""The reasons on which code branches, as closed sets; facts store them as strings, so that old logs can be read."""

from typing import Literal, get_args

from typing_extensions import TypeIs

WaitReason = Literal[
    "renewal_opens",
    "next_rung",
    "balance_pays",
    "method_delayed",
    "soon",
    "term_ends",
    "grace_ends",
    "reclaim",
    "reminder",
    "notice_awaited",
    "answer_awaited",
    "outcome_unknown",
    "charge_pending",
    "page_open",
    "refund_awaited",
    "charging_stopped",
    "gateway_down",
    "open_tries",
    "top_up_gap",
    "restored",
    "auto_renew_off",
    "no_try_left",
    "number_lost",
    "held",
    "number_in_doubt",
    "reclaimed",
    "closed",
]
"""Why a card waits. The last seven wait for no instant, except for `held` until the carrier's date."""

PlanReason = Literal[WaitReason, "due"]
"""The reason in `Deferred` and `Replanned`: that of the wait, or that something is due at once."""

WithheldReason = Literal["advice_delay", "delayed", "never"]
"""Why a try is withheld; any other reason is the name of a network limit in the edition that the fact names."""

CaseReason = Literal[
    "outcome_unknown",
    "charge_pending",
    "refund_unknown",
    "refund_disputed",
    "refund_owed",
    "number_may_be_lost",
    "charge_unexplained",
]
"""What a person is to find out or do: what became of an attempt or of a refund; whether a refund was made of a charge
that the holder's bank took back too; give back what is owed again; whether the number still exists; or what a charge
was for that a restored log does not know."""

_PLAN_REASONS = frozenset(get_args(PlanReason))
_WITHHELD_REASONS = frozenset(get_args(WithheldReason))


def is_plan_reason(reason: str) -> TypeIs[PlanReason]:
    """Whether a stored reason is one that is written today."""
    return reason in _PLAN_REASONS


def is_withheld_reason(reason: str) -> TypeIs[WithheldReason]:
    """Whether a try was withheld for a reason of our own, not by a network limit."""
    return reason in _WITHHELD_REASONS
