"""Why a card was not charged on a certain day."""

from datetime import date, timedelta

from engine.calendar import local_date, start_of_day
from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.term import CardRenewed
from engine.why.ahead import ahead
from engine.why.obstacles import obstacles
from engine.why.outcome import what_became
from engine.why.story import Sentence, Story


def not_charged(story: Story, day: date) -> tuple[Sentence, ...]:
    """What prevented a charge for the next term on a local day of the term's zone; or that it was made."""
    upto = [place for place in range(len(story.records)) if _day_of(story, place) <= day]
    if not upto:
        text = f"On {day} the card was not in our care yet: it was registered on {story.clock(0)} ({story.zone})."
        return (story.sentence(text, 0),)
    place = upto[-1]
    of_day = [one for one in upto if _day_of(story, one) == day]
    charged = [one for one in of_day if _charges(story, one)]
    if charged:
        begun = story.sentence(f"On {day} a charge for the next term was made.", *charged)
        details = [sentence for one in charged for sentence in (story.fact_sentence(one), *_outcome(story, one))]
        return (begun, *dict.fromkeys(details))
    others = [one for one in of_day if isinstance(story.records[one].fact, ChargeAttempted | ChargeWithheld)]
    end_of_day = start_of_day(day + timedelta(1), story.cards[place].term.zone)
    not_made = story.sentence(f"On {day} no charge for the next term was made.", place)
    known = () if place < story.end or of_day else (_nothing_later(story, place),)
    tried = tuple(story.fact_sentence(one) for one in others)
    return (not_made, *known, *tried, *obstacles(story, place, end_of_day), ahead(story, place))


def _day_of(story: Story, place: int) -> date:
    return local_date(story.records[place].fact.at, story.cards[place].term.zone)


def _charges(story: Story, place: int) -> bool:
    fact = story.records[place].fact
    if isinstance(fact, CardRenewed):
        return fact.attempt_id is None
    return isinstance(fact, ChargeAttempted) and fact.top_up is None


def _outcome(story: Story, place: int) -> tuple[Sentence, ...]:
    fact = story.records[place].fact
    return what_became(story, place, fact.attempt_id) if isinstance(fact, ChargeAttempted) else ()


def _nothing_later(story: Story, place: int) -> Sentence:
    return story.sentence(f"Nothing is recorded after {story.clock(place)}; this is how it stood then.", place)
