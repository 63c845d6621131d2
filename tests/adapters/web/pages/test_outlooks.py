"""Outlooks that are kept never show an old state: not of the card, nor of the rules, nor of the time."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.web.pages.outlooks import Outlooks
from engine.outlook import foresee, outlook
from engine.rules import Gap
from tests.engine.given_when_then import given as card_of
from tests.engine.random_histories import KEEP_RULES, MOVES, CardHistory
from tests.engine.samples import CARD_ID, OPENS_AT, PAYING, RULES, TWO_VERSIONS, local, switched_off

EARLY = local("2026-03-02 12:00")
CARD = card_of(*PAYING).card
LATER = timedelta(days=3)


def test_what_is_kept_is_given_again_until_something_is_due():
    outlooks = Outlooks()
    first = outlooks.of(CARD, 3, RULES, EARLY)
    assert first == outlook(CARD, RULES, EARLY)
    assert outlooks.of(CARD, 3, RULES, EARLY + LATER) is first
    due = foresee(CARD, RULES, EARLY).until
    assert due == OPENS_AT
    assert outlooks.of(CARD, 3, RULES, due) is not first
    assert outlooks.of(CARD, 3, RULES, EARLY) is not first  # the clock was set back


def test_a_card_that_changed_has_a_new_one():
    outlooks = Outlooks()
    before = outlooks.of(CARD, 3, RULES, EARLY)
    off = card_of(*PAYING, switched_off(at=EARLY)).card
    assert outlooks.of(off, 4, RULES, EARLY) == outlook(off, RULES, EARLY) != before


@pytest.mark.parametrize(
    "changed",
    [
        replace(RULES, catalogue=TWO_VERSIONS.catalogue),
        replace(RULES, policy=RULES.policy.model_copy(update={"version": "other", "lead_days": 5})),
        replace(RULES, clock_ahead_until=OPENS_AT + LATER),
        replace(RULES, restored=Gap(EARLY - LATER, EARLY)),
    ],
)
def test_other_rules_have_a_new_one(changed):
    outlooks = Outlooks()
    outlooks.of(CARD, 3, RULES, EARLY)
    assert outlooks.of(CARD, 3, changed, EARLY) == outlook(CARD, changed, EARLY)


def test_a_stop_is_passed_over_as_an_outlook_does():
    outlooks = Outlooks()
    first = outlooks.of(CARD, 3, RULES, EARLY)
    stopped = replace(RULES, charging_stopped=True, gateway_down=True)
    assert outlooks.of(CARD, 3, stopped, EARLY) is first
    assert outlook(CARD, stopped, EARLY) == first


def test_only_those_that_were_shown_last_are_kept():
    outlooks = Outlooks(most=2)
    for number in range(5):
        outlooks.of(replace(CARD, card_id=CARD_ID.__class__(int=number)), 3, RULES, EARLY)
    assert len(outlooks) == 2


@settings(max_examples=60)
@given(st.lists(st.sampled_from(MOVES), min_size=5, max_size=60), st.sampled_from(KEEP_RULES), st.floats(0, 1))
def test_of_any_card_the_same_is_foreseen_until_then(moves, keep_rule, share):
    history = CardHistory(CARD_ID, *keep_rule)
    for move in moves:
        move.apply_to(history)
    first = foresee(history.card, history.rules, history.at)
    end = first.until or history.at + timedelta(days=400)
    later = history.at + (end - history.at) * share
    if later < end or first.until is None:
        assert foresee(history.card, history.rules, later).facts == first.facts
