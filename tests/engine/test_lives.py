"""What holds in every life of a card, whatever is asked, answered and waited for, in whatever order."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar import local_date
from engine.card.events import (
    STORED_NAMES,
    CardRenewed,
    ChargeAttempted,
    ChargeFailed,
    ChargeSucceeded,
    Deferred,
    RenewalStarted,
    Suspended,
)
from engine.card.next import Ask, Wait, advance, deferred, next_step
from engine.card.state import Card, evolve, replay
from tests.engine.lives import KEEP_RULES, MOVES, Life, random_life
from tests.engine.samples import CARD_ID, POLICY, RULES

histories = st.lists(st.sampled_from(MOVES), min_size=20, max_size=100)
keep_rules = st.sampled_from(KEEP_RULES)
many_lives = settings(max_examples=150)


def each_moment(moves, keep_rule) -> Iterator[Life]:
    """The same life, after each of its moves."""
    life = Life(CARD_ID, *keep_rule)
    yield life
    for move in moves:
        move.happens_to(life)
        yield life


def each_step(facts) -> Iterator[tuple[Card | None, object]]:
    """Each fact with the card as it was before."""
    card = None
    for fact in facts:
        yield card, fact
        card = evolve(card, CARD_ID, fact)


@many_lives
@given(histories, keep_rules)
def test_asked_twice_at_the_same_time_a_card_does_nothing_the_second_time(moves, keep_rule):
    for life in each_moment(moves, keep_rule):
        card, _, step = advance(life.card, life.rules, life.at)
        assert advance(card, life.rules, life.at) == (card, (), step)


@many_lives
@given(histories, keep_rules)
def test_a_card_sleeps_until_there_is_something_to_do_and_not_longer(moves, keep_rule):
    for life in each_moment(moves, keep_rule):
        card, _, step = advance(life.card, life.rules, life.at)
        if isinstance(step, Ask):
            continue
        if step.until is None:
            assert (card.status, card.open_attempt) == ("suspended", None)
            assert isinstance(next_step(card, life.rules, life.at + timedelta(days=1000)), Wait)
            continue
        assert step.until > life.at
        for part in (0.001, 0.5, 0.999):
            assert isinstance(next_step(card, life.rules, life.at + (step.until - life.at) * part), Wait)
        then = next_step(card, life.rules, step.until)
        if isinstance(then, Wait):
            assert then.reason == "charging_stopped"
            assert then.until > step.until
            assert deferred(then, step.until, step.until) == (
                Deferred(reason=then.reason, until=then.until, at=step.until),
            )


@many_lives
@given(histories, keep_rules)
def test_at_its_stored_wake_time_a_card_yields_a_fact_or_a_question_and_never_runs_hot(moves, keep_rule):
    for life in each_moment(moves, keep_rule):
        before, wake_at = len(life.appends), life.wake_at
        if wake_at is None:
            assert life.card.status == "suspended"
            continue
        life.due()
        asked = isinstance(next_step(life.card, life.rules, life.at), Ask)
        assert asked or len(life.appends) == before + 1
        assert asked or life.wake_at is None or life.wake_at > life.at


@many_lives
@given(histories, keep_rules)
def test_no_card_is_suspended_while_a_charge_is_open_or_of_unknown_outcome(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    for card, fact in each_step(life.facts):
        if isinstance(fact, Suspended):
            assert card.open_attempt is None
            assert fact.at >= card.term.ends_at


@many_lives
@given(histories, keep_rules)
def test_a_term_is_paid_once_at_most_and_terms_follow_one_another(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    paid = Counter(fact.term_number for fact in life.facts if isinstance(fact, ChargeSucceeded))
    renewals = [fact for fact in life.facts if isinstance(fact, CardRenewed)]
    assert set(paid.values()) <= {1}
    assert [fact.term.number for fact in renewals] == sorted(paid) == list(range(1, len(renewals) + 1))
    terms = [life.appends[0].card.term, *(fact.term for fact in renewals)]
    for last, term in pairwise(terms):
        assert term.starts_at >= last.ends_at
    for fact in renewals:
        assert fact.term.ends_at > fact.at  # nobody pays for time that is over


@many_lives
@given(histories, keep_rules)
def test_attempts_are_counted_one_at_a_time_and_each_has_an_id_of_its_own(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    attempts = [fact for fact in life.facts if isinstance(fact, ChargeAttempted)]
    assert len({one.attempt_id for one in attempts}) == len(attempts)
    for term_number in {one.term_number for one in attempts}:
        numbers = [one.number for one in attempts if one.term_number == term_number]
        assert numbers == list(range(1, len(numbers) + 1))


@many_lives
@given(histories, keep_rules)
def test_the_same_life_has_the_same_facts_and_its_facts_make_the_same_card(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    *_, again = each_moment(moves, keep_rule)
    assert life.facts == again.facts
    assert replay(None, CARD_ID, life.facts) == life.card
    for card, fact in each_step(life.facts):
        if isinstance(fact, ChargeAttempted):
            assert advance(card, RULES, fact.at)[1][-1] == fact


@many_lives
@given(histories, keep_rules)
def test_a_charge_is_attempted_only_with_consent_at_the_offered_price_while_no_other_is_open(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    offered = None
    for card, fact in each_step(life.facts):
        if isinstance(fact, RenewalStarted):
            assert (card.auto_renew.months, card.open_attempt) == (fact.months, None)
            offered = fact.price
        if isinstance(fact, ChargeAttempted):
            assert card.auto_renew is not None
            assert card.open_attempt is None
            assert fact.amount == offered
            assert fact.method_id not in card.ended_methods
            assert fact.term_number == card.term.number + 1
            reclaimed_on = card.term.ends_on + timedelta(days=card.keep.reclaim_days)
            assert local_date(fact.at, card.zone) < reclaimed_on


@many_lives
@given(histories, keep_rules)
def test_rungs_are_climbed_one_by_one_with_time_between_and_no_method_twice_on_one(moves, keep_rule):
    *_, life = each_moment(moves, keep_rule)
    for card, fact in each_step(life.facts):
        if not isinstance(fact, ChargeAttempted):
            continue
        if fact.rung == card.renewal.rung:
            assert fact.method_id not in card.renewal.tried
        else:
            assert fact.rung == card.renewal.rung + 1
            assert card.renewal.rung_at is None or fact.at - card.renewal.rung_at >= POLICY.ladder_gap


@many_lives
@given(histories, keep_rules)
def test_a_charge_is_sent_again_only_while_it_is_wanted_and_its_key_is_known(moves, keep_rule):
    for life in each_moment(moves, keep_rule):
        step = next_step(life.card, life.rules, life.at)
        if isinstance(step, Ask) and step.learned == "asked_again":
            assert life.card.auto_renew is not None
            assert not life.rules.charging_stopped
            assert life.at < step.attempt.attempted_at + POLICY.key_lifetime


def test_the_lives_that_are_tried_are_full_of_everything():
    """A property over lives in which nothing happens would hold for nothing."""
    facts = [fact for seed in range(60) for fact in random_life(seed, 120).facts]
    kinds = Counter(type(fact) for fact in facts)
    assert set(kinds) == set(STORED_NAMES.values())
    assert min(kinds.values()) > 10, kinds
    assert "never_happened" in {fact.code for fact in facts if isinstance(fact, ChargeFailed)}
