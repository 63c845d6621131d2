"""Cards of a restored database, and what the gateway lists of their charges."""

from msgspec.structs import replace

from engine.card.deadlines import DeadlinesMoved
from engine.card.found import close_gap
from engine.card.gap import GapClosed
from engine.card.recall import Past
from engine.card.waking import Deferred
from engine.ports import ChargesFound, FoundCharge
from engine.rules import Gap
from tests.engine.given_when_then import Given, Then, fact
from tests.engine.samples import CARD_ID, MONTH_PRICE, OPENS_AT, PROVIDER, RULES, VISA, attempt_id, local

BACKUP_AT = local("2026-03-28 12:00")
"""A day before the renewal opens."""
RESTORED_AT = local("2026-03-30 12:00")
COMPLETE_AT = RESTORED_AT + PROVIDER.never_happened_after
RESTORED = replace(RULES, restored=Gap(BACKUP_AT, RESTORED_AT))
WAITS = fact(Deferred, reason="restored", until=COMPLETE_AT)
CLOSED = fact(GapClosed, until=RESTORED_AT)
MOVED = fact(DeadlinesMoved, reason="restored", by=COMPLETE_AT - OPENS_AT)


def nothing_older(_):
    return None


def charge(attempt=None, *, purpose="renewal:1", amount=MONTH_PRICE, refunded=0, token=VISA.token) -> FoundCharge:
    return FoundCharge(
        attempt_id=attempt or attempt_id(),
        card_id=CARD_ID,
        purpose=purpose,
        token=token,
        amount=amount,
        refunded_minor=refunded,
        gateway_ref="ref-lost",
        charged_at=OPENS_AT,
    )


def found(card: Given, *charges: FoundCharge, at=COMPLETE_AT, rules=RESTORED, recall=nothing_older, history=()) -> Then:
    return card.when(
        close_gap, ChargesFound(charges=charges), rules, Past(recall, nothing_older, lambda: history), at=at
    )
