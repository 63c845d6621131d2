"""Registering a card: its running term, and the keep rule of its carrier."""

from datetime import date

from engine.card.custody import CardRegistered, register_card
from engine.catalogue import KeepRule
from tests.engine.given_when_then import fact, given
from tests.engine.samples import (
    CATALOGUE,
    REGISTERED_AT,
    local,
)

NOW = REGISTERED_AT


def test_a_card_is_registered_with_its_running_term_and_its_carriers_keep_rule():
    then = given().when(
        register_card,
        CATALOGUE,
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
