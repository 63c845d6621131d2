"""For any history of a card, each question about it has an answer."""

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
from tests.engine.random_histories import CardHistory, random_history
from tests.engine.samples import ZONE

random_histories = st.builds(random_history, st.integers(0, 2**32), st.integers(10, 80))
many_histories = settings(max_examples=100, deadline=None)


def stored(history: CardHistory) -> list[Recorded]:
    """The history as the store keeps it."""
    records: list[Recorded] = []
    for append in history.appends:
        for place, fact in enumerate(append.facts, start=1):
            version = len(records) + 1
            envelope = (version, history.card_id, version, UUID(int=version), fact.at, "consumer", "due")
            records.append(Recorded(*envelope, append.wake_at, place == len(append.facts), fact))
    return records


@many_histories
@given(random_histories)
def test_every_question_has_an_answer_in_whole_sentences_that_rest_on_facts(history):
    records = stored(history)
    facts = [one.fact for one in records]
    days = {local_date(one.at, ZONE) + timedelta(more) for one in facts for more in (-1, 0, 1)}
    asked = [
        *(why_charged(records, one.attempt_id) for one in facts if isinstance(one, ChargeAttempted)),
        *(why_not_charged(records, day) for day in sorted(days)),
        overview(records),
        what_next(records),
    ]
    perhaps = [why_suspended(records), why_reclaimed(records), why_refunded(records)]
    for answer in [*asked, *(one for one in perhaps if one is not None)]:
        assert answer.sentences
        for shown in answer.sentences:
            assert shown.text[0].isupper()
            assert shown.text.endswith(".")
            assert shown.versions == tuple(sorted(set(shown.versions)))
            assert set(shown.versions) <= {one.version for one in records}
            assert shown.versions


@many_histories
@given(random_histories)
def test_a_day_has_a_charge_exactly_if_an_attempt_for_the_term_was_made_on_it(history):
    assume(not any(isinstance(fact, ZoneChanged) for fact in history.facts))  # else days are not those of one zone
    records = stored(history)
    tried = {
        local_date(one.fact.at, ZONE)
        for one in records
        if isinstance(one.fact, ChargeAttempted) and one.fact.top_up is None
    }
    paid = {
        local_date(one.fact.at, ZONE)
        for one in records
        if isinstance(one.fact, CardRenewed) and one.fact.attempt_id is None
    }
    for day in {local_date(one.fact.at, ZONE) for one in records}:
        first = why_not_charged(records, day).sentences[0].text
        made = day in tried | paid
        assert first == f"On {day} {'a' if made else 'no'} charge for the next term was made."


@many_histories
@given(random_histories)
def test_the_outcome_of_every_attempt_is_among_the_facts_of_its_answer(history):
    records = stored(history)
    for one in records:
        if isinstance(one.fact, ChargeAttempted):
            answer = why_charged(records, one.fact.attempt_id)
            named = {version for sentence in answer.sentences for version in sentence.versions}
            outcomes = {
                other.version
                for other in records
                if isinstance(other.fact, ChargeFailed | ChargeSucceeded)
                and other.fact.attempt_id == one.fact.attempt_id
            }
            assert outcomes <= named


@many_histories
@given(random_histories)
def test_every_fact_has_a_sentence_and_every_notice_has_its_own_key(history):
    records = stored(history)
    assert all(sentence(one, ZONE).endswith(".") for one in records)
    notices = [notice for one in records if (notice := notice_of(one)) is not None]
    assert len({notice.key for notice in notices}) == len(notices)
