"""Whole worlds around the real engine: it breaks no promise, and each bug sown into it is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation import lives
from tests.simulation.bugs import anchor_day_lost
from tests.simulation.checker import checking, outcomes
from tests.simulation.mutants import MUTANTS, sown
from tests.simulation.run import run_all, run_plan
from tests.simulation.shrink import shrink
from tests.simulation.world import Plan

ROWS = (Path(__file__).parents[2] / "engine/README.md").read_text("utf-8").split("| sown bug |")[1].splitlines()[2:]
FOUND_AS = {name.removeprefix("| "): kind for name, kind, _ in (row.split(" | ") for row in ROWS)}
"""By sown bug the kind of violation, as the README lists it: one that only crashes is not found as what it is."""


def as_parameter(mutant):
    return pytest.param(mutant, id=mutant.name.replace(" ", "_"), marks=[pytest.mark.slow] if mutant.slow else [])


@pytest.mark.parametrize("mutant", [as_parameter(mutant) for mutant in MUTANTS])
def test_the_checker_finds_each_bug_that_is_sown(mutant):
    found = mutant.hunt().found
    assert found is not None
    assert found.kind == FOUND_AS[mutant.name]


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS if mutant.slow], ids=lambda mutant: mutant.name)
def test_a_bug_that_takes_long_to_be_found_still_changes_what_is_there(mutant):
    with sown(mutant.changes()):  # raises AttributeError for a name that the engine does not have any more
        pass


def test_the_readme_lists_every_sown_bug():
    assert list(FOUND_AS) == [mutant.name for mutant in MUTANTS]


@pytest.mark.parametrize(
    "plan",
    [
        Plan(1, cards=50, years=0.4, level="none"),
        Plan(2, cards=60, years=0.4, level="low"),
        Plan(3, cards=40, years=0.4, level="high", harsh=False),
        Plan(4, cards=25, years=0.4, level="high"),
    ],
    ids=lambda plan: f"{plan.level}_{plan.seed}",
)
def test_the_engine_as_it_is_breaks_no_promise(plan):
    outcome = run_plan(plan)
    assert [violation.sentence for violation in outcome.violations] == []
    assert outcome.attempts > 50


@pytest.mark.parametrize("level", ["none", "low"])
def test_a_provider_that_says_the_outcome_of_many_charges_days_later_breaks_no_promise(level, monkeypatch):
    kept = []
    real = outcomes.became_pending
    monkeypatch.setitem(
        checking.HANDLERS, "charge_pending.v1", lambda *args: kept.append(args[2].card_id) or real(*args)
    )
    outcome = run_plan(Plan(5, cards=80, years=0.4, level=level, pending=0.3))
    assert [violation.sentence for violation in outcome.violations] == []
    assert len(kept) > 20


def test_a_gateway_that_takes_no_such_amount_as_a_top_up_ends_it_and_its_order_and_breaks_no_promise(monkeypatch):
    ended, real = [], checking.HANDLERS["auto_top_up_stopped.v1"]

    def stopped(findings, card, fact):
        ended.append(fact.body["last_code"])
        real(findings, card, fact)

    monkeypatch.setattr(lives, "_BEHAVIOURS", (("good", 60.0), ("hard", 40.0)))
    monkeypatch.setattr(lives, "_HARD", (("amount_too_small", None, None),))
    monkeypatch.setitem(checking.HANDLERS, "auto_top_up_stopped.v1", stopped)
    outcome = run_plan(Plan(11, cards=120, years=0.4, level="low"))
    assert [violation.sentence for violation in outcome.violations] == []
    assert ended.count("amount_too_small") > 2


@pytest.mark.parametrize("level", ["none", "high"])
def test_holders_who_pay_on_the_providers_page_in_time_late_or_never_break_no_promise(level, monkeypatch):
    ends: list[str] = []
    real = checking.HANDLERS["charge_succeeded.v1"], checking.HANDLERS["charge_failed.v2"]

    def noted(handler, name):
        def handle(findings, card, fact):
            attempt = card.attempts.get(fact.body["attempt_id"])
            if attempt is not None and attempt.closed_at is not None:
                ends.append("late" if fact.body["learned"] == "late" else name)
            handler(findings, card, fact)

        return handle

    monkeypatch.setitem(checking.HANDLERS, "charge_succeeded.v1", noted(real[0], "paid"))
    monkeypatch.setitem(checking.HANDLERS, "charge_failed.v2", noted(real[1], "not paid"))
    outcome = run_plan(Plan(7, cards=60, years=0.4, level=level, harsh=False, pages=0.5))
    assert outcome.violations == []
    assert all(ends.count(end) > 5 for end in ("paid", "late", "not paid"))


def test_a_card_that_is_switched_on_at_the_very_end_is_not_called_neglected():
    outcome = run_plan(Plan(1, cards=8000, years=0.05, level="high", slots=(3152,)))
    assert outcome.facts > 0
    assert outcome.violations == []


def test_a_seed_gives_the_same_bytes_in_any_number_of_processes():
    plans = [Plan(seed, cards=10, years=0.2, level="high") for seed in (1, 2)]
    alone, together = run_all(plans, processes=1), run_all(plans, processes=2)
    assert [one.digest for one in alone] == [one.digest for one in together]
    assert alone[0].digest != alone[1].digest


def test_the_checker_knows_nothing_of_the_engine():
    code = (
        "import sys, tests.simulation.checker\n"
        "sys.exit(any(name.partition('.')[0] in ('engine', 'projections') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_failure_shrinks_to_the_card_concerned():
    with sown(anchor_day_lost()):
        plan = Plan(2, cards=30, years=0.4, level="high", harsh=False)
        found = run_plan(plan)
        small = shrink(plan, found)
    assert small.plan.slots is not None
    assert len(small.plan.slots) == 1
    assert len(small.plan.kinds) < len(plan.kinds)
    assert any("card_renewed" in line for line in small.history)
    assert small.violations[0].kind == found.violations[0].kind
