"""What a decision needs besides the card and the time."""

from engine.catalogue import Catalogue
from engine.policy import STRICTEST, Policy, ReminderRule
from engine.value import Value


class Rules(Value):
    """Policy, catalogue and the operator's stop, read once per batch."""

    policy: Policy
    catalogue: Catalogue
    charging_stopped: bool = False
    """The operator has stopped all charging."""

    def reminder_rule(self, plan: str) -> ReminderRule:
        """What precedes a charge for holders of `plan`; the strictest rule if the plan is not sold any more."""
        known = self.catalogue.plans.get(plan)
        return self.policy.reminder_rule(known.market if known is not None else STRICTEST)
