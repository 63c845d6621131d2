"""Both sides of a comparison, and how near the replay by today's rules comes to a year that was really lived."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.envelope import card_fact, read_fact
from engine.rules import Rules
from projections.whatif.compared import LIMITS, LOST, MONEY, RECOVERED_BY, TERMS, compare
from projections.whatif.figures import Figures
from projections.whatif.histories import Span
from projections.whatif.replay import replay
from tests.projections.whatif.years import BEGIN, RULES, lived, past_of
from tests.simulation.checker import Checker
from tests.simulation.market import POLICIES, PROVIDER, catalogue
from tests.simulation.world import Plan as SimulatedPlan
from tests.simulation.world import World

CARDS, LONG_CARDS, MONTHS = 60, 200, 12
ALIKE_LEAST = 0.95
"""So many cards at least go the same way in a replay as in the demo's year; the others differ by its coarse clock."""
SPAN = Span(BEGIN, BEGIN + timedelta(days=30 * MONTHS))


@pytest.fixture(scope="module")
def year(tmp_path_factory):
    return lived(CARDS, MONTHS, 1, tmp_path_factory.mktemp("year"))


@pytest.fixture(scope="module")
def compared(year):
    policy = RULES.policy.model_copy(update={"version": "few", "ladder_days": (2,), "ladder_then_every_days": 14})
    told = []
    found = compare(past_of(year, SPAN), RULES, replace(RULES, policy=policy), (1, 2), told.append)
    assert {(one.run, one.runs) for one in told} <= {(run, 4) for run in range(1, 5)}
    return found


def test_most_cards_go_the_same_way_in_a_replay_by_the_same_rules(year):
    alike = 0
    for card_id, facts in year.items():
        past = past_of({card_id: facts}, SPAN)
        if past.histories:
            figures = replay(past, RULES).figures
            alike += _way(figures) == _way(past.happened)
        else:
            alike += 1
    assert alike / len(year) >= ALIKE_LEAST


def _way(figures: Figures):
    return figures.renewed, figures.suspended, figures.lost, figures.switched_off, figures.charged


def test_each_figure_stands_beside_both_replays(compared):
    rows = {(row.section, row.figure, row.currency): row for row in compared.rows}
    declined = rows[TERMS, "met a decline", None]
    assert declined.happened > declined.other.mean
    for row in compared.rows:
        for estimate in (row.today, row.other):
            assert estimate.least <= estimate.mean <= estimate.most
    assert {row.section for row in compared.rows} >= {TERMS, MONEY, RECOVERED_BY, LIMITS, LOST}
    recovered = compared.section(RECOVERED_BY)
    assert sum(row.happened for row in recovered) == rows[TERMS, "recovered after it", None].happened
    names = [row.figure for row in recovered]
    assert names == sorted(names, key=lambda name: (len(name), name))


def test_it_says_where_answers_came_from_and_what_was_left_out(compared, year):
    for shares in (compared.answers_today, compared.answers_other):
        assert sum(shares.values()) == pytest.approx(1)
    assert compared.answers_today["recorded"] > 0.95
    assert compared.answers_other["sampled"] > compared.answers_today["sampled"]
    assert compared.cards + sum(compared.left_out.values()) == len(year)
    assert compared.stuck == {}


def test_a_replay_that_begins_later_goes_on_from_what_was(year):
    since = BEGIN + timedelta(days=150)
    past = past_of(year, Span(since, SPAN.until))
    course = replay(past, RULES)
    assert course.figures.renewed == pytest.approx(past.happened.renewed, rel=0.02)
    assert course.figures.lost == pytest.approx(past.happened.lost, abs=1)
    assert past.happened.renewed < past_of(year, SPAN).happened.renewed


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"ladder_days": (2,), "ladder_then_every_days": 14}, id="few rungs"),
        pytest.param({"lead_days": 7}, id="opened earlier", marks=pytest.mark.slow),
        pytest.param({"ladder_days": (4, 8, 12, 16)}, id="later rungs", marks=pytest.mark.slow),
    ],
)
def test_what_is_foretold_is_near_to_a_year_lived_by_those_rules(long_year, tmp_path, changes):
    other = replace(RULES, policy=RULES.policy.model_copy(update={"version": "other", **changes}))
    true = past_of(lived(LONG_CARDS, MONTHS, 2, tmp_path, other), SPAN).happened
    rows = {
        row.figure: row.other.mean for row in compare(past_of(long_year, SPAN), RULES, other, (1, 2, 3)).section(TERMS)
    }
    assert rows["renewed"] == pytest.approx(true.renewed, rel=0.02)
    assert rows["met a decline"] == pytest.approx(true.declined, rel=0.15)
    assert rows["recovered after it"] == pytest.approx(true.recovered, rel=0.15)
    assert rows["suspended"] == pytest.approx(true.suspended, rel=0.25)
    assert rows["numbers lost"] == pytest.approx(true.lost, abs=3)


@pytest.fixture(scope="module")
def long_year(tmp_path_factory):
    return lived(LONG_CARDS, MONTHS, 2, tmp_path_factory.mktemp("long"))


def test_a_year_of_all_that_can_be_asked_for_is_replayed_as_it_was(tmp_path):
    world = World(SimulatedPlan(1, cards=80, years=0.6, level="none"), Checker(1), tmp_path / "gateway.sqlite")
    world.run()
    histories = {
        card_id: [card_fact(read_fact(*row)) for row in world.history(card_id)] for card_id in world._people.lives
    }
    past = past_of(histories, Span(world.begins, world.plan.end))
    rules = Rules(POLICIES[0], catalogue(), PROVIDER)
    course = replay(past, rules)
    figures, happened = course.figures, past.happened
    assert course.stuck == {}
    assert course.misfits.total() <= 3
    assert figures.renewed == pytest.approx(happened.renewed, rel=0.01)
    assert figures.attempts == pytest.approx(happened.attempts, rel=0.01)
    assert (figures.suspended, figures.lost) == (happened.suspended, happened.lost)
    assert (figures.switched_off, figures.recovered) == (happened.switched_off, happened.recovered)
