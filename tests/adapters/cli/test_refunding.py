"""`baohao refund`: once however often it is given, in parts too, and refused in a sentence."""

from datetime import timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest

from adapters.charged import card_of
from engine.ports import Charged
from tests.adapters.cards import FAR, PRICE
from tests.adapters.cli.conftest import on_virtual_clock

CHARGED_AT = FAR + timedelta(hours=12)
_numbers = count(20, 300)  # the renewals of all of them open on the day of FAR, and their terms begin later


@pytest.fixture(scope="module")
def installation(new_installation):
    """One on the virtual clock, which stands where the cards are charged."""
    return on_virtual_clock(new_installation(), CHARGED_AT + timedelta(hours=1))


@pytest.fixture
def charged(cards):
    """A card whose renewal was charged, and the attempt."""
    [card_id] = cards.register(next(_numbers))
    rules, _ = cards.rules()
    cards.engine.wake({card_id: "test"}, rules, FAR - timedelta(days=6))  # the holder is told of the charge
    [question] = cards.engine.wake({card_id: "test"}, rules, CHARGED_AT).questions
    request = question.request
    answer = Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ch_1")
    cards.engine.record([(question, answer)], rules, CHARGED_AT)
    return card_id, request.attempt_id


def started(cards, card_id):
    return [
        one.fact.amount.minor
        for one in cards.log()
        if one.card_id == card_id and type(one.fact).__name__ == "RefundStarted"
    ]


def test_the_card_of_an_attempt_is_found_in_the_log(cards, charged):
    card_id, attempt_id = charged
    assert card_of(cards.connection, attempt_id) == card_id
    assert card_of(cards.connection, uuid4()) is None


def test_all_that_is_left_goes_back_once_however_often_it_is_asked_for(installation, cards, charged):
    card_id, attempt_id = charged
    done = installation.json("refund", attempt_id)
    back = {"amount_minor": PRICE, "currency": "EUR"}
    assert done == {"card_id": str(card_id), "facts": ["RefundStarted"], "repeated": False} | back
    repeated = installation.run("refund", attempt_id, "--json")
    assert repeated.exit_code == 0
    assert '"repeated": true' in repeated.stdout
    assert "--again refunds once more" in repeated.stderr
    assert started(cards, card_id) == [PRICE]
    assert cards.log()[-1].actor == "operator:cli"
    more = installation.run("refund", attempt_id, "--again")
    assert (more.exit_code, more.stderr) == (1, "of that charge nothing is left to give back [more_than_charged]\n")


def test_a_part_goes_back_and_its_term_may_end_with_the_rest(installation, cards, charged):
    card_id, attempt_id = charged
    part = ("refund", attempt_id, "--amount", 100, "--currency", "EUR")
    assert installation.json(*part)["facts"] == ["RefundStarted"]
    assert "goes back 1.00 EUR" in " ".join(installation.run(*part).stdout.replace("│", " ").split())
    more = installation.run(*part, "--again")
    assert (more.exit_code, "[refund_under_way]" in more.stderr) == (1, True)
    assert started(cards, card_id) == [100]


def test_a_term_ends_with_its_charge(installation, cards, charged):
    card_id, attempt_id = charged
    facts = installation.json("refund", attempt_id, "--ends-term")["facts"]
    assert (facts[0], "TermUndone" in facts) == ("RefundStarted", True)
    assert started(cards, card_id) == [PRICE]


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--amount", "271", "--currency", "EUR"], 1, "more_than_charged"),
        (["--amount", "0", "--currency", "EUR"], 1, "amount_not_positive"),
        (["--amount", "100", "--currency", "USD"], 1, "wrong_currency"),
        (["--amount", "100"], 2, "--currency CUR"),
        (["--amount", "100", "--currency", "euro"], 2, "amount"),
    ],
)
def test_what_cannot_go_back_is_refused_in_a_sentence(installation, charged, options, status, said):
    done = installation.run("refund", charged[1], *options)
    assert (done.exit_code, done.stdout) == (status, "")
    assert said in done.stderr


def test_an_attempt_that_the_log_does_not_have_is_refused(installation):
    done = installation.run("refund", UUID(int=5))
    assert (done.exit_code, "[unknown_attempt]" in done.stderr) == (1, True)
