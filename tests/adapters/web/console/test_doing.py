"""What is said to be done is on record, what does not fit is not done, and a form that was changed is not the same."""

import pytest

from adapters.control import charging_stopped_since
from tests.adapters.web.console.test_acting import done, operator_id
from tests.adapters.web.console.test_looking import attempt_of
from tests.adapters.web.pages.holders import card_id_of

PLUS, PAID = card_id_of("plus"), card_id_of("paid")
ID, OTHER = "6f1c0000-0000-4000-8000-00000000000a", "6f1c0000-0000-4000-8000-00000000000b"


@pytest.mark.parametrize(
    ("act", "fields", "said"),
    [
        ("number-lost", {"reason": "x"}, "Only the number of a card that is suspended, or that is in doubt"),
        ("number-exists", {"evidence": "x"}, "The number is not in doubt."),
        ("release", {"reason": "x"}, "The card is not held."),
        ("record-refund", {"amount": "1.00", "to": "method", "evidence": "x"}, "Nothing is on the balance."),
    ],
)
def test_what_is_not_offered_is_not_taken_either(operator, world, record, act, fields, said):
    before, path = world.cards.names(PAID), f"/cards/{PAID}/{act}"
    for answer in (
        operator.get(path),
        operator.post(path, {**fields, "step": "ask"}),
        operator.post(path, {**fields, "step": "do"}),
    ):
        assert answer.status == 409
        assert said in answer.text
        assert "Nothing was changed." in answer.text
    assert world.cards.names(PAID) == before
    assert done(record) == []


def test_an_act_is_said_to_be_done_where_the_record_says_so_alone(desk, operator, world):
    for made_up in ("hold", OTHER, "x" * 200):
        assert "The card is held." not in operator.get(f"/cards/{PLUS}?done={made_up}").text
    after = operator.do(f"/cards/{PLUS}/hold", reason="a complaint").to
    assert "The card is held." in operator.get(after).text
    assert "The card is held." not in desk("support").get(after).text
    assert "The card is held." not in operator.get(after.replace(str(PLUS), str(PAID))).text


def test_a_form_with_another_reason_is_not_the_same_form(operator, world, record):
    operator.do(f"/cards/{PLUS}/hold", reason="a complaint")
    fields = {"command_id": ID, "step": "do"}
    assert operator.post(f"/cards/{PLUS}/release", {**fields, "reason": "settled"}).status == 303
    again = operator.post(f"/cards/{PLUS}/release", {**fields, "reason": "another"})
    assert again.status == 409
    assert "[command_id_reused]" in again.text
    assert [one[3] for one in done(record)] == ["a complaint", "settled"]


def test_a_stop_is_one_with_its_reason_and_not_replaced_by_another(operator, desk, world, record):
    stop = {"command_id": ID, "word": "STOP", "code": operator.code}
    assert operator.post("/charging/stop", {**stop, "reason": "a bad night"}).status == 303
    assert operator.post("/charging/stop", {**stop, "reason": "a bad night"}).status == 303
    changed = operator.post("/charging/stop", {**stop, "reason": "a worse night"})
    assert changed.status == 409
    assert "[command_id_reused]" in changed.text
    second = operator.post("/charging/stop", {"word": "STOP", "reason": "a worse night", "code": operator.code})
    assert second.status == 409
    assert "Charging is stopped already, since 20" in second.text
    assert "UTC: a bad night. Nothing was changed." in second.text
    assert charging_stopped_since(world.connection).reason == "a bad night"
    assert [one[3:] for one in done(record)] == [
        ("a bad night", "done"),
        ("a worse night", "refused: charging_stopped"),
    ]
    assert operator.post("/charging/resume", {"word": "RESUME", "reason": "over", "code": operator.code}).status == 303
    assert operator.post("/charging/stop", {**stop, "reason": "a bad night"}).status == 303
    assert charging_stopped_since(world.connection) is None, "the form of a stop that is over stops nothing again"


def test_a_stop_that_was_cut_off_before_it_was_said_is_made_good(operator, world, record):
    stop = {"command_id": ID, "word": "STOP", "reason": "a bad night", "code": operator.code}
    for outcome in (None, "failed"):
        assert operator.post("/charging/stop", stop).status == 303
        world.connection.execute("UPDATE operator_actions SET outcome = %s", (outcome,))
    assert operator.post("/charging/stop", stop).status == 303
    assert [one[3:] for one in done(record)] == [("a bad night", "done")]


def test_the_stop_names_the_person_to_who_may_see_it_and_the_reason_of_its_end(operator, desk, world):
    operator.post("/charging/stop", {"word": "STOP", "reason": "a bad night", "code": operator.code})
    by_id = f"operator:{operator_id(world)}"
    assert "by operator@example.com: a bad night" in desk("support").get("/").text
    assert f"by {by_id}: a bad night" in desk("read").get("/").text
    operator.post("/charging/resume", {"word": "RESUME", "reason": "the bank is back", "code": operator.code})
    history = desk("support").get("/charging").text
    assert "Charging was resumed: “the bank is back”." in history
    assert "operator@example.com" in history
    assert by_id not in history
    assert by_id in desk("read").get("/charging").text


def test_a_refund_without_an_amount_is_confirmed_with_the_whole(operator, world):
    path = f"/cards/{PAID}/refund"
    shown = operator.post(path, {"attempt": attempt_of(world, PAID), "amount": "", "reason": "goodwill", "step": "ask"})
    assert "21.00 CNY, all that is left" in shown.text
