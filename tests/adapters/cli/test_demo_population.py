"""The made-up holders: the same for the same seed, mostly good payers, giving every command of a holder."""

from collections import Counter
from typing import get_args

import pytest

from adapters.cli.demo.population import BEGIN, population
from adapters.gateways.simulated_methods import method_of
from engine.commands import (
    AllowPaymentMethod,
    AnnouncePriceChange,
    AnyCommand,
    BindPaymentMethod,
    ChangeHolder,
    ConfirmNumber,
    ConfirmReclaim,
    HoldCard,
    RecordDispute,
    RecordDisputeWon,
    RecordRefund,
    RefundCharge,
    RegisterCard,
    ReleaseCard,
    RenewNow,
    ResolveAttempt,
    UndoTerm,
    UpdatePaymentMethod,
)

NOT_OF_HOLDERS = {
    AllowPaymentMethod,
    ChangeHolder,
    ConfirmNumber,
    ConfirmReclaim,
    ResolveAttempt,
    RecordRefund,
    RefundCharge,
    RecordDispute,
    RecordDisputeWon,
    AnnouncePriceChange,
    UndoTerm,
}
"""They depend on what became of a card."""


@pytest.fixture(scope="module")
def people():
    return population(1000, 12, 1)


def of(people, kind):
    return [dated.command for dated in people if isinstance(dated.command, kind)]


def test_the_same_seed_gives_the_same_people_and_another_gives_others(people):
    assert population(1000, 12, 1) == people
    assert population(1000, 12, 2) != people


def test_commands_have_ids_of_their_own_and_come_by_time(people):
    ids = [dated.command.command_id for dated in people]
    assert len(set(ids)) == len(ids)
    assert [dated.at for dated in people] == sorted(dated.at for dated in people)
    assert people[0].at == BEGIN


def test_every_command_of_a_holder_occurs(people):
    given = {type(dated.command) for dated in people}
    assert given == set(get_args(AnyCommand)) - NOT_OF_HOLDERS - {RenewNow}


def test_nobody_asks_for_a_card_before_it_is_registered(people):
    registered = set()
    for dated in people:
        if isinstance(dated.command, RegisterCard):
            registered.add(dated.command.card_id)
        assert dated.command.card_id in registered


def test_every_held_card_is_released(people):
    assert {one.card_id for one in of(people, HoldCard)} == {one.card_id for one in of(people, ReleaseCard)}


def test_the_gateway_knows_every_method_and_most_of_them_are_good(people):
    methods = [one.method for one in of(people, BindPaymentMethod)]
    behaviours = Counter(method_of(method.token).behaviour for method in methods)
    assert behaviours["good"] + behaviours["slow"] > 0.65 * len(methods)
    assert behaviours.keys() >= {"declined", "flaky", "expired", "lost", "timeout_charged", "server_error", "silent"}
    assert any("+" in method.token for method in methods)


def test_both_cards_of_a_holder_may_be_paid_with_one_payment_card(people):
    holders = {one.card_id: one.holder_id for one in of(people, RegisterCard)}
    users = {}
    for one in of(people, BindPaymentMethod):
        if one.method.fingerprint:
            users.setdefault(one.method.fingerprint, set()).add(one.card_id)
    shared = [cards for cards in users.values() if len(cards) > 1]
    assert 20 < len(shared) < 200
    assert all(len(cards) == 2 and len({holders[card] for card in cards}) == 1 for cards in shared)


def test_a_method_that_failed_is_repaired_by_some(people):
    bound = {(one.card_id, one.method.method_id): one.method for one in of(people, BindPaymentMethod)}
    repaired = of(people, UpdatePaymentMethod)
    assert repaired
    for one in repaired:
        before = bound[one.card_id, one.method.method_id]
        assert method_of(before.token).behaviour in {"expired", "lost", "declined"}
        assert method_of(one.method.token).behaviour == "good"
