"""What prevented a charge at some point of a card's history, in the order in which it is checked."""

from datetime import datetime

from engine.card.attempt import (
    Attempt,
    CaseOpened,
    ChargeAttempted,
    ChargeOutcomeUnknown,
    ChargePending,
    ChargeWithheld,
)
from engine.card.card import Card
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.custody import CardClosed
from engine.card.deadlines import ChargingBlocked
from engine.card.decline import ChargeFailed
from engine.card.doubt import IN_DOUBT, is_in_doubt
from engine.card.hold import CardHeld
from engine.card.lapse import NumberReclaimed
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, Renewal, RenewalStarted
from engine.why.ahead import tries_left
from engine.why.choice import why_not_chargeable
from engine.why.phrases import SWITCH_OFF_REASONS, clock, count
from engine.why.story import Sentence, Story
from engine.why.trigger import is_try


def obstacles(story: Story, place: int, at: datetime) -> tuple[Sentence, ...]:
    """Why the card as of the fact at `place` was not charged up to `at`."""
    card = story.cards[place]
    if card.status in ("reclaimed", "closed"):
        return (story.fact_sentence(story.origin((NumberReclaimed, CardClosed), place)[0]),)
    if card.attempts.open is not None:
        return (_open(story, place, card.attempts.open, "nothing else is attempted and no deadline passes"),)
    top_up = card.attempts.top_up
    if top_up is None:
        return _not_under_way(story, place, card, at)
    if top_up.unknown is None and top_up.page_until is None:
        return (_open(story, place, top_up, "nothing else is attempted"),)
    about = _open(story, place, top_up, "no other top-up begins, but no renewal waits for it")
    return (about, *_not_under_way(story, place, card, at))


def _not_under_way(story: Story, place: int, card: Card, at: datetime) -> tuple[Sentence, ...]:
    doubted = story.last(CaseOpened, place, lambda one: one.reason == IN_DOUBT) if is_in_doubt(card) else None
    in_doubt = (story.fact_sentence(doubted[0]),) if doubted is not None else ()
    if card.held_since is not None:
        return story.fact_sentence(story.origin(CardHeld, place)[0]), *in_doubt
    if in_doubt:
        return in_doubt
    if card.deadlines.blocked_since is not None:
        return (story.fact_sentence(story.origin(ChargingBlocked, place)[0]),)
    if card.consent is None:
        return (_off(story, place),)
    if card.renewal is None or card.renewal.is_over:
        return (_paid(story, place, card),)
    return _unpaid(story, place, card, card.renewal, at)


def _open(story: Story, place: int, attempt: Attempt, meanwhile: str) -> Sentence:
    about = [
        one
        for one, fact in story.backwards((ChargeAttempted, ChargeOutcomeUnknown, ChargePending, CaseOpened), place)
        if attempt.attempt_id == (fact.about if isinstance(fact, CaseOpened) else fact.attempt_id)
    ]
    since = clock(attempt.attempted_at, story.zone)
    unknown = attempt.unknown
    if unknown is None and attempt.page_until is not None:
        page = f"by attempt {attempt.attempt_id} since {since}, open until {clock(attempt.page_until, story.zone)}"
        return story.sentence(f"The holder may pay on the provider's page, {page}; until then {meanwhile}.", *about)
    state = "is unknown" if attempt.pending_ref is None else "is not decided at the gateway yet"
    asked = f"{state}, asked {count(unknown.asked, 'time')} so far" if unknown else "is not known yet"
    person = ", and a person has been called" if unknown and unknown.case_opened else ""
    text = f"The outcome of attempt {attempt.attempt_id}, under way since {since}, {asked}{person}; until it is known"
    return story.sentence(f"{text} {meanwhile}.", *about)


def _off(story: Story, place: int) -> Sentence:
    off = story.last(AutoRenewSwitchedOff, place)
    if off is None:
        return story.sentence("Auto-renewal had not been switched on.", place)
    at, fact = off
    return story.sentence(
        f"Auto-renewal was off since {story.clock(at)}, switched off {SWITCH_OFF_REASONS[fact.reason]}.", at
    )


def _paid(story: Story, place: int, card: Card) -> Sentence:
    at, fact = story.term_began(place)
    how = "renewed" if isinstance(fact, CardRenewed) else "registered"
    if fact.at >= card.term.ends_at:
        ended = f"with a term that had ended on {card.term.ends_on} already"
        return story.sentence(
            f"The card was registered on {story.clock(at)} {ended}; the next one was not offered yet.", at
        )
    text = (
        f"The term until {card.term.ends_on} was paid already, {how} on {story.clock(at)}, and its renewal was not open"
    )
    opening = [
        one for one in range(place + 1, len(story.records)) if isinstance(story.records[one].fact, RenewalStarted)
    ]
    later = f"; it opened on {story.clock(opening[0])}" if opening else ""
    return story.sentence(f"{text} yet{later}.", at, place, *opening[:1])


def _unpaid(story: Story, place: int, card: Card, renewal: Renewal, at: datetime) -> tuple[Sentence, ...]:
    if not card.methods.bound:
        return (story.sentence("The renewal was open, but no payment method was bound.", place),)
    kept = [found for one in card.methods.bound if (found := why_not_chargeable(story, place, card, one.method_id, at))]
    sentences = tuple(story.sentence(f"Method {text}.", *places) for text, places in kept)
    if len(kept) == len(card.methods.bound):
        return (*sentences, story.sentence("So there was no payment method that could be charged.", place))
    return (*sentences, _ladder(story, place, card, renewal))


def _is_late(fact: ReminderDue) -> bool:
    """Whether the notice of a charge came so late that it is not made when the renewal opens."""
    return fact.kind == "renewal_ahead" and fact.charge_on is not None and str(fact.charge_on) > fact.about


def _ladder(story: Story, place: int, card: Card, renewal: Renewal) -> Sentence:
    tried = story.last((ChargeFailed, ChargeWithheld), place, is_try)
    places = [place, *([tried[0]] if tried else [])]
    if renewal.rung_at is None:
        late = story.last(ReminderDue, place, lambda fact: fact.term_number == card.term.number and _is_late(fact))
        if late is not None:
            text = f"The holder was notified of the charge on {story.clock(late[0])}, to be made on {late[1].charge_on}"
            return story.sentence(f"{text}; nothing is charged automatically before that.", late[0], *places)
        text = "The renewal was offered ahead of its time, and the retry ladder had not begun yet."
        return story.sentence(text, *places)
    code = f", last with code {renewal.last_code}" if renewal.last_code else ""
    text = (
        f"Rung {renewal.rung} of the retry ladder, begun on {clock(renewal.rung_at, story.zone)}, had come to nothing"
    )
    then = "the next one was not due yet" if tries_left(card) else "it was the last one before the number is lost"
    return story.sentence(f"{text}{code}; {then}.", *places)
