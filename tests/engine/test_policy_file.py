"""A policy file changes what it names and nothing else; what would be dangerous is refused with its line."""

from datetime import timedelta

import pytest

from engine.errors import PolicyError
from engine.policy import STRICTEST, Policy
from engine.policy_file import read_policy

BUDGET = timedelta(seconds=7)


@pytest.fixture
def policy_of(tmp_path):
    file = tmp_path / "policy.toml"

    def read(text):
        file.write_text(text)
        return read_policy(file, BUDGET)

    return read


def test_without_a_file_the_shipped_policy_applies():
    assert read_policy(None, BUDGET) == Policy(gateway_budget=BUDGET)


def test_a_file_changes_what_it_names_and_nothing_else(policy_of):
    read = policy_of(
        """
        version = "acme-1"
        lead_days = 5
        ladder_days = [2, 4]
        ladder_gap = "PT30H"
        stopped_recheck = 1800
        ask_again_after = [60, 600]
        [reminders.strictest]
        ahead_days = 10
        """
    )
    changed = {"version": "acme-1", "lead_days": 5, "ladder_days": (2, 4), "ladder_gap": timedelta(hours=30)}
    changed["ask_again_after"] = (timedelta(minutes=1), timedelta(minutes=10))
    assert read.reminder_rule("anywhere").ahead_days == 10
    expected = Policy(gateway_budget=BUDGET).model_copy(
        update=changed | {"stopped_recheck": timedelta(minutes=30), "reminders": read.reminders}
    )
    assert read == expected
    assert type(read) is Policy


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lead_day = 3", "lead_day: is not known here; remove it or correct its spelling"),
        ("lead_days = 0", "lead_days: must be greater than 0"),
        ("lead_days = 400", "lead_days: must be at most 366 days"),
        ("charge_hour = 25", "charge_hour: must be less than or equal to 22"),
        ("ladder_days = [3, 1]", "ladder_days: must be days in their order, each once"),
        ("ask_again_after = []", "ask_again_after: must not be empty"),
        ("look_up_every = 0", "look_up_every: must be more than 0 seconds and at most 366 days"),
        ("ask_again_after = [300, -1]", "ask_again_after: must be more than 0 seconds and at most 366 days"),
        ("gateway_budget = 5", "gateway_budget: is the setting BAOHAO_GATEWAY_BUDGET_S; remove it here"),
        (f"reminders = {{ {STRICTEST} = {{ ahead_days = 999 }} }}", "reminders: must be at most 366 days"),
        ("reminders = { us = { ahead_days = 9 } }", "reminders: must have rules for 'strictest'"),
    ],
)
def test_a_wrong_line_is_named(policy_of, line, problem):
    with pytest.raises(PolicyError) as refusal:
        policy_of(f'version = "acme-1"\n{line}\n')
    (only,) = str(refusal.value).splitlines()
    assert f"policy.toml:2: {problem}" in only


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lead_days = 5", "version: is missing; add it"),
        (f'version = "{Policy().version}"', f"version: '{Policy().version}' is the shipped policy; name this one"),
        ('version = ""', "version: must not be empty"),
        ("version = ", "is not TOML"),
    ],
)
def test_a_policy_needs_a_name_of_its_own(policy_of, text, problem):
    with pytest.raises(PolicyError, match=problem):
        policy_of(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.toml: cannot be read: No such file or directory"):
        read_policy(tmp_path / "none.toml", BUDGET)
