"""Whatever happened in the life of a card, each question about it has an answer."""

from datetime import timedelta
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.calendar import local_date
from engine.card.attempt import ChargeAttempted
from engine.card.custody import ZoneChanged
from engine.card.decline import ChargeFailed
from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed
from engine.envelope import Recorded
from engine.notices import notice_of
from engine.why.questions import (
    overview,
    what_next,
    why_charged,
    why_not_charged,
    why_reclaimed,
    why_refunded,
    why_suspended,
)
from engine.why.sentences import sentence
from tests.engine.lives import Life, random_life
from tests.engine.samples import ZONE

lives = st.builds(random_life, st.integers(0, 2**32), st.integers(10, 80))
many_lives = settings(max_examples=100, deadline=None)


def history_of(life: Life) -> list[Recorded]:
    """The life as the store would keep it."""
    history: list[Recorded] = []
    for append in life.appends:
        for place, fact in enumerate(append.facts, start=1):
            version = len(history) + 1
            envelope = (version, life.card_id, version, UUID(int=version), fact.at, "consumer", "due")
            history.append(Recorded(*envelope, append.wake_at, place == len(append.facts), fact))
    return history


@many_lives
@given(lives)
def test_every_question_has_an_answer_in_whole_sentences_that_rest_on_facts(life):
    history = history_of(life)
    facts = [one.fact for one in history]
    days = {local_date(one.at, ZONE) + timedelta(more) for one in facts for more in (-1, 0, 1)}
    asked = [
        *(why_charged(history, one.attempt_id) for one in facts if isinstance(one, ChargeAttempted)),
        *(why_not_charged(history, day) for day in sorted(days)),
        overview(history),
        what_next(history),
    ]
    perhaps = [why_suspended(history), why_reclaimed(history), why_refunded(history)]
    for answer in [*asked, *(one for one in perhaps if one is not None)]:
        assert answer.sentences
        for said in answer.sentences:
            assert said.text[0].isupper()
            assert said.text.endswith(".")
            assert said.versions == tuple(sorted(set(said.versions)))
            assert set(said.versions) <= {one.version for one in history}
            assert said.versions


@many_lives
@given(lives)
def test_a_day_has_a_charge_exactly_if_an_attempt_for_the_term_was_made_on_it(life):
    assume(not any(isinstance(fact, ZoneChanged) for fact in life.facts))  # else days are not those of one zone
    history = history_of(life)
    tried = {
        local_date(one.fact.at, ZONE)
        for one in history
        if isinstance(one.fact, ChargeAttempted) and one.fact.top_up is None
    }
    paid = {
        local_date(one.fact.at, ZONE)
        for one in history
        if isinstance(one.fact, CardRenewed) and one.fact.attempt_id is None
    }
    for day in {local_date(one.fact.at, ZONE) for one in history}:
        first = why_not_charged(history, day).sentences[0].text
        made = day in tried | paid
        assert first == f"On {day} {'a' if made else 'no'} charge for the next term was made."


@many_lives
@given(lives)
def test_the_outcome_of_every_attempt_is_among_the_facts_of_its_answer(life):
    history = history_of(life)
    for one in history:
        if isinstance(one.fact, ChargeAttempted):
            answer = why_charged(history, one.fact.attempt_id)
            told = {version for said in answer.sentences for version in said.versions}
            outcomes = {
                other.version
                for other in history
                if isinstance(other.fact, ChargeFailed | ChargeSucceeded)
                and other.fact.attempt_id == one.fact.attempt_id
            }
            assert outcomes <= told


@many_lives
@given(lives)
def test_every_fact_can_be_said_and_every_notice_has_its_own_key(life):
    history = history_of(life)
    assert all(sentence(one, ZONE).endswith(".") for one in history)
    notices = [notice for one in history if (notice := notice_of(one)) is not None]
    assert len({notice.key for notice in notices}) == len(notices)
