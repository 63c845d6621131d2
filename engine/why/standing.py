"""What stood in the way of a charge at some point of a card's history, in the order in which it is asked."""

from datetime import datetime

from engine.card.attempt import Attempt, CaseOpened, ChargeAttempted, ChargeOutcomeUnknown, ChargeWithheld
from engine.card.card import Card
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.custody import CardClosed, CardRegistered
from engine.card.deadlines import ChargingBlocked
from engine.card.decline import ChargeFailed
from engine.card.hold import CardHeld
from engine.card.lapse import NumberReclaimed
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, Renewal, RenewalStarted
from engine.why.ahead import tries_left
from engine.why.choice import kept_from
from engine.why.story import Said, Story
from engine.why.words import SWITCHED_OFF, clock, count


def standing(story: Story, place: int, at: datetime) -> tuple[Said, ...]:
    """Why the card as of the fact at `place` was not charged up to `at`."""
    card = story.cards[place]
    if card.status in ("reclaimed", "closed"):
        return (story.tell(story.origin((NumberReclaimed, CardClosed), place)[0]),)
    if card.attempts.open is not None:
        return (_open(story, place, card.attempts.open),)
    if card.held_since is not None:
        return (story.tell(story.origin(CardHeld, place)[0]),)
    if card.deadlines.blocked_since is not None:
        return (story.tell(story.origin(ChargingBlocked, place)[0]),)
    if card.consent is None:
        return (_off(story, place),)
    if card.renewal is None:
        return (_paid(story, place, card),)
    return _unpaid(story, place, card, card.renewal, at)


def _open(story: Story, place: int, attempt: Attempt) -> Said:
    about = [
        one
        for one, fact in story.backwards((ChargeAttempted, ChargeOutcomeUnknown, CaseOpened), place)
        if attempt.attempt_id == (fact.about if isinstance(fact, CaseOpened) else fact.attempt_id)
    ]
    since = clock(attempt.attempted_at, story.zone)
    unknown = attempt.unknown
    asked = f"is unknown, asked {count(unknown.asked, 'time')} so far" if unknown else "is not known yet"
    person = ", and a person has been called" if unknown and unknown.case_opened else ""
    text = f"The outcome of attempt {attempt.attempt_id}, under way since {since}, {asked}{person}; until it is known"
    return story.say(f"{text} nothing else is attempted and no deadline passes.", *about)


def _off(story: Story, place: int) -> Said:
    off = story.last(AutoRenewSwitchedOff, place)
    if off is None:
        return story.say("Auto-renewal had not been switched on.", place)
    at, fact = off
    return story.say(f"Auto-renewal was off since {story.clock(at)}, switched off {SWITCHED_OFF[fact.reason]}.", at)


def _paid(story: Story, place: int, card: Card) -> Said:
    at, fact = story.origin((CardRenewed, CardRegistered), place)
    how = "renewed" if isinstance(fact, CardRenewed) else "registered"
    text = (
        f"The term until {card.term.ends_on} was paid already, {how} on {story.clock(at)}, and its renewal was not open"
    )
    opening = [
        one for one in range(place + 1, len(story.records)) if isinstance(story.records[one].fact, RenewalStarted)
    ]
    later = f"; it opened on {story.clock(opening[0])}" if opening else ""
    return story.say(f"{text} yet{later}.", at, place, *opening[:1])


def _unpaid(story: Story, place: int, card: Card, renewal: Renewal, at: datetime) -> tuple[Said, ...]:
    if not card.methods.bound:
        return (story.say("The renewal was open, but no payment method was bound.", place),)
    kept = [found for one in card.methods.bound if (found := kept_from(story, place, card, one.method_id, at))]
    said = tuple(story.say(f"Method {text}.", *places) for text, places in kept)
    if len(kept) == len(card.methods.bound):
        return (*said, story.say("So there was no payment method that could be charged.", place))
    return (*said, _ladder(story, place, card, renewal))


def _is_late(fact: ReminderDue) -> bool:
    """Whether the notice of a charge came so late that it is not made when the renewal opens."""
    return fact.kind == "renewal_ahead" and fact.charge_on is not None and str(fact.charge_on) > fact.about


def _ladder(story: Story, place: int, card: Card, renewal: Renewal) -> Said:
    tried = story.last((ChargeFailed, ChargeWithheld), place, lambda fact: fact.top_up is None)
    places = [place, *([tried[0]] if tried else [])]
    if renewal.rung_at is None:
        told = story.last(ReminderDue, place, lambda fact: fact.term_number == card.term.number and _is_late(fact))
        if told is not None:
            text = f"The holder was told of the charge on {story.clock(told[0])}, to be made on {told[1].charge_on}"
            return story.say(f"{text}; nothing is charged by itself before that.", told[0], *places)
        text = "The renewal was offered ahead of its time, and the retry ladder had not begun yet."
        return story.say(text, *places)
    code = f", last with code {renewal.last_code}" if renewal.last_code else ""
    text = (
        f"Rung {renewal.rung} of the retry ladder, begun on {clock(renewal.rung_at, story.zone)}, had come to nothing"
    )
    then = "the next one was not due yet" if tries_left(card) else "it was the last one before the number is lost"
    return story.say(f"{text}{code}; {then}.", *places)
