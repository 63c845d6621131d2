"""The payment methods of the simulated gateway: a token determines how its method behaves (see simulated.py)."""

from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from adapters.gateways.behaviour import GOOD, Behaviour
from engine.errors import GatewayMisuseError

_DECLINES = {"expired": "expired_card", "lost": "lost_card"}
FAILURES = {  # the reason returned for a new request instead of its outcome, and how probably it arrived
    "timeout_charged": ("timeout", 1.0),
    "timeout_uncharged": ("timeout", 0.0),
    "server_error": ("server_error", 0.5),
    "silent": ("timeout", 0.0),
}
_WITHOUT_ARGUMENT = {"good", "slow", *_DECLINES, *FAILURES}


class Method(NamedTuple):
    """How one payment method behaves: by its name, and what becomes of a charge that arrives."""

    behaviour: str
    decides: Behaviour = GOOD


@lru_cache(maxsize=65_536)
def method_of(token: str) -> Method:
    """The method of a token; raises GatewayMisuseError for one that is no payment method."""
    with suppress(ValueError):
        match token.split(":"):
            case ["sim", behaviour, _] if behaviour in _WITHOUT_ARGUMENT:
                return Method(behaviour, Behaviour(_DECLINES.get(behaviour, "")))
            case ["sim", "insufficient_until" as behaviour, day, _]:
                return Method(behaviour, Behaviour("insufficient_funds", good_from=date.fromisoformat(day)))
            case ["sim", "declined" as behaviour, codes, _] if codes.partition("+")[0]:
                return Method(behaviour, Behaviour(codes))
            case ["sim", "flaky" as behaviour, argument, _]:
                percent, _, codes = argument.partition("+")
                return Method(behaviour, Behaviour(codes or "do_not_honor", percent=int(percent)))
            case _:
                pass
    raise GatewayMisuseError(f"no such payment method: {token}")
