"""What came of a payment that the holder set going, said on the page where they land after it."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from markupsafe import Markup
from starlette.requests import Request

from adapters.web.pages.ahead import next_payment
from adapters.web.pages.history import Entry, Tone, history
from adapters.web.pages.ids import whole_number
from adapters.web.pages.portal import Held, Portal
from adapters.web.voice import Voice
from engine.card import facts
from engine.card.attempt import open_attempts
from engine.envelope import Recorded
from engine.money import Money

SINCE = "since"
"""In an address and in forms: the version of the card before the payment, of which the page says what came of it."""
REFRESHES_MOST = 20
"""A page that waits for the outcome asks again so often, every three seconds."""
LOOKED_AT = 20
"""Facts that are looked at; one payment leads to a few."""


class CameOfIt(NamedTuple):
    """How the payment stands."""

    text: Markup
    tone: Tone = ""
    receipt: UUID | None = None
    again: str | None = None
    """Where to look again; None where the outcome is known."""


async def came_of_it(portal: Portal, request: Request, held: Held, say: Voice) -> CameOfIt | None:
    """What came of the payment that the address of the page tells of; None where it tells of none."""
    since = whole_number(request.query_params.get(SINCE, ""))
    if since is None:
        return None
    found, _ = await portal.newest_of(held, None, LOOKED_AT)
    return said_of(found, since, held, say, again=again_at(request, since=since))


def said_of(found: Sequence[Recorded], since: int, held: Held, say: Voice, *, again: str | None) -> CameOfIt | None:
    """The newest outcome among facts above that version; while one is awaited, that it is."""
    amount = _under_way(held)
    if amount is not None:
        values = {"amount": say.money(amount)}
        text = say("%(amount)s is being charged. This page shows what came of it, and we tell you.", **values)
        return CameOfIt(text, again=again)
    entries = history(found, held.card.methods.bound, (), held.zone, say)
    entry = next((one for one in entries if one.of.version > since and _is_outcome(one)), None)
    if entry is None:
        return None
    is_known = not isinstance(entry.of.fact, facts.ChargeOutcomeUnknown | facts.ChargePending)
    return CameOfIt(entry.text, entry.tone, entry.receipt, None if is_known else again)


def again_at(request: Request, **query: object) -> str | None:
    """The address that shows the page again; None where it was shown often enough."""
    count = whole_number(request.query_params.get("n", "0")) or 0
    return f"{request.url.path}?{urlencode({**query, 'n': count + 1})}" if count < REFRESHES_MOST else None


def _under_way(held: Held) -> Money | None:
    """What is being charged at this moment, or is about to be; None where the bank or the holder is waited for."""
    card = held.card
    attempt = next(iter(open_attempts(card.attempts)), None)
    if attempt is not None:
        awaits_others = attempt.page_until is not None or attempt.unknown is not None or attempt.pending_ref is not None
        reserved = Money(minor=attempt.from_balance, currency=attempt.amount.currency)
        return None if awaits_others else attempt.amount + reserved
    if card.top_ups.under_way is not None:
        return card.top_ups.under_way.amount
    payment = next_payment(card, held.outlook())
    is_due = payment is not None and payment.at <= held.at and not held.rules.charging_stopped
    return payment.total if payment is not None and is_due else None


def _is_outcome(entry: Entry) -> bool:
    match entry.of.fact:
        case facts.BalanceCredited(reason=reason):
            return reason == "top_up"
        case (
            facts.CardRenewed()
            | facts.ChargeFailed()
            | facts.TopUpFailed()
            | facts.RenewalRequestEnded()
            | facts.ChargeOutcomeUnknown()
            | facts.ChargePending()
        ):
            return True
        case _:
            return False
