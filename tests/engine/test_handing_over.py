"""A card comes to another holder, who inherits nothing that the one before had agreed to, bound or paid."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from engine import commands
from engine.actor import actor
from engine.card.balance import BalanceCredited, BalancePaidOut
from engine.card.custody import HolderChanged
from engine.card.disputes import DisputeRecorded, record_dispute
from engine.card.giving_back import record_refund
from engine.card.handing_over import change_holder
from engine.card.hold import CardHeld
from engine.card.lapse import confirm_reclaim
from engine.card.methods import PaymentMethodRemoved, PaymentMethodsOrdered
from engine.card.recall import charge_in
from engine.card.refunds import RefundRecorded
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet
from engine.card.top_ups import TopUpStarted
from engine.commands import Issued
from engine.errors import Refused
from engine.notices import notice_of
from tests.engine.every_command import CLOSED, RECLAIMED, REFUNDING, cards_with, command
from tests.engine.given_when_then import fact, given, no_older_charge
from tests.engine.recorded_history import recorded
from tests.engine.restored_cards import RESTORED
from tests.engine.samples import (
    CHARGING,
    FIVE,
    PAID,
    PAYPAL,
    POLICY,
    RULES,
    TEN,
    TWO_VERSIONS,
    VISA,
    attempt_id,
    bound,
    enabled,
    local,
    registered,
    suspended,
    switched_off,
    unknown,
)
from tests.engine.test_evolve import ANNOUNCED
from tests.engine.topped_up import topped_up

NOW = local("2026-03-29 12:00")
REMOVED = PaymentMethodRemoved(method_id="visa", reason="holder", at=NOW)
CHANGED = HolderChanged(holder_id="holder-2", before="holder-1", at=NOW)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SOONER = NOW - DAY
FREE = (registered(), bound(VISA), enabled(), switched_off(at=NOW), REMOVED)
"""A card that its holder uses no more."""
FORMER, NEW = actor("holder", "holder-1"), actor("holder", "holder-2")


def hand_over(card, holder_id="holder-2", rules=RULES):
    return card.when(change_holder, rules, holder_id=holder_id, at=NOW)


@pytest.mark.parametrize("history", [(registered(),), FREE, (*FREE, suspended())])
def test_a_card_that_nobody_uses_comes_to_another_holder_as_it_is(history):
    before = given(*history).card
    then = hand_over(given(*history)).then(fact(HolderChanged, holder_id="holder-2", before="holder-1"))
    card = then.card
    assert (card.custody.holder_id, card.custody.since) == ("holder-2", NOW)
    assert (card.term, card.status, card.deadlines) == (before.term, before.status, before.deadlines)
    assert (card.custody.plan, card.custody.zone) == (before.custody.plan, before.custody.zone)


def test_it_is_with_this_holder_already():
    hand_over(given(*FREE), "holder-1").nothing()
    hand_over(given(*FREE, CHANGED)).nothing()


@pytest.mark.parametrize(
    ("history", "why"),
    [
        ((*FREE[:3],), "auto-renewal is on, a payment method is bound"),
        (FREE[:4], "a payment method is bound"),
        ((*CHARGING, switched_off(at=NOW), REMOVED), "a charge is under way, a renewal is unpaid"),
        ((*CHARGING, unknown(), switched_off(at=NOW), REMOVED), "a charge is under way, a renewal is unpaid"),
        ((*FREE, TopUpStarted(number=1, amount=TEN, automatic=False, at=NOW)), "a charge is under way"),
        ((*FREE, AutoTopUpSet(threshold=FIVE, amount=TEN, at=NOW)), "automatic top-up is on"),
        ((*FREE, BalanceCredited(amount=FIVE, reason="top_up", about=attempt_id(), at=NOW)), "money is on the balance"),
    ],
)
def test_a_card_that_its_holder_still_uses_stays(history, why):
    then = hand_over(given(*history))
    then.refused("in_use")
    assert why in str(then.refusal)


def test_money_that_goes_back_keeps_it_too():
    history = (*PAID, *REFUNDING[-1:], switched_off(at=NOW), REMOVED)
    assert "a refund is under way" in str(hand_over(given(*history)).refusal)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (CardHeld(reason="a doubt", by="operator", at=NOW), "held"),
        (RECLAIMED, "card_reclaimed"),
        (CLOSED, "card_closed"),
    ],
)
def test_a_card_that_is_looked_at_or_over_stays(more, code):
    hand_over(given(registered(), more)).refused(code)


def test_after_a_restore_a_card_stays_until_its_charges_were_looked_up():
    hand_over(given(*FREE), rules=RESTORED).refused("restored")


def test_money_that_the_holder_before_paid_never_moves_the_balance_of_the_new_one():
    paid_out = BalancePaidOut(amount=TEN, evidence="transfer", at=SOONER)
    former = (*FREE, *topped_up(1, at=SOONER, amount=TEN), paid_out, CHANGED)
    card = given(*former, *topped_up(2, at=NOW + SECOND, amount=TEN))
    assert card.card.balance.minor == TEN.minor
    about = {"attempt_id": topped_up(1)[1].attempt_id, "amount": TEN, "evidence": "bank", "at": NOW + DAY}
    taken = card.when(record_dispute, partial(charge_in, former), **about)
    assert taken.card.balance.minor == TEN.minor
    taken.then(fact(DisputeRecorded))
    own = about | {"attempt_id": topped_up(2)[1].attempt_id}
    assert card.when(record_dispute, no_older_charge, **own).card.balance.minor == 0


def test_a_charge_of_the_holder_before_goes_back_to_its_method_and_not_onto_the_balance_of_the_new_one():
    card = given(*PAID, switched_off(at=NOW), REMOVED, CHANGED)
    about = {"attempt_id": attempt_id(), "amount": FIVE, "evidence": "ticket-1", "at": NOW + SECOND}
    card.when(record_refund, no_older_charge, to="balance", **about).refused("another_holder")
    card.when(record_refund, no_older_charge, to="method", **about).then(fact(RefundRecorded))
    given(*PAID).when(record_refund, no_older_charge, to="balance", **about).then(fact(BalanceCredited))


def test_what_the_balance_of_the_holder_before_paid_for_a_term_is_not_owed_to_the_new_one():
    from_balance = replace(PAID[-1], attempt_id=None, from_balance=TEN.minor)
    history = (*FREE[:3], *topped_up(1, at=SOONER, amount=TEN), PAID[3], from_balance, switched_off(at=NOW), REMOVED)
    assert given(*history).when(confirm_reclaim, POLICY, at=NOW).card.balance.minor == TEN.minor
    assert given(*history, CHANGED).when(confirm_reclaim, POLICY, at=NOW).card.balance.minor == 0


def test_the_new_holder_was_told_of_nothing_and_chose_nothing():
    ordered = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=NOW)
    reminder = ReminderDue(kind="renewal_ahead", term_number=0, about="2026-03-29", at=NOW)
    history = (*FREE[:3], ANNOUNCED, reminder, ordered, *FREE[3:])
    before = given(*history).card
    assert (before.announced, before.reminded, before.methods.balance_first) != ((), {}, False)
    card = hand_over(given(*history)).card
    assert (card.announced, set(card.reminded), card.methods.balance_first) == ((), set(), False)


def test_the_holder_until_then_is_told():
    notice = notice_of(recorded(CHANGED, version=6)[0])
    assert (notice.kind, notice.values) == ("holder_changed", {})


# The same through the engine


@pytest.fixture
def free(engine, store):
    """A card with its id, at the engine."""
    [card_id] = cards_with(store, FREE)
    return card_id


def asked(kind, card_id, by, **changed):
    return Issued(command(kind, card_id, **changed), by)


def execute(engine, *issued):
    return engine.execute(list(issued), TWO_VERSIONS, NOW + SECOND)


def code(reply):
    return reply.code if isinstance(reply, Refused) else [type(one).__name__ for one in reply]


def test_a_holders_command_about_another_holders_card_is_refused_however_late_it_comes(engine, free):
    change = asked(commands.ChangeHolder, free, NEW)
    bind = asked(commands.BindPaymentMethod, free, FORMER)
    assert [code(one) for one in execute(engine, change)] == [["HolderChanged"]]
    for by, expected in ((FORMER, "another_holder"), (actor("holder", "holder-3"), "another_holder")):
        assert code(execute(engine, Issued(command(commands.BindPaymentMethod, free), by))[0]) == expected
    assert code(execute(engine, bind)[0]) == "another_holder"
    for by in (NEW, actor("operator", "tests"), actor("system", "web")):
        method = {**to_builtins(PAYPAL), "method_id": f"m-{by[-3:]}"}
        assert code(execute(engine, asked(commands.BindPaymentMethod, free, by, method=method))[0]) == [
            "PaymentMethodBound"
        ]


def test_what_was_accepted_is_answered_again_also_after_the_card_went(engine, free):
    zone = asked(commands.ChangeZone, free, FORMER)
    first = execute(engine, zone)
    execute(engine, asked(commands.ChangeHolder, free, NEW))
    assert execute(engine, zone) == first


def test_of_two_who_take_it_at_the_same_time_the_later_one_has_it_and_both_changes_are_facts(engine, store, free):
    takers = [actor("holder", f"holder-{number}") for number in range(2, 8)]

    def take(by):
        holder_id = by.partition(":")[2]
        return execute(engine, asked(commands.ChangeHolder, free, by, holder_id=holder_id))[0]

    with ThreadPoolExecutor(len(takers)) as pool:
        replies = list(pool.map(take, takers))
    assert [code(one) for one in replies] == [["HolderChanged"]] * len(takers)
    changes = [one.fact for one in store.history(free) if isinstance(one.fact, HolderChanged)]
    assert [one.before for one in changes] == ["holder-1", *(one.holder_id for one in changes[:-1])]
    assert engine.cards([free])[0].custody.holder_id == changes[-1].holder_id


def test_a_method_bound_at_the_same_time_never_comes_to_the_new_holder(engine, store):
    cards = cards_with(store, *[FREE] * 12)

    def both(card_id):
        calls = [asked(commands.ChangeHolder, card_id, NEW), asked(commands.BindPaymentMethod, card_id, FORMER)]
        with ThreadPoolExecutor(2) as pool:
            return [code(one) for [one] in pool.map(lambda one: execute(engine, one), calls)]

    for card_id in cards:
        assert both(card_id) in (
            [["HolderChanged"], "another_holder"],
            ["in_use", ["PaymentMethodBound"]],
        )
        card = engine.cards([card_id])[0]
        assert not (card.custody.holder_id == "holder-2" and card.methods.bound)


def test_the_same_command_twice_is_one(engine, free):
    change = asked(commands.ChangeHolder, free, NEW, command_id=str(uuid4()))
    first = execute(engine, change)
    assert execute(engine, change) == first
