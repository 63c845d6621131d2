"""What programs change: consent, methods, payments; once for each key."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.commands import BindPaymentMethod
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of

OFF = f"/cards/{card_id_of('off')}"
PLUS = f"/cards/{card_id_of('plus')}"
FIFTY = {"amount_minor": 5000, "currency": "CNY"}


def agreed(program, months=12, card=OFF):
    """The consent to what is shown today."""
    shown = program.get(f"{card}/quotes").json
    [quote] = [one for one in shown["quotes"] if one["months"] == months]
    del quote["saving"]
    return {**quote, "terms_version": shown["terms_version"]}


def names(world, card="off"):
    return world.cards.names(card_id_of(card))


def test_auto_renewal_is_switched_on_with_what_was_shown_and_off_again(app, world):
    done = app.write("PUT", f"{OFF}/auto-renewal", agreed(app))
    assert done.status == 200
    assert [one["type"] for one in done.json["events"]] == ["auto_renew_enabled"]
    recorded = [one for one in world.cards.log() if one.card_id == card_id_of("off")][-1]
    assert (recorded.fact.channel, recorded.actor) == ("api", "holder:h-lin")
    assert app.get(OFF).json["auto_renewal_months"] == 12
    assert app.write("DELETE", f"{OFF}/auto-renewal").status == 200
    assert app.get(OFF).json["standing"] == "auto_renew_off"


def test_a_back_office_acts_under_its_name(office, world):
    assert office.write("DELETE", f"{PLUS}/auto-renewal").status == 200
    recorded = [one for one in world.cards.log() if one.card_id == card_id_of("plus")][-1]
    assert (recorded.fact.reason, recorded.actor) == ("operator", "operator:office")


def test_another_price_than_todays_is_refused_and_changes_nothing(app, world):
    before = names(world)
    wrong = agreed(app) | {"price": {"amount_minor": 1, "currency": "CNY"}}
    assert app.write("PUT", f"{OFF}/auto-renewal", wrong).code == "price_changed"
    other_terms = app.write("PUT", f"{OFF}/auto-renewal", agreed(app) | {"terms_version": "x"})
    assert (other_terms.status, other_terms.json["fields"][0]["field"]) == (422, "body.terms_version")
    assert names(world) == before


def test_the_same_key_is_done_once_and_answered_alike(app, program, world):
    before = len(names(world))
    first = app.write("PUT", f"{OFF}/auto-renewal", agreed(app), key="k1")
    assert app.write("PUT", f"{OFF}/auto-renewal", agreed(app), key="k1").json == first.json
    assert len(names(world)) == before + 1
    for method, path, body in (
        ("PUT", f"{OFF}/auto-renewal", agreed(app, 1)),
        ("DELETE", f"{OFF}/auto-renewal", None),
        ("POST", f"{PLUS}/top-ups", {"amount": FIFTY}),
    ):
        answer = app.write(method, path, body, key="k1")
        assert (answer.status, answer.code) == (409, "command_id_reused")
        [wrong] = answer.json["fields"]
        assert wrong["field"] == "header.Idempotency-Key"
        assert answer.json["detail"] == "this Idempotency-Key was used for another request; choose a new one"
    assert program().write("DELETE", f"{OFF}/auto-renewal", key="k1").status == 200


def test_many_with_one_key_at_once_are_one(app, world):
    before = len(names(world, "plus"))
    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(app.write, "POST", f"{PLUS}/top-ups", {"amount": FIFTY}, key="double") for _ in range(8)]
        answers = [one.result() for one in sent]
    assert {one.status for one in answers} == {202}
    assert len({one.body for one in answers}) == 1
    assert len(names(world, "plus")) == before + len(answers[0].json["events"])


def test_of_a_key_only_a_hash_is_kept(app, world):
    done = app.write("DELETE", f"{PLUS}/auto-renewal", key="call +85255500142")
    assert "5550" not in done.json["command_id"]
    stored = world.connection.execute("SELECT string_agg(command_id, ' ') FROM card_events_commands").fetchone()[0]
    assert done.json["command_id"] in stored
    assert "+85255500142" not in stored


@pytest.mark.parametrize("key", ["k" * 201, "ключ".encode().decode("latin-1"), " "])
def test_a_write_needs_a_key_of_printable_characters(app, key):
    answer = app.write("DELETE", f"{PLUS}/auto-renewal", key=key)
    assert (answer.status, answer.json["fields"][0]["field"]) == (422, "header.Idempotency-Key")
    assert app.send("DELETE", f"{PLUS}/auto-renewal", None, {}).status == 422
    assert app.get(PLUS).json["consent"]


def test_methods_are_ordered_and_removed(app, world):
    world.give(NOW, BindPaymentMethod(command_id=world.id(), card_id=card_id_of("plus"), method=PAYPAL))
    order = {"method_ids": ["paypal", "visa"], "balance_first": True}
    assert app.write("PUT", f"{PLUS}/methods/order", order).status == 200
    card = app.get(PLUS).json
    assert ([one["method_id"] for one in card["methods"]], card["balance_first"]) == (["paypal", "visa"], True)
    assert app.write("DELETE", f"{PLUS}/methods/visa").status == 200
    assert [one["method_id"] for one in app.get(PLUS).json["methods"]] == ["paypal"]
    assert app.write("DELETE", f"{PLUS}/methods/visa").code == "unknown_method"
    assert app.write("PUT", f"{PLUS}/methods/order", order).code == "not_the_methods"


def test_a_renewal_and_top_ups_are_asked_for(app):
    due = app.get(PLUS).json["due"]
    dearer = due | {"amount": due["amount"] | {"amount_minor": due["amount"]["amount_minor"] + 1}}
    assert app.write("POST", f"{PLUS}/renewals", dearer).code == "price_changed"
    later = due | {"term_number": due["term_number"] + 1}
    assert app.write("POST", f"{PLUS}/renewals", later).code == "price_changed"
    renewed = app.write("POST", f"{PLUS}/renewals", due)
    assert renewed.status == 202
    assert "renewal_requested" in [one["type"] for one in renewed.json["events"]]
    assert app.write("POST", f"{OFF}/top-ups", {"amount": FIFTY}).status == 202
    order = {"threshold": FIFTY, "amount": FIFTY}
    assert app.write("PUT", f"{OFF}/auto-top-up", order).status == 200
    assert app.get(OFF).json["auto_top_up"] == order
    assert app.write("DELETE", f"{OFF}/auto-top-up").status == 200
    assert app.get(OFF).json["auto_top_up"] is None


@pytest.mark.parametrize(
    ("amount", "field"),
    [
        ({"amount_minor": "5", "currency": "CNY"}, "body.amount.amount_minor"),
        ({"amount_minor": 1.5, "currency": "CNY"}, "body.amount.amount_minor"),
        ({"amount_minor": -1, "currency": "CNY"}, "body.amount.amount_minor"),
        ({"amount_minor": 10**30, "currency": "CNY"}, "body.amount.amount_minor"),
        ({"amount_minor": 5, "currency": "cny"}, "body.amount.currency"),
        ({"amount_minor": 5, "currency": "CNY", "more": 1}, "body.amount.more"),
        (None, "body.amount"),
    ],
)
def test_what_is_no_amount_is_refused_by_its_field(app, amount, field):
    answer = app.write("POST", f"{PLUS}/top-ups", {"amount": amount})
    assert answer.code == "invalid"
    assert answer.json["fields"][0]["field"] == field


DUE = {"term_number": 2, "amount": FIFTY}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", f"{PLUS}/top-ups", {"amount": FIFTY | {"amount_minor": 0}}, "body.amount.amount_minor"),
        ("POST", f"{PLUS}/top-ups", {"amount": FIFTY | {"currency": "USD"}}, "body.amount.currency"),
        ("PUT", f"{PLUS}/methods/order", {"method_ids": ["none"], "balance_first": False}, "body.method_ids"),
        ("DELETE", f"{PLUS}/methods/none", None, "path.method_id"),
    ],
)
def test_a_refusal_of_the_rules_names_the_field_as_the_request_has_it(app, method, path, body, field):
    answer = app.write(method, path, body)
    assert answer.status == 409
    assert [one["field"] for one in answer.json["fields"]] == [field]


def test_a_refusal_of_the_rules_has_its_code(app):
    assert app.write("POST", f"{PLUS}/top-ups", {"amount": FIFTY | {"currency": "USD"}}).code == "wrong_currency"
    assert app.write("POST", f"{OFF}/renewals", DUE).code == "auto_renew_off"
    assert app.write("POST", f"/cards/{card_id_of('lost')}/renewals", DUE).code == "card_reclaimed"


def test_a_top_up_has_a_limit(app, world):
    before = names(world, "plus")
    answer = app.write("POST", f"{PLUS}/top-ups", {"amount": {"amount_minor": 100_001, "currency": "CNY"}}, key="much")
    assert (answer.status, answer.json["code"]) == (422, "amount_too_large")
    assert names(world, "plus") == before
