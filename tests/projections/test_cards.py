"""Read model `cards`: given facts of a card, then its row."""

from datetime import date

import pytest

from engine.card.events import Deferred, Reinstated
from projections.cards import CARDS, CardRow, count_by_status, find_card, list_cards
from projections.follow import follow
from projections.live import LIVE
from tests.engine.lives import random_life, store_all
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    OPENS_AT,
    PAYING,
    PAYPAL,
    REGISTERED_AT,
    SECOND,
    VISA,
    bound,
    enabled,
    failed,
    grace_started,
    registered,
    renewed,
    started,
    succeeded,
    suspended,
    switched_off,
    unknown,
)
from tests.projections.folding import fields, recorded, rows

DEFERRED = Deferred(reason="term_ends", until=ENDS_AT, at=OPENS_AT)


def row(*facts) -> CardRow:
    return rows(CARDS, *facts)[CARD_ID]


def test_a_registered_card_has_a_row():
    assert row(registered()) == CardRow(
        card_id=CARD_ID,
        holder_id="holder-1",
        plan="keep-short",
        currency="CNY",
        zone="Asia/Shanghai",
        status="active",
        term_number=0,
        starts_on=date(2026, 3, 1),
        ends_on=date(2026, 4, 1),
        ends_at=ENDS_AT,
        auto_renew_months=None,
        price_minor=None,
        methods=0,
        last_decline=None,
        outcome_unknown=False,
        held=False,
        balance_minor=0,
        reserved_minor=0,
        version=1,
        changed_at=REGISTERED_AT,
    )


def test_it_counts_payment_methods():
    assert row(registered(), bound(VISA), bound(PAYPAL)).methods == 2


def test_it_shows_the_consent_in_force():
    assert fields(row(*PAYING), "auto_renew_months", "price_minor") == (1, 1500)
    assert fields(row(*PAYING, enabled(12)), "auto_renew_months", "price_minor") == (12, 14_400)
    assert fields(row(*PAYING, switched_off()), "auto_renew_months", "price_minor") == (None, None)


def test_it_shows_the_last_decline_until_a_charge_succeeds():
    assert row(*DECLINED).last_decline == "insufficient_funds"
    assert row(*DECLINED, failed(2, code="expired_card")).last_decline == "expired_card"
    assert row(*DECLINED, succeeded(2)).last_decline is None


@pytest.mark.parametrize(("outcome", "is_unknown"), [(unknown(2), True), (failed(), False), (succeeded(), False)])
def test_it_shows_an_outcome_as_unknown_until_it_is_known(outcome, is_unknown):
    assert row(*CHARGING).outcome_unknown is False
    assert row(*CHARGING, unknown(), outcome).outcome_unknown is is_unknown


def test_a_renewal_moves_it_to_the_next_term():
    after = row(*DECLINED, grace_started(), succeeded(2), renewed())
    assert fields(after, "status", "term_number", "starts_on", "ends_on") == (
        "active",
        1,
        date(2026, 4, 1),
        date(2026, 5, 1),
    )


def test_it_shows_grace_and_suspension_and_their_end():
    assert row(*DECLINED, grace_started()).status == "grace"
    assert row(*DECLINED, grace_started(), suspended()).status == "suspended"
    reinstated = Reinstated(term_number=1, at=GRACE_ENDS_AT)
    assert row(*DECLINED, suspended(), succeeded(2), reinstated).status == "active"


def test_it_says_which_fact_changed_it_and_when():
    assert fields(row(*CHARGING), "version", "changed_at") == (3, REGISTERED_AT)
    assert fields(row(*DECLINED), "version", "changed_at") == (6, OPENS_AT + SECOND)


@pytest.mark.parametrize("fact", [started(), CHARGING[-1], DEFERRED], ids=lambda fact: type(fact).__name__)
def test_what_is_not_shown_changes_nothing(fact):
    assert row(*PAYING, fact) == row(*PAYING)
    assert rows(CARDS, recorded(fact, 4)) == {}


def test_a_card_that_was_never_registered_has_no_row():
    assert rows(CARDS, bound()) == {}


# Queries


@pytest.fixture
def lives(store, connection):
    lives = [random_life(seed, 60) for seed in range(12)]
    store_all(store, lives)
    follow(connection, LIVE, 10_000)
    return lives


def test_each_row_says_of_its_card_what_its_state_says(lives, connection):
    for life in lives:
        card, found = life.card, find_card(connection, life.card_id)
        assert fields(found, "card_id", "holder_id", "plan", "currency", "zone") == (
            *(card.card_id, card.holder_id, card.plan, card.currency, card.zone),
        )
        assert fields(found, "status", "methods") == (card.status, len(card.methods))
        assert fields(found, "term_number", "starts_on", "ends_on", "ends_at") == (
            *(card.term.number, card.term.starts_on, card.term.ends_on, card.term.ends_at),
        )
        assert found.auto_renew_months == (card.auto_renew.months if card.auto_renew else None)
        assert found.price_minor == (card.auto_renew.price.minor if card.auto_renew else None)
        assert found.outcome_unknown == bool(card.open_attempt and card.open_attempt.asked)


def test_cards_are_listed_by_the_end_of_their_term(lives, connection):
    ends = [found.ends_at for found in list_cards(connection, None, 100)]
    assert ends == sorted(life.card.term.ends_at for life in lives)
    assert [found.ends_at for found in list_cards(connection, None, 3)] == ends[:3]


def test_cards_are_listed_and_counted_by_status(lives, connection):
    counted = count_by_status(connection)
    assert sum(counted.values()) == len(lives)
    assert len(counted) > 1
    for status, count in counted.items():
        listed = {found.card_id for found in list_cards(connection, status, 100)}
        assert listed == {life.card_id for life in lives if life.card.status == status}
        assert len(listed) == count


def test_an_unknown_card_is_not_found(connection):
    assert find_card(connection, CARD_ID) is None
    assert count_by_status(connection) == {}
