"""A database is charged through one gateway: the first that charges; until then another role may name another."""

import pytest

from adapters.charged_through import charge_through, check_gateway
from adapters.clock_check import CheckedClock
from adapters.control import move_clock
from adapters.settings import SettingsError
from adapters.wiring import rules_now
from tests.adapters.cards import FAR
from tests.engine.samples import RULES


def test_before_a_role_has_started_any_gateway_will_do(connection):
    check_gateway(connection, "simulated")
    check_gateway(connection, "stripe")


def test_once_a_role_has_started_another_gateway_is_refused_with_what_to_set(connection):
    charge_through(connection, "stripe")
    check_gateway(connection, "stripe")
    with pytest.raises(SettingsError, match="through the gateway stripe, and BAOHAO_GATEWAY is simulated; set BAOHAO"):
        check_gateway(connection, "simulated")


def test_no_decision_is_made_by_the_promises_of_another_provider(connection):
    move_clock(connection, FAR)
    assert RULES.provider.name == "stripe"
    charge_through(connection, "simulated")
    with pytest.raises(SettingsError, match="set BAOHAO_GATEWAY=simulated here"):
        rules_now(connection, CheckedClock(virtual=True), RULES)


def test_another_gateway_may_be_chosen_until_the_first_charge(connection, cards):
    charge_through(connection, "simulated")
    charge_through(connection, "stripe")
    check_gateway(connection, "stripe")
    [card_id] = cards.register(1)
    cards.now = FAR
    charge_through(connection, "simulated")
    assert cards.engine.wake({card_id: "due"}, *cards.rules()).questions
    with pytest.raises(SettingsError, match="or use another database"):
        charge_through(connection, "stripe")
    check_gateway(connection, "simulated")
