"""The card: the record of its parts. How facts add up to it stands in evolve.py."""

from uuid import UUID

from engine.calendar import Instant, Term
from engine.card.attempt import Attempts
from engine.card.balance import Balance
from engine.card.consent import Announced, Consent
from engine.card.custody import Custody, Status
from engine.card.deadlines import Deadlines
from engine.card.doubt import Doubt
from engine.card.gap import GapState
from engine.card.hold import Hold
from engine.card.methods import Methods
from engine.card.payments import Payments
from engine.card.refunds import Refunds
from engine.card.reminders import NONE_YET, Reminded
from engine.card.term import Renewal
from engine.card.top_ups import TopUps
from engine.card.undoing import Before
from engine.value import Value

STATE_VERSION = 16
"""Part of every snapshot; raise it when Card, evolve or the checksum changes, and old snapshots are passed over."""


class Card(Value):
    """One number-keeping card."""

    card_id: UUID
    custody: Custody
    term: Term
    anchor_day: int
    deadlines: Deadlines
    status: Status = "active"
    hold: Hold | None = None
    doubt: Doubt | None = None
    methods: Methods = Methods()
    consent: Consent | None = None
    announced: Announced = ()
    renewal: Renewal | None = None
    attempts: Attempts = Attempts()
    balance: Balance = Balance()
    top_ups: TopUps = TopUps()
    payments: Payments = ()
    refunds: Refunds = ()
    reminded: Reminded = NONE_YET
    aware_at: Instant | None = None
    """When the holder got the card or, if later, switched auto-renewal off."""
    before: Before | None = None
    gap: GapState = GapState()

    @property
    def held_since(self) -> Instant | None:
        """Since when the card is on hold; None: it is not."""
        return None if self.hold is None else self.hold.since
