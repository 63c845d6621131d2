"""Why a charge was made, and what became of it."""

from uuid import UUID

from engine.card.attempt import ChargeAttempted
from engine.card.gap import ChargeFound
from engine.why.amount import why_amount
from engine.why.choice import why_method
from engine.why.outcome import what_became
from engine.why.phrases import clock, money
from engine.why.story import Sentence, Story
from engine.why.trigger import why_then


def charge(story: Story, attempt_id: UUID) -> tuple[Sentence, ...]:
    """Everything about an attempt; () when the history has none of that id."""
    found = story.last(ChargeAttempted, story.end, lambda fact: fact.attempt_id == attempt_id)
    if found is None:
        return _found_after_restore(story, attempt_id)
    place, attempt = found
    return (
        _what_for(story, place, attempt),
        why_then(story, place, attempt),
        *why_amount(story, place, attempt),
        why_method(story, place, attempt),
        _limits(story, place, attempt),
        _decided(story, place, attempt),
        *what_became(story, place, attempt_id),
    )


def _found_after_restore(story: Story, attempt_id: UUID) -> tuple[Sentence, ...]:
    """A charge whose intent was lost with the log before it was restored."""
    found = story.last(ChargeFound, story.end, lambda fact: fact.attempt_id == attempt_id)
    return () if found is None else (story.fact_sentence(found[0]), *what_became(story, found[0], attempt_id))


def _what_for(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    if attempt.top_up is None:
        purpose = f"term {attempt.term_number}, which follows the one that ends on {story.cards[place].term.ends_on}"
    else:
        purpose = f"top-up {attempt.top_up} of the balance"
    text = f"On {story.clock(place)} ({story.zone}) method {attempt.method_id} was asked for {money(attempt.amount)}"
    return story.sentence(f"{text} for {purpose}: attempt number {attempt.number} for it.", place)


def _limits(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    if attempt.limits_edition is None:
        return story.sentence("No network limit was asked, since the method has no fingerprint.", place)
    which = "as one that follows a decline" if attempt.follows_decline else "as a first try"
    return story.sentence(f"The network limits, edition {attempt.limits_edition}, allowed it {which}.", place)


def _decided(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    recorded = story.records[place]
    at = clock(recorded.recorded_at, story.zone)
    text = f"It was decided under policy version {attempt.policy_version} and recorded on {at} by {recorded.actor}"
    return story.sentence(f"{text}, caused by {recorded.cause}.", place)
