"""Who may do what at the console: each action, and the least role that may do it."""

from collections.abc import Mapping
from typing import Literal

Role = Literal["read", "support", "operator"]
"""`read` sees no personal data, `support` sees it and speaks for holders, `operator` moves money and the system."""
ROLES: tuple[Role, ...] = ("read", "support", "operator")
"""Each may do what those before it may."""

Action = Literal[
    "enter",
    "see",
    "look_up",
    "see_card",
    "see_personal_data",
    "resend_notice",
    "switch_off",
    "hold",
    "release",
    "refund",
    "record_refund",
    "resolve",
    "confirm_number",
    "close_difference",
    "confirm_reclaim",
    "stop_charging",
    "resume_charging",
    "retry_parked",
    "drop_parked",
    "allow_payment_card",
    "see_operators",
    "remove_passkeys",
]

LEAST: Mapping[Action, Role] = {
    "enter": "read",
    "see": "read",
    "look_up": "read",
    "see_card": "read",
    "see_personal_data": "support",
    "resend_notice": "support",
    "switch_off": "support",
    "hold": "operator",
    "release": "operator",
    "refund": "operator",
    "record_refund": "operator",
    "resolve": "operator",
    "confirm_number": "operator",
    "close_difference": "operator",
    "confirm_reclaim": "operator",
    "stop_charging": "operator",
    "resume_charging": "operator",
    "retry_parked": "operator",
    "drop_parked": "operator",
    "allow_payment_card": "operator",
    "see_operators": "operator",
    "remove_passkeys": "support",
}
"""Action → least role."""
PROVED_AGAIN: frozenset[Action] = frozenset(
    {"refund", "record_refund", "resolve", "stop_charging", "resume_charging", "remove_passkeys"}
)
"""What moves money, or opens the way into an account: the second factor is asked for once more."""


def may(role: Role, action: Action) -> bool:
    """Whether that role may do that."""
    return ROLES.index(role) >= ROLES.index(LEAST[action])
