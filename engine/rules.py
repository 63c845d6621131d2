"""All that a decision needs besides the card and the time."""

from dataclasses import dataclass

from engine.catalogue import Catalogue
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """Policy, catalogue and the operator's word, read once per batch."""

    policy: Policy
    catalogue: Catalogue
    charging_stopped: bool = False
    """The operator has stopped all charging."""
