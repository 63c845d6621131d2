"""While the provider does not answer nothing more is sent, and the cards' deadlines move; a look-up ends it."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from psycopg import OperationalError
from structlog.testing import capture_logs

from adapters.breaker import UNANSWERED_MOST, Breaker, close_if_nothing_is_open
from adapters.clock_check import CheckedClock
from adapters.control import gateway_is_down, move_clock
from adapters.waiting_cards import kept_waiting, wake_again
from adapters.wiring import rules_now
from engine.errors import GatewayMisuseError
from engine.ports import Declined, NotFound, Pending, Unclear
from engine.questions import Question
from projections.due import list_due
from tests.adapters.cards import FAR
from tests.adapters.gateways.asking import request
from tests.adapters.roles.test_consumer import SilentGateway
from tests.engine.samples import RULES, attempt_id

AT = datetime(2027, 3, 1, tzinfo=UTC)
CHARGE, LOOK_UP = (Question(None, request(), learned, "due") for learned in ("sent", "looked_up"))
TIMEOUT = Unclear(reason="timeout")
TEN = [(CHARGE, TIMEOUT)] * UNANSWERED_MOST


@pytest.fixture
def breaker(connection):
    return Breaker(lambda use: use(connection))


def is_down(connection) -> bool:
    move_clock(connection, AT)
    rules, _ = rules_now(connection, CheckedClock(virtual=True), RULES)
    assert rules.charging_stopped == rules.gateway_down
    return rules.gateway_down


def test_ten_charges_in_a_row_without_an_answer_stop_all_others_and_one_answered_look_up_lets_them_go_on(
    breaker, connection
):
    breaker.saw(TEN[:-1], AT, down=False)
    assert not is_down(connection)
    with capture_logs() as lines:
        breaker.saw(TEN[:1], AT, down=False)
        assert is_down(connection)
        breaker.saw([(LOOK_UP, TIMEOUT)], AT + timedelta(minutes=5), down=True)
        assert is_down(connection)
        breaker.saw([(LOOK_UP, NotFound())], AT + timedelta(minutes=20), down=True)
        assert not is_down(connection)
    assert [line["event"] for line in lines] == ["gateway.down", "gateway.up"]


@pytest.mark.parametrize(
    "answer",
    [
        Declined(code="insufficient_funds"),
        Pending(attempt_id=attempt_id(), gateway_ref="pi-1"),
        Unclear(reason="rate_limited"),
        GatewayMisuseError("no such method"),
    ],
    ids=["declined", "pending", "rate_limited", "called wrong"],
)
def test_any_answer_begins_the_count_anew(breaker, connection, answer):
    breaker.saw([*TEN[:-1], (CHARGE, answer), *TEN[:-1]], AT, down=False)
    assert not is_down(connection)


@pytest.mark.parametrize("reason", ["no_turn", "rate_unknown", "provider_refuses_us"])
def test_what_was_not_sent_says_nothing(breaker, connection, reason):
    not_sent = (CHARGE, Unclear(reason=reason))
    breaker.saw([not_sent] * 50, AT, down=False)
    assert not is_down(connection)
    breaker.saw([*TEN[:-1], not_sent, TEN[0]], AT, down=False)
    assert is_down(connection)
    breaker.saw([not_sent], AT, down=True)
    assert is_down(connection)


def test_look_ups_without_an_answer_are_of_outcomes_that_were_unknown_before_and_stop_nothing(breaker, connection):
    breaker.saw([(LOOK_UP, TIMEOUT)] * 50, AT, down=False)
    assert not is_down(connection)


@pytest.mark.parametrize("reply", [None, ConnectionResetError()], ids=["none", "raised"])
def test_a_call_that_ended_without_an_answer_counts(breaker, connection, reply):
    breaker.saw([(CHARGE, reply)] * UNANSWERED_MOST, AT, down=False)
    assert is_down(connection)


def test_others_learn_of_it_with_their_next_batch_and_say_it_once(connection):
    one, other = (Breaker(lambda use: use(connection)) for _ in range(2))
    with capture_logs() as lines:
        one.saw(TEN, AT, down=False)
        other.saw(TEN, AT, down=False)
    assert [line["event"] for line in lines] == ["gateway.down"]


def test_a_database_that_is_away_costs_no_answer_and_it_opens_with_the_next_batch(connection):
    away = True

    def use(call):
        if away:
            raise OperationalError("the database is away")
        return call(connection)

    breaker = Breaker(use)
    breaker.saw(TEN, AT, down=False)
    away = False
    breaker.saw(TEN[:1], AT, down=False)
    assert is_down(connection)


def test_where_nothing_is_open_no_look_up_would_close_it_and_an_operator_does(breaker, connection, cards):
    cards.register(1)
    breaker.saw(TEN, AT, down=False)
    cards.project()
    assert close_if_nothing_is_open(connection) == AT
    assert not is_down(connection)
    assert close_if_nothing_is_open(connection) is None


def test_while_an_attempt_is_open_its_look_up_closes_it_and_no_operator(breaker, connection, cards):
    [card_id] = cards.register(1)
    cards.now = FAR
    assert cards.engine.wake({card_id: "due"}, *cards.rules()).questions
    cards.project()
    breaker.saw(TEN, AT, down=False)
    assert close_if_nothing_is_open(connection) is None
    assert is_down(connection)


def test_a_consumer_whose_gateway_hangs_opens_it(cards, connection, queue, breaker, monkeypatch):
    monkeypatch.setattr("adapters.breaker.UNANSWERED_MOST", 5)
    queue.consumer.gateway, queue.consumer.breaker = SilentGateway(), breaker
    queue.handle(*cards.register(*range(UNANSWERED_MOST)))
    assert is_down(connection)
    assert cards.now == FAR


def blocked(cards):
    rules, at = cards.rules()
    return replace(rules, charging_stopped=True, gateway_down=True), at


def test_the_cards_that_waited_go_on_when_it_closes_and_not_at_their_own_next_look(connection, cards):
    waiting = cards.register(1, 2)
    cards.register(3)
    cards.now = FAR
    cards.engine.wake(dict.fromkeys(waiting, "due"), *blocked(cards))
    assert {cards.names(card_id)[-1] for card_id in waiting} == {"charging_blocked"}
    assert kept_waiting(connection, FAR + timedelta(seconds=1)) == []
    assert kept_waiting(connection, FAR) == sorted(waiting)
    assert wake_again(cards.engine, kept_waiting(connection, FAR), cards.rules) == 2
    cards.project()
    due = {one.card_id: one.wake_at for one in list_due(connection, 10)}
    assert [due[card_id] for card_id in waiting] == [FAR, FAR]


def test_the_consumer_that_sees_the_answer_wakes_them(cards, connection, queue, breaker, run):
    woken = []
    [card_id] = cards.register(1)
    cards.now = FAR
    cards.engine.wake({card_id: "due"}, *cards.rules())  # its charge is under way, and nobody hears the answer
    gateway_is_down(connection, FAR)
    cards.now = FAR + timedelta(hours=1)
    queue.consumer.breaker, queue.consumer.wake_blocked = breaker, lambda since: woken.append(since) or 0
    queue.consumer.read_rules = lambda: blocked(cards)
    queue.handle(card_id)
    run(queue.consumer.drain())
    assert woken == [FAR]
