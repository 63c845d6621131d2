"""Why a card was suspended, why its number was reclaimed, and why charges were refunded."""

from engine.card.attempt import CaseOpened
from engine.card.balance import BalanceCredited
from engine.card.deadlines import DeadlinesMoved
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundFailed, RefundOutcomeUnknown, RefundRecorded, RefundStarted, RefundSucceeded
from engine.why.obstacles import obstacles
from engine.why.phrases import count
from engine.why.story import Sentence, Story

_RETURNS = (
    ChargeSucceeded,
    RefundStarted,
    RefundSucceeded,
    RefundOutcomeUnknown,
    RefundFailed,
    RefundRecorded,
    DisputeRecorded,
    DisputeWon,
    BalanceCredited,
    CaseOpened,
)


def suspension(story: Story) -> tuple[Sentence, ...]:
    """Why the service was switched off the last time; () if it never was."""
    found = story.last(Suspended, story.end)
    if found is None:
        return ()
    place, fact = found
    began = _term_began(story, place)
    keep, term = story.cards[place].deadlines.keep, story.cards[place].term
    grace = [one for one, _ in story.backwards(GraceStarted, place) if one > began]
    kind = f"the keep rule allows {count(keep.grace_days, 'day')} of grace" if keep.grace_days else "it knows no grace"
    text = f"Term {fact.term_number} ended on {term.ends_on}, {kind}, and the next term was not paid by then."
    return (
        story.fact_sentence(place),
        story.sentence(text, began, *grace, place),
        *_moves(story, place),
        *_why(story, place),
    )


def reclaim(story: Story) -> tuple[Sentence, ...]:
    """Why the number was lost; () if it was not."""
    found = story.last(NumberReclaimed, story.end)
    if found is None:
        return ()
    place, fact = found
    keep, term = story.cards[place].deadlines.keep, story.cards[place].term
    began = _term_began(story, place)
    days = f"{count(keep.reclaim_days, 'day')} after that"
    if fact.by == "carrier":
        text = f"Term {fact.term_number} runs until {term.ends_on}; by the keep rule an unpaid number is lost {days}."
        return story.fact_sentence(place), story.sentence(text, began, place)
    text = f"Term {fact.term_number} ended on {term.ends_on}, and by the keep rule an unpaid number is lost {days}."
    return (story.fact_sentence(place), story.sentence(text, began, place), *_moves(story, place), *_why(story, place))


def refunds(story: Story) -> tuple[Sentence, ...]:
    """Each charge that was or is to be refunded, disputed or credited, why, and the outcome; () if there is none."""
    back = story.backwards((RefundStarted, RefundRecorded, DisputeRecorded), story.end)
    credited = story.backwards(BalanceCredited, story.end, lambda fact: fact.reason == "refund")
    ids = {fact.attempt_id for _, fact in back} | {fact.about for _, fact in credited if fact.about}
    ids |= {fact.refund_id for _, fact in story.backwards(RefundStarted, story.end)}
    shown = [
        place
        for place, fact in story.backwards(_RETURNS, story.end)
        if not ids.isdisjoint(getattr(fact, name, None) for name in ("attempt_id", "refund_id", "about"))
    ]
    return tuple(story.fact_sentence(place) for place in reversed(shown))


def _why(story: Story, place: int) -> tuple[Sentence, ...]:
    return obstacles(story, place - 1, story.records[place].fact.at)


def _term_began(story: Story, upto: int) -> int:
    return story.term_began(upto)[0]


def _moves(story: Story, upto: int) -> tuple[Sentence, ...]:
    began = _term_began(story, upto)
    moves = [place for place, _ in story.backwards(DeadlinesMoved, upto) if place > began]
    return tuple(story.fact_sentence(place) for place in reversed(moves))
