"""What each kind of notice is worth: how long it is news, whether it also comes as an SMS, and when that may wait.

Kinds that are not in the engine's list are messages of accounts: codes, and what concerns a sign-in.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, NamedTuple

Channel = Literal["email", "sms"]
OTHER: Mapping[Channel, Channel] = {"email": "sms", "sms": "email"}

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_A_MONTH = 30 * _DAY


class Kind(NamedTuple):
    """How a kind of notice is treated."""

    news_for: timedelta
    """After that it is not sent any more: neither by an import, nor by a first start over an old log."""
    also_sms: bool = False
    """It comes as an SMS beside the e-mail; else as one only where there is no e-mail."""
    may_wait: bool = True
    """As an SMS it waits until the morning, and until the next day where one came already on this."""
    every_time: bool = False
    """It comes beside the one SMS that a card may cause in a day."""
    optional: bool = False
    """The holder may do without it; all others are wanted by law, or the number depends on them."""
    once: bool = False
    """It is not sent again where it may have arrived."""


CODE = Kind(10 * timedelta(minutes=1), may_wait=False, every_time=True, once=True)
"""A code that lives for minutes."""
SECURITY = Kind(7 * _DAY, may_wait=False, every_time=True)
"""A change to an account, of which its holder learns at once."""

KINDS: Mapping[str, Kind] = {
    "renewal_far_ahead": Kind(7 * _DAY),
    "renewal_ahead": Kind(5 * _DAY),
    "method_expires": Kind(14 * _DAY, optional=True),
    "payment_failed": Kind(_DAY, also_sms=True),
    "not_tried": Kind(3 * _DAY),
    "lapse_ahead": Kind(5 * _DAY, also_sms=True),
    "last_chance": Kind(3 * _DAY, also_sms=True, may_wait=False, every_time=True),
    "renewed": Kind(_A_MONTH),
    "grace": Kind(3 * _DAY, also_sms=True),
    "suspended": Kind(7 * _DAY, also_sms=True, may_wait=False),
    "reclaimed": Kind(_A_MONTH, also_sms=True),
    "dates_moved": Kind(7 * _DAY),
    "switched_on": Kind(_A_MONTH),
    "period_changed": Kind(_A_MONTH),
    "price_change": Kind(_A_MONTH),
    "switched_off": Kind(_A_MONTH),
    "method_bound": Kind(7 * _DAY),
    "method_updated": Kind(7 * _DAY),
    "method_removed": Kind(7 * _DAY),
    "refunded": Kind(_A_MONTH),
    "term_undone": Kind(_A_MONTH),
    "disputed": Kind(14 * _DAY),
    "auto_top_up_set": Kind(_A_MONTH),
    "auto_top_up_ended": Kind(7 * _DAY),
    "auto_top_up_stopped": Kind(7 * _DAY),
    "topped_up": Kind(_A_MONTH),
    "top_up_failed": Kind(3 * _DAY),
    "closed": Kind(_A_MONTH),
    "holder_changed": Kind(7 * _DAY, also_sms=True, may_wait=False, every_time=True),
}
"""Of the cards' notices."""


def kind_of(name: str) -> Kind:
    """How a notice or a message of this name is treated; what is not known here is a message of accounts."""
    known = KINDS.get(name)
    if known is not None:
        return known
    return CODE if name == "code" else SECURITY
