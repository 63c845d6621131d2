"""Acting: what would follow is shown first, then it is done once, by whom and why stands in facts and record."""

from uuid import uuid4

import pytest

from adapters.control import charging_stopped_since
from adapters.differences import keep
from adapters.reconciling import Difference, Span
from tests.adapters.cards import BEGIN
from tests.adapters.web.console.test_looking import attempt_of
from tests.adapters.web.pages.holders import card_id_of

PLUS, PAID, WAITING, FAILING = (card_id_of(name) for name in ("plus", "paid", "waiting", "failing"))


def last_fact(world, card_id):
    query = """
        SELECT topic, convert_from(state, 'UTF8')::jsonb ->> 'actor' FROM card_events
        WHERE originator_id = %s ORDER BY originator_version DESC LIMIT 1
    """
    return world.connection.execute(query, (card_id,)).fetchone()


def done(record):
    """The record without looks."""
    return [one for one in record() if one[0] not in {"see_card", "look_up"}]


def operator_id(world, role="operator"):
    return world.connection.execute("SELECT operator_id FROM operators WHERE role = %s", (role,)).fetchone()[0]


def test_nothing_is_done_before_it_was_shown(operator, world, record):
    before = world.cards.names(PLUS)
    form = operator.get(f"/cards/{PLUS}/hold")
    shown = operator.post(
        f"/cards/{PLUS}/hold", {"command_id": form.field("command_id"), "reason": "a test", "step": "ask"}
    )
    assert "This will be recorded at once" in shown.text
    assert "The card was held by the operator" in shown.text
    assert shown.field("command_id") == form.field("command_id")
    assert shown.field("reason") == "a test"
    assert world.cards.names(PLUS) == before
    assert done(record) == []


def test_a_hold_and_a_release_name_the_operator_and_the_reason(operator, world, record):
    by = f"operator:{operator_id(world)}"
    after = operator.do(f"/cards/{PLUS}/hold", reason="a complaint").to
    assert last_fact(world, PLUS) == ("card_held.v1", by)
    page = operator.get(after)
    assert "The card is held." in page.text
    assert ">Release<" in page.html
    world.cards.project()
    assert "held: a complaint" in operator.get("/cases").text
    assert operator.do(f"/cards/{PLUS}/release", reason="settled").status == 303
    assert done(record) == [
        ("hold", PLUS, None, "a complaint", "done"),
        ("release", PLUS, None, "settled", "done"),
    ]
    assert "a complaint" in operator.get("/record").text


def test_a_double_click_is_one(operator, world, record):
    form = operator.get(f"/cards/{PLUS}/hold")
    fields = {"command_id": form.field("command_id"), "reason": "twice", "step": "do"}
    assert [operator.post(f"/cards/{PLUS}/hold", fields).status for _ in range(2)] == [303, 303]
    assert world.cards.names(PLUS).count("card_held") == 1
    assert len(done(record)) == 1


def test_support_switches_auto_renewal_off_for_a_holder(desk, world, record):
    client = desk("support")
    assert client.do(f"/cards/{PLUS}/switch-off", who="holder", reason="by phone").status == 303
    assert last_fact(world, PLUS)[1] == f"operator:{operator_id(world, 'support')}"
    assert "auto_renew_switched_off" in world.cards.names(PLUS)
    assert done(record) == [("switch_off", PLUS, None, "by phone", "done")]


def test_a_charge_is_refunded_in_part_and_not_beyond_what_is_left(operator, world, record):
    attempt = attempt_of(world, PAID)
    path = f"/cards/{PAID}/refund?attempt={attempt}"
    assert f"refund?attempt={attempt}" in operator.get(f"/cards/{PAID}").html
    assert operator.do(path, amount="1.50", reason="goodwill").status == 303
    assert last_fact(world, PAID)[0] == "refund_started.v1"
    refused = operator.do(path, amount="99.00", reason="more")
    assert refused.status == 409
    assert 'value="99.00"' in refused.html
    assert "Of that charge 19.50 CNY is left to give back, not 99.00 CNY. [more_than_charged]" in refused.text
    assert 'id="amount-wrong"' in refused.html
    assert done(record) == [("refund", PAID, str(attempt), "goodwill", "done")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "12.500", "reason": "x"}, "Give an amount in CNY, such as 12.50."),
        ({"amount": "-1", "reason": "x"}, "Give an amount in CNY"),
        ({"amount": "", "reason": ""}, "Fill this in."),
        ({"amount": "", "reason": "x" * 201}, "Use 200 characters at most."),
        ({"amount": "", "reason": "the card 4242 4242 4242 4242"}, "looks like the number of a payment card"),
    ],
)
def test_bad_input_is_named_by_its_field_and_what_was_typed_stays(operator, world, record, fields, said):
    attempt = attempt_of(world, PAID)
    answer = operator.do(f"/cards/{PAID}/refund?attempt={attempt}", **fields)
    assert answer.status == 422
    assert said in answer.text
    assert all(f'value="{value}"' in answer.html for value in fields.values() if value)
    assert done(record) == []


def test_an_attempt_is_resolved_with_evidence(operator, world, record):
    attempt = attempt_of(world, WAITING)
    path = f"/cards/{WAITING}/resolve?attempt={attempt}"
    assert "Choose one." in operator.do(path, evidence="the gateway's list").text
    wrong = operator.do(path, charged="yes", evidence="the gateway's list")
    assert wrong.status == 409
    assert "[gateway_ref_missing]" in wrong.text
    assert operator.do(path, charged="no", evidence="the gateway's list").status == 303
    assert "charge_failed" in world.cards.names(WAITING)
    assert done(record) == [("resolve", WAITING, str(attempt), "the gateway's list", "done")]


def test_a_refusal_between_the_steps_is_recorded_and_said(operator, world, record):
    attempt = attempt_of(world, PAID)
    form = operator.get(f"/cards/{PAID}/refund?attempt={attempt}")
    fields = {"command_id": form.field("command_id"), "attempt": attempt, "reason": "x", "amount": "1000", "step": "do"}
    fields["code"] = operator.code
    answer = operator.post(f"/cards/{PAID}/refund", fields)
    assert answer.status == 409
    assert done(record)[0][-1] == "refused: more_than_charged"


def test_what_was_recorded_goes_back_to_be_changed(operator):
    fields = {"reason": "typed", "step": "change"}
    answer = operator.post(f"/cards/{PLUS}/hold", fields)
    assert answer.status == 200
    assert 'value="typed"' in answer.html
    assert "Show what will happen" in answer.text


def test_charging_is_stopped_and_resumed_with_word_and_reason(operator, desk, world, record):
    assert "Type STOP." in operator.post("/charging/stop", {"reason": "a bad night", "word": "stpo"}).text
    assert "Fill this in." in operator.post("/charging/stop", {"word": "STOP"}).text
    assert charging_stopped_since(world.connection) is None
    assert (
        operator.post("/charging/stop", {"reason": "a bad night", "word": "stop", "code": operator.code}).to
        == "/charging"
    )
    stop = charging_stopped_since(world.connection)
    assert (stop.reason, stop.by) == ("a bad night", f"operator:{operator_id(world)}")
    for path in ("/", "/cards", f"/cards/{PLUS}", "/record", "/figures", "/nothing-there/x"):
        assert ("Charging is stopped since" in desk("read").get(path).text) is not path.endswith("x"), path
    assert (
        operator.post("/charging/resume", {"reason": "over", "word": "RESUME", "code": operator.code}).to == "/charging"
    )
    assert charging_stopped_since(world.connection) is None
    assert "All charging was stopped" in operator.get("/charging").text
    assert done(record) == [
        ("stop_charging", None, None, "a bad night", "done"),
        ("resume_charging", None, None, "over", "resumed; 0 cards woken, 0 failed"),
    ]


def test_a_card_number_as_reason_of_a_stop_is_refused(operator, world, record):
    answer = operator.post("/charging/stop", {"reason": "4242 4242 4242 4242", "word": "STOP"})
    assert answer.status == 422
    assert "looks like the number of a payment card" in answer.text
    assert record() == []


def test_parked_cards_are_tried_again_and_messages_removed_once(operator, world, record):
    query = "SELECT parked_id FROM parked ORDER BY card_id NULLS LAST"
    card, message = (one for (one,) in world.connection.execute(query))
    assert operator.post("/parked/drop", {"parked_id": card}).status == 409
    assert operator.post("/parked/retry", {"parked_id": "999999999"}).status == 409
    assert operator.post("/parked/retry", {"parked_id": "x"}).status == 409
    assert operator.post("/parked/retry", {"parked_id": card}).to == "/parked"
    assert operator.post("/parked/drop", {"parked_id": message}).to == "/parked"
    assert "There is nothing." in operator.get("/parked").text
    assert [(action, outcome) for action, *_, outcome in done(record)][-2:] == [
        ("retry_parked", "1 retried"),
        ("drop_parked", "1 removed"),
    ]


def test_a_difference_is_closed_with_what_was_found_out(operator, world, record):
    found = Difference("charge_unknown", PLUS, uuid4(), "ch_twice", "EUR", 1500, None, BEGIN)
    keep(world.connection, Span(BEGIN, BEGIN), [found], BEGIN)
    assert "refund it on the provider's pages" in operator.get("/cases").text
    about = {"gateway_ref": "ch_twice"}
    assert "Say what was found out" in operator.post("/cases/close", about | {"evidence": " "}).text
    assert operator.post("/cases/close", about | {"evidence": "call +49 30 1234567"}).status == 422
    assert operator.post("/cases/close", {"gateway_ref": "ch_none", "evidence": "x"}).status == 409
    assert operator.post("/cases/close", about | {"evidence": "refunded by hand"}).to == "/cases"
    assert "ch_twice" not in operator.get("/cases").text
    row = world.connection.execute("SELECT closed_by, evidence FROM differences").fetchone()
    assert row == (f"operator:{operator_id(world)}", "refunded by hand")
    assert done(record)[-1] == ("close_difference", None, "ch_twice", "refunded by hand", "1 closed")


def test_a_blocked_payment_card_is_allowed_again(operator, world, record):
    world.connection.execute("INSERT INTO card_events_blocked VALUES ('fp-visa', 'infinity')")
    assert "fp-visa" in operator.get("/payment-cards").text
    assert "blocked" in operator.get(f"/cards/{PLUS}").text
    assert operator.post("/payment-cards", {"fingerprint": "fp-visa"}).status == 422
    unknown = operator.post("/payment-cards", {"fingerprint": "fp-none", "reason": "x"})
    assert unknown.status == 409
    assert 'value="fp-none"' in unknown.html
    assert operator.post("/payment-cards", {"fingerprint": "fp-visa", "reason": "its bank says so"}).status == 303
    assert "There are none." in operator.get("/payment-cards").text
    [refused, allowed] = done(record)
    assert refused[-1] == "refused: not_blocked"
    assert allowed[:4] == ("allow_payment_card", None, "fp-visa", "its bank says so")


def test_a_notice_is_sent_again_once_and_only_one_of_the_card(desk, world, record):
    client = desk("support")
    key = world.connection.execute("SELECT key FROM outbox").fetchone()[0]
    form = {"key": key, "command_id": client.get(f"/cards/{FAILING}").field("command_id")}
    for _ in range(2):
        assert client.post(f"/cards/{FAILING}/notices", form).status == 303
    assert world.connection.execute("SELECT count(*) FROM outbox").fetchone() == (2,)
    assert client.post(f"/cards/{PLUS}/notices", {"key": key}).status == 404
    assert [one[-1] for one in done(record)] == ["again", "unknown"]
