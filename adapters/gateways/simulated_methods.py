"""The payment methods of the simulated gateway: a token determines how its method behaves (see simulated.py)."""

from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from engine.errors import GatewayMisuseError

DECLINES = {"expired": "expired_card", "lost": "lost_card"}
FAILURES = {  # the reason returned for a new request instead of its outcome, and how probably it arrived
    "timeout_charged": ("timeout", 1.0),
    "timeout_uncharged": ("timeout", 0.0),
    "server_error": ("server_error", 0.5),
    "silent": ("timeout", 0.0),
}
_WITHOUT_ARGUMENT = {"good", "slow", *DECLINES, *FAILURES}


class Method(NamedTuple):
    """How one payment method behaves."""

    behaviour: str
    good_from: date = date.min
    percent: int = 0
    codes: str = ""


@lru_cache(maxsize=65_536)
def method_of(token: str) -> Method:
    """The method of a token; raises GatewayMisuseError for one that is no payment method."""
    with suppress(ValueError):
        match token.split(":"):
            case ["sim", behaviour, _] if behaviour in _WITHOUT_ARGUMENT:
                return Method(behaviour)
            case ["sim", "insufficient_until" as behaviour, day, _]:
                return Method(behaviour, good_from=date.fromisoformat(day))
            case ["sim", "declined" as behaviour, codes, _] if codes.partition("+")[0]:
                return Method(behaviour, codes=codes)
            case ["sim", "flaky" as behaviour, argument, _]:
                percent, _, codes = argument.partition("+")
                return Method(behaviour, percent=int(percent), codes=codes or "do_not_honor")
            case _:
                pass
    raise GatewayMisuseError(f"no such payment method: {token}")
