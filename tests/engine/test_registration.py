"""Registering a card: its running term, and the keep rule of its carrier."""

from datetime import date

import pytest
from msgspec.structs import replace

from engine.card.custody import CardRegistered, register_card
from engine.catalogue import KeepRule
from tests.engine.given_when_then import fact, given
from tests.engine.samples import (
    POLICY,
    REGISTERED_AT,
    RULES,
    local,
)

NOW = REGISTERED_AT


def test_a_card_is_registered_with_its_running_term_and_its_carriers_keep_rule():
    then = given().when(
        register_card,
        RULES,
        holder_id="holder-1",
        plan="keep-short",
        currency="CNY",
        zone="Asia/Shanghai",
        starts_on=date(2026, 1, 31),
        months=1,
        at=NOW,
    )
    then.then(
        fact(
            CardRegistered,
            plan="keep-short",
            keep_rule="reach-brand",
            keep=KeepRule(grace_days=2, reclaim_days=30, quarantine_days=45, source="nctcsupport.reachplatform.com"),
            anchor_day=31,
            at=NOW,
        )
    )
    term = then.card.term
    assert (term.number, term.starts_on, term.ends_on) == (0, date(2026, 1, 31), date(2026, 2, 28))
    assert (term.starts_at, term.ends_at) == (local("2026-01-31 00:00"), local("2026-02-28 00:00"))
    assert (then.card.status, then.card.methods.bound, then.card.consent) == ("active", (), None)


PATIENT = replace(RULES, policy=POLICY.model_copy(update={"lapsed_days_most": 60}))
"""Only the carrier of keep-short is less patient than these."""


def register(plan, starts_on, at, **said):
    """A card of one month, registered at that time."""
    rules = PATIENT if plan == "keep-short" else RULES
    term = {"starts_on": date.fromisoformat(starts_on), "months": 1}
    custody = {"holder_id": "holder-1", "plan": plan, "currency": "CNY", "zone": "Asia/Shanghai"}
    return given().when(register_card, rules, **custody, **term, **said, at=local(at))


@pytest.mark.parametrize(
    ("plan", "starts_on", "at"),
    [
        ("keep-basic", "2025-11-15", "2026-12-01 12:00"),  # a year off; the carrier keeps the number for 365 days
        ("keep-basic", "2026-11-01", "2026-12-31 00:00"),  # the term ended 30 days ago
        ("keep-short", "2026-11-01", "2026-12-31 00:00"),  # the carrier has taken the number, after 30 days
    ],
)
def test_a_term_that_ended_long_ago_is_refused_unless_it_is_said_to_be_lapsed(plan, starts_on, at):
    register(plan, starts_on, at).refused("term_ended_long_ago")
    then = register(plan, starts_on, at, lapsed=True)
    assert then.card.term.starts_on == date.fromisoformat(starts_on)


def test_a_term_that_starts_more_than_400_days_ahead_is_taken_for_a_mistyped_year_also_of_a_lapsed_card():
    for lapsed in (False, True):
        register("keep-basic", "2028-01-06", "2026-12-01 00:00", lapsed=lapsed).refused("term_far_ahead")
    assert register("keep-basic", "2028-01-05", "2026-12-01 00:00").card.term.starts_on == date(2028, 1, 5)


@pytest.mark.parametrize(
    ("plan", "starts_on", "at"),
    [
        ("keep-basic", "2026-11-01", "2026-12-30 23:59"),
        ("keep-short", "2026-11-01", "2026-12-30 23:59"),
    ],
)
def test_a_card_that_lapsed_lately_is_registered_as_a_matter_of_course(plan, starts_on, at):
    assert register(plan, starts_on, at).card.status == "active"


def test_the_same_registration_given_again_years_later_changes_nothing():
    card = register("keep-basic", "2026-11-01", "2026-11-02 12:00").card
    again = {"holder_id": "holder-1", "plan": "keep-basic", "currency": "CNY", "zone": "Asia/Shanghai"}
    term = {"starts_on": date(2026, 11, 1), "months": 1}
    assert register_card(card, RULES, **again, **term, at=local("2028-11-02 12:00")) == ()
