"""What a decision needs besides the card and the time."""

from datetime import datetime

from engine.catalogue import Catalogue
from engine.policy import STRICTEST, Policy, ReminderRule
from engine.provider import Provider
from engine.value import Value


class Gap(Value):
    """The time of which a restored log may have lost facts: from its newest one to the restore."""

    since: datetime
    until: datetime


class Rules(Value):
    """Policy, catalogue, provider, the operator's stop, a restore and the trust in the clock, read once per batch."""

    policy: Policy
    catalogue: Catalogue
    provider: Provider = Provider()
    charging_stopped: bool = False
    """No charge may be made for the moment: the operator has stopped all charging, or the gateway is down."""
    gateway_down: bool = False
    """The gateway has not answered for so long that nothing is sent; open attempts are looked up all the same."""
    clock_ahead_until: datetime | None = None
    """Decisions were made by a clock that ran ahead, up to this time; None where that was never noticed."""

    restored: Gap | None = None
    """The database was restored, and the gap is not closed yet; None where all is known."""

    def reminder_rule(self, plan: str) -> ReminderRule:
        """What precedes a charge for holders of `plan`; the strictest rule if the plan is not sold any more."""
        known = self.catalogue.plans.get(plan)
        return self.policy.reminder_rule(known.market if known is not None else STRICTEST)
