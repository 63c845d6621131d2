"""One seed of faults over real servers and processes breaks no promise."""

from random import Random

import pytest

from adapters.cli.servers import temporary_home
from tests.faults.faults import DUMPED, KINDS, RESTORED, planned
from tests.faults.run import BEGIN, Plan, live_through


@pytest.mark.slow
def test_a_seed_of_faults_breaks_no_promise():
    with temporary_home("baohao-faults-") as home:
        outcome = live_through(Plan(seed=1, cards=60, months=1, faults=20), home, lambda *_: None)
    assert outcome.violations == []
    assert sum(outcome.faults.values()) >= 18
    assert outcome.charges > 20


def test_a_seed_gives_the_same_list_of_faults():
    lists = [planned(Random(seed), 300, BEGIN, BEGIN.replace(month=4)) for seed in (1, 1, 2)]
    assert lists[0] == lists[1] != lists[2]
    assert {one.kind for one in lists[0]} == {*KINDS, DUMPED}
    assert sum(one.kind != DUMPED for one in lists[0]) == 300
    without = planned(Random(1), 300, BEGIN, BEGIN.replace(month=4), restores=False)
    assert {one.kind for one in without} == {*KINDS} - {RESTORED}
