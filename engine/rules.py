"""What a decision needs besides the card and the time."""

from engine.catalogue import Catalogue
from engine.policy import Policy
from engine.value import Value


class Rules(Value):
    """Policy, catalogue and the operator's stop, read once per batch."""

    policy: Policy
    catalogue: Catalogue
    charging_stopped: bool = False
    """The operator has stopped all charging."""
