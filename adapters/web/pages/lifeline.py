"""The lifeline: one line that says how long a number is safe."""

from datetime import date, datetime
from typing import Literal, NamedTuple

from markupsafe import Markup

from adapters.web.pages.standing import FINAL, Standing, beneath
from adapters.web.voice import Voice
from engine.calendar import local_date
from engine.card.card import Card
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.facts import CardFacts
from engine.card.term import CardRenewed

FULL = 100


class Stretch(NamedTuple):
    """A part of the line: service paid, planned, in grace or off, or the loss of the number."""

    kind: Literal["paid", "plan", "grace", "off", "lost"]
    label: Markup
    text: Markup
    now: int | None = None
    """Where today is, in percent of the part; None: not in it."""


def lifeline(card: Card, standing: Standing, foreseen: CardFacts, say: Voice, at: datetime) -> tuple[Stretch, ...]:
    """The parts of a card's line; () for a number that is gone."""
    if standing in FINAL:
        return ()
    if standing == "paying":
        standing = beneath(card)
    term, renewed = card.term, _renewed(foreseen)
    paid = Stretch("paid", say("Paid to"), say.narrow_day(term.ends_on), _share(term.starts_at, term.ends_at, at))
    if renewed is not None and standing not in ("payment_failed", "grace", "suspended", "waiting"):
        return paid, Stretch("plan", say("Renewed to"), say.narrow_day(renewed.term.ends_on))
    if standing == "active" and not foreseen:  # something is being looked up, and nothing is lost meanwhile
        return (paid,)
    lost_at = reclaims_at(card)
    lost = Stretch("lost", say("Number lost"), say.narrow_day(local_date(lost_at, term.zone)))
    off_at = suspends_at(card)
    stretches = [paid]
    if off_at > term.ends_at and card.status != "suspended":
        grace_to = say.narrow_day(local_date(off_at, term.zone))
        stretches.append(Stretch("grace", say("Grace until"), grace_to, _share(term.ends_at, off_at, at)))
    days = (local_date(lost_at, term.zone) - _off_on(card, off_at)).days
    off = say.many("%(count)s day", "%(count)s days", days)
    stretches += [Stretch("off", say("Service off"), off, _share(off_at, lost_at, at)), lost]
    return tuple(stretches)


def _renewed(foreseen: CardFacts) -> CardRenewed | None:
    return next((one for one in foreseen if isinstance(one, CardRenewed)), None)


def _off_on(card: Card, off_at: datetime) -> date:
    return local_date(off_at, card.term.zone)


def _share(begins: datetime, ends: datetime, at: datetime) -> int | None:
    if not begins <= at < ends:
        return None
    return round(FULL * ((at - begins) / (ends - begins)))
