"""The second factor is asked for once more before money moves, and each code is taken once."""

import pytest

from adapters.control import charging_stopped_since
from tests.adapters.web.console.test_acting import PAID, PLUS, attempt_of, done

ID = "6f1c0000-0000-4000-8000-00000000000a"


@pytest.fixture
def refund(operator, world):
    """Sends the second step of a refund, always the same form."""

    def send(code):
        fields = {"command_id": ID, "attempt": attempt_of(world, PAID), "amount": "1.00", "reason": "goodwill"}
        return operator.post(f"/cards/{PAID}/refund", {**fields, "step": "do", "code": code})

    return send


def test_before_money_moves_the_form_asks_for_a_code_and_before_a_hold_it_does_not(operator, world):
    fields = {"attempt": attempt_of(world, PAID), "amount": "1.00", "reason": "goodwill", "step": "ask"}
    assert "Code of the authenticator app" in operator.post(f"/cards/{PAID}/refund", fields).text
    held = operator.post(f"/cards/{PLUS}/hold", {"reason": "x", "step": "ask"})
    assert "Code of the authenticator app" not in held.text
    assert "Code of the authenticator app" in operator.get("/charging").text


@pytest.mark.parametrize("code", ["", "000000", "x"])
def test_without_the_right_code_nothing_is_done_and_what_was_shown_stays(refund, world, record, code):
    answer = refund(code)
    assert answer.status == 422
    assert ("Give the six digits" if not code else "That is not the code of this moment") in answer.text
    assert "This will be recorded at once" in answer.text
    assert answer.field("reason") == "goodwill"
    assert "refund_started" not in world.cards.names(PAID)
    assert done(record) == ([("prove", None, None, None, "failed")] if code else [])


def test_a_code_is_taken_once_but_a_double_click_is_one_refund(operator, refund, world):
    code = operator.code
    assert [refund(code).status for _ in range(2)] == [303, 303]
    another = operator.post("/charging/stop", {"reason": "a bad night", "word": "STOP", "code": code})
    assert another.status == 422
    assert "it was used already" in another.text
    assert world.cards.names(PAID).count("refund_started") == 1
    assert charging_stopped_since(world.connection) is None


def test_the_code_of_a_form_that_was_refused_is_asked_for_again(operator, refund, world):
    refund(operator.code)
    world.connection.execute("UPDATE operator_actions SET outcome = 'refused: held'")
    assert refund("").status == 422


def test_after_some_wrong_codes_the_next_one_has_to_wait(operator, refund, world):
    answers = [refund("000000") for _ in range(4)]
    world.connection.execute("UPDATE sign_in_tries SET failures = 12")  # the first waits are over within seconds
    answers += [refund("000000") for _ in range(2)]
    assert "Too many tries. Try again in" in answers[-1].text
    assert "Too many tries" in refund(operator.code).text


def test_charging_is_not_stopped_without_it(operator, world):
    answer = operator.post("/charging/stop", {"reason": "a bad night", "word": "STOP"})
    assert answer.status == 422
    assert "Give the six digits" in answer.text
    assert charging_stopped_since(world.connection) is None


def test_who_it_was_is_named_to_operators_alone(operator, desk):
    operator.do(f"/cards/{PLUS}/hold", reason="a complaint")
    for path in ("/record", f"/cards/{PLUS}"):
        assert "operator@example.com" in operator.get(path).text
        assert "operator@example.com" not in desk("support").get(path).text
