"""A top-up that the holder pays on the provider's page: it comes onto the balance, or is over without a trace."""

from msgspec import to_builtins

from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown
from engine.card.balance import BalanceCredited
from engine.card.lapse import GraceStarted
from engine.card.paying_on_page import top_up_on_page
from engine.card.payments import ChargeSucceeded
from engine.card.term import RenewalStarted
from engine.card.top_ups import TopUpStarted, top_up
from engine.command_dispatch import decide
from engine.commands import TopUp
from engine.ports import Unclear
from tests.engine.every_command import command
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.restored_cards import nothing_older
from tests.engine.samples import CARD_ID, DECLINED, ENDS_AT, OPENS_AT, PAYING, RULES, TEN, registered
from tests.engine.test_paying_on_page import (
    AFTER,
    ALIPAY,
    BEFORE,
    DAY,
    EXPIRED,
    HOUR,
    LASTS,
    MINUTE,
    NO_METHOD,
    NOT_PAID,
    OVER,
    answered,
    paid,
)


def topping_up(*facts, at=AFTER) -> Then:
    return given(*facts).when(top_up_on_page, RULES, wallet=ALIPAY, amount=TEN, at=at)


def test_a_top_up_on_the_page_comes_onto_the_balance():
    begun = topping_up(registered())
    begun.then(
        fact(TopUpStarted, number=1, automatic=False),
        fact(ChargeAttempted, top_up=1, reason="top_up", page_until=AFTER + LASTS),
    )
    then = paid(begun, AFTER + MINUTE).then(fact(ChargeSucceeded, top_up=1), fact(BalanceCredited, amount=TEN))
    assert (then.card.balance.minor, then.card.top_ups.under_way) == (TEN.minor, None)


def test_a_top_up_that_was_not_paid_is_over_and_no_method_is_charged_for_it():
    left = answered(topping_up(*PAYING, at=BEFORE), EXPIRED, BEFORE + HOUR)
    left.then(NOT_PAID)
    assert (left.card.top_ups.under_way, left.card.top_ups.declined_by_hand) == (None, ())
    Given(left.card).at(BEFORE + HOUR).nothing()
    again = Given(left.card).when(top_up_on_page, RULES, wallet=ALIPAY, amount=TEN, at=BEFORE + HOUR)
    assert again.facts[1].attempt_id != left.facts[0].attempt_id


def test_an_open_top_up_keeps_no_renewal_waiting_and_no_deadline():
    begun = topping_up(*PAYING, at=OPENS_AT - MINUTE)
    Given(begun.card).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, top_up=None, method_id="visa"))
    unpaid = topping_up(*NO_METHOD, at=ENDS_AT - MINUTE)
    Given(unpaid.card).at(ENDS_AT).then(fact(GraceStarted))


def test_a_top_up_of_unknown_outcome_moves_no_deadline():
    begun = topping_up(*DECLINED, at=ENDS_AT)
    unknown = answered(begun, Unclear(reason="timeout"), ENDS_AT + OVER)
    unknown.then(fact(ChargeOutcomeUnknown))
    answered(unknown, EXPIRED, ENDS_AT + OVER + DAY).then(NOT_PAID)


def test_a_card_without_any_method_can_be_topped_up_on_the_page():
    given(registered()).when(top_up, RULES, amount=TEN, at=AFTER).refused("no_usable_method")
    topping_up(registered()).then(fact(TopUpStarted), fact(ChargeAttempted))


def test_the_command_that_names_a_wallet_is_paid_on_the_page():
    asked = command(TopUp, CARD_ID, amount=to_builtins(TEN), on_page=to_builtins(ALIPAY))
    started = decide(asked, given(*PAYING).card, RULES, AFTER, nothing_older)
    assert started == topping_up(*PAYING).facts
