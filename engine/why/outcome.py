"""What became of an attempt: every later fact about it, and what followed in the same append."""

from uuid import UUID

from engine.card.attempt import ChargeOutcomeUnknown
from engine.card.decline import ChargeFailed
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.why.ahead import ahead
from engine.why.phrases import count
from engine.why.story import Sentence, Story


def what_became(story: Story, place: int, attempt_id: UUID) -> tuple[Sentence, ...]:
    """The outcome of an attempt; while there is none, that and what happens next."""
    about = _about(story, place, attempt_id)
    unknown = [one for one in about if isinstance(story.records[one].fact, ChargeOutcomeUnknown)]
    settled = {one for one in about if isinstance(story.records[one].fact, ChargeSucceeded | ChargeFailed)}
    shown = sorted({*about, *(other for one in settled for other in _same_append(story, one))} - set(unknown))
    sentences = tuple(story.fact_sentence(one) for one in shown)
    if unknown:
        sentences = (_unknown(story, place, unknown), *sentences)
    if settled:
        return sentences
    nothing = () if unknown else (story.sentence("No answer to it is recorded yet.", place),)
    return (*nothing, *sentences, ahead(story, story.end))


def _about(story: Story, place: int, attempt_id: UUID) -> list[int]:
    """The places of later facts that name the attempt, or a refund of it."""
    ids = {attempt_id}
    found: list[int] = []
    for later in range(place + 1, len(story.records)):
        fact = story.records[later].fact
        if ids.isdisjoint(getattr(fact, name, None) for name in ("attempt_id", "refund_id", "about")):
            continue
        found.append(later)
        if isinstance(fact, RefundStarted):
            ids.add(fact.refund_id)
    return found


def _same_append(story: Story, place: int) -> range:
    """The places that follow in the append of the fact at `place`."""
    after = place
    while after < story.end and not story.records[after].last:
        after += 1
    return range(place + 1, after + 1)


def _unknown(story: Story, place: int, unknown: list[int]) -> Sentence:
    last = story.records[unknown[-1]].fact
    reason = last.reason if isinstance(last, ChargeOutcomeUnknown) else ""
    text = f"Its outcome was unknown: the gateway was asked {count(len(unknown), 'time')}, the last time on "
    return story.sentence(f"{text}{story.clock(unknown[-1])} ({reason}).", place, *unknown)
