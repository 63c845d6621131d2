"""What a holder has chosen so far on the way to auto-renewal; kept in the session, with what was shown."""

from hashlib import sha256
from typing import NamedTuple

from adapters.directory.sessions import save_draft
from adapters.web.pages.naming import is_period
from adapters.web.pages.visit import CardVisit
from engine.catalogue import Period


class Draft(NamedTuple):
    """What the holder has chosen so far; amounts in minor units, as they were shown."""

    months: Period
    price: int
    version: str
    fee: int | None
    order: tuple[str, ...] = ()
    balance_first: bool = False
    has_payment: bool = False
    """Whether the step of the payment was passed."""


def seal_of(draft: Draft) -> str:
    """Stands in the form beside what it shows, so that nobody agrees to what was chosen in another tab since."""
    return sha256(repr(draft).encode()).hexdigest()[:16]


def _key(visit: CardVisit) -> str:
    return f"renewal:{visit.card_id}"


def draft_of(visit: CardVisit) -> Draft | None:
    """What was chosen for this card; None: nothing yet, or the choice has been confirmed."""
    kept = visit.visitor.draft.get(_key(visit))
    if not isinstance(kept, dict) or is_period(str(kept.get("months"))) is None:
        return None
    try:
        return Draft(**{**kept, "order": tuple(kept.get("order", ()))})
    except TypeError:  # of another version of the form
        return None


async def save(visit: CardVisit, draft: Draft | None) -> None:
    """Keep the choice; None forgets it."""
    async with visit.portal.pool.connection() as connection:
        kept = None if draft is None else {**draft._asdict(), "order": list(draft.order)}
        await save_draft(connection, visit.visitor.session_id, _key(visit), kept)
