"""The questions that operators and auditors ask of a card's history, oldest fact first; see story.py for the answers.

Answers name every code: they are not for the holder.
"""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from engine.envelope import Recorded
from engine.why.ahead import ahead
from engine.why.charge import charge
from engine.why.day import not_charged
from engine.why.lapse import reclaim, refunds, suspension
from engine.why.present import present
from engine.why.story import Answer, Sentence, Story, story_of

History = Sequence[Recorded]


def why_charged(history: History, attempt_id: UUID) -> Answer | None:
    """What an attempt was for, why on this day, of this amount and method, and what became of it; None if unknown."""
    story = story_of(history)
    return _some(story, charge(story, attempt_id))


def why_not_charged(history: History, day: date) -> Answer:
    """What prevented a charge on a local day, or that there was one."""
    story = story_of(history)
    return story.answer(*not_charged(story, day))


def why_suspended(history: History) -> Answer | None:
    """Why the service was switched off the last time; None if it never was."""
    story = story_of(history)
    return _some(story, suspension(story))


def why_reclaimed(history: History) -> Answer | None:
    """Why the number was lost; None if it was not."""
    story = story_of(history)
    return _some(story, reclaim(story))


def why_refunded(history: History) -> Answer | None:
    """Which charges were refunded or disputed, wholly or in part, and why; None if none was."""
    story = story_of(history)
    return _some(story, refunds(story))


def what_next(history: History) -> Answer:
    """What happens next without a command, and when."""
    story = story_of(history)
    return story.answer(ahead(story, story.end))


def overview(history: History) -> Answer:
    """The state of the card, why it is so, and what happens next."""
    story = story_of(history)
    return story.answer(*present(story))


def _some(story: Story, sentences: tuple[Sentence, ...]) -> Answer | None:
    return story.answer(*sentences) if sentences else None
