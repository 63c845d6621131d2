"""Read model `cards`: given facts of a card, then its row."""

from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.card.consent import PeriodChanged, PriceChangeAnnounced
from engine.card.custody import CardClosed, CardRegistered
from engine.card.facts import STORED_NAMES
from engine.card.hold import CardHeld, CardReleased
from engine.card.lapse import NumberReclaimed
from engine.card.methods import PaymentMethodRemoved
from engine.card.term import Reinstated
from engine.card.waking import Deferred
from engine.envelope import read_fact
from engine.money import Money
from projections.cards import CARDS, CardRow, NotShown, count_by_status, find_card, fold, list_cards
from projections.follow import follow
from projections.live import LIVE
from tests.engine.random_histories import random_history, store_all
from tests.engine.samples import (
    AGREED_AT,
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
    attempted,
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
from tests.engine.test_events import stored
from tests.projections.folding import fields, recorded, rows

DEFERRED = Deferred(reason="term_ends", until=ENDS_AT, at=OPENS_AT)


def row(*facts) -> CardRow:
    return rows(CARDS, *facts)[CARD_ID]


def prices_known_to_the_holder(card) -> set[int | None]:
    """Minor units; which of them the holder was shown last is in the facts only."""
    return {one.price.minor for one in (card.consent, *card.announced)} if card.consent else {None}


@pytest.mark.parametrize("name", STORED_NAMES)
def test_only_the_facts_that_change_the_row_are_folded(name):
    fact = read_fact(0, *stored(name)).fact
    before = None if isinstance(fact, CardRegistered) else row(*PAYING)
    changed = fold(before, recorded(fact, 9)) is not before
    assert changed == (type(fact) not in get_args(NotShown))


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
    assert fields(row(*CHARGING), "version", "changed_at") == (3, AGREED_AT)
    assert fields(row(*DECLINED), "version", "changed_at") == (6, OPENS_AT + SECOND)


@pytest.mark.parametrize("fact", [started(), CHARGING[-1], DEFERRED], ids=lambda fact: type(fact).__name__)
def test_what_is_not_shown_changes_nothing(fact):
    assert row(*PAYING, fact) == row(*PAYING)
    assert rows(CARDS, recorded(fact, 4)) == {}


def test_a_removed_method_does_not_count():
    removed = PaymentMethodRemoved(method_id=VISA.method_id, reason="holder", at=OPENS_AT)
    assert row(registered(), bound(VISA), bound(PAYPAL), removed).methods == 1


def test_it_shows_the_price_that_the_holder_was_shown_last():
    quoted = {"saving": Money(minor=0, currency="CNY"), "catalogue_version": "2027-01-01", "at": OPENS_AT}
    dearer = {"months": 1, "price": Money(minor=3000, currency="CNY"), "applies_from": date(2026, 6, 1)}
    announced = PriceChangeAnnounced(**dearer, **quoted)
    assert row(*PAYING, announced).price_minor == 3000
    assert row(*PAYING, announced, switched_off(), enabled()).price_minor == 1500
    halfyearly = {"months": 6, "price": Money(minor=8100, currency="CNY"), "terms_version": "terms-1", "channel": "web"}
    assert fields(row(*PAYING, PeriodChanged(**halfyearly, **quoted)), "auto_renew_months", "price_minor") == (6, 8100)


def test_it_shows_how_a_card_ends():
    owed = Money(minor=0, currency="CNY")
    assert row(*PAYING, CardClosed(reason="holder", balance=owed, at=OPENS_AT)).status == "closed"
    lost = {"term_number": 0, "by": "carrier", "quarantined_until": date(2026, 6, 1), "policy_version": "1"}
    assert row(*PAYING, NumberReclaimed(**lost, balance=owed, at=OPENS_AT)).status == "reclaimed"


def test_it_shows_a_hold_until_it_is_lifted():
    held = CardHeld(reason="a question", by="operator", at=OPENS_AT)
    assert row(*PAYING, held).held is True
    assert row(*PAYING, held, CardReleased(at=OPENS_AT)).held is False


def test_a_late_success_hides_no_unknown_outcome():
    late = replace(succeeded(), learned="late")
    assert row(*DECLINED, attempted(2, 2), unknown(number=2), late).outcome_unknown is True


@given(seed=st.integers(0, 2**32))
def test_after_each_append_the_row_agrees_with_the_card(seed):
    life = random_history(seed, 120)
    found, version = None, 0
    for append in life.appends:
        for fact in append.facts:
            version += 1
            one = recorded(fact, version, card_id=life.card_id)
            found = CARDS.fold(found, one) if CARDS.key_of(one) else found
        card = append.card
        assert fields(found, "status", "zone", "methods") == (card.status, card.custody.zone, len(card.methods.bound))
        assert (found.balance_minor, found.held) == (card.balance.minor, card.held_since is not None)
        assert found.reserved_minor == (card.attempts.open.from_balance if card.attempts.open else 0)
        assert found.outcome_unknown == bool(card.attempts.open and card.attempts.open.unknown)
        consent = card.consent
        assert found.auto_renew_months == (consent.months if consent else None)
        assert found.price_minor in prices_known_to_the_holder(card)


def test_a_card_that_was_never_registered_has_no_row():
    assert rows(CARDS, bound()) == {}


# Queries


@pytest.fixture
def lives(store, connection):
    lives = [random_history(seed, 60) for seed in range(12)]
    store_all(store, lives)
    follow(connection, LIVE, 10_000)
    return lives


def test_each_row_agrees_with_the_state_of_its_card(lives, connection):
    for life in lives:
        card, found = life.card, find_card(connection, life.card_id)
        assert fields(found, "card_id", "holder_id", "plan", "currency", "zone") == (
            *(card.card_id, card.custody.holder_id, card.custody.plan, card.custody.currency, card.custody.zone),
        )
        assert fields(found, "status", "methods") == (card.status, len(card.methods.bound))
        assert fields(found, "term_number", "starts_on", "ends_on", "ends_at") == (
            *(card.term.number, card.term.starts_on, card.term.ends_on, card.term.ends_at),
        )
        assert found.auto_renew_months == (card.consent.months if card.consent else None)
        assert found.price_minor in prices_known_to_the_holder(card)
        assert found.outcome_unknown == bool(card.attempts.open and card.attempts.open.unknown)


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
