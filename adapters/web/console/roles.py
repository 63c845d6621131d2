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
    "confirm_reclaim",
    "stop_charging",
    "resume_charging",
    "retry_parked",
    "drop_parked",
    "allow_payment_card",
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
    "confirm_reclaim": "operator",
    "stop_charging": "operator",
    "resume_charging": "operator",
    "retry_parked": "operator",
    "drop_parked": "operator",
    "allow_payment_card": "operator",
}
"""Action → least role."""


def may(role: Role, action: Action) -> bool:
    """Whether that role may do that."""
    return ROLES.index(role) >= ROLES.index(LEAST[action])
