"""Who may ask the API for what: tokens, scopes, other holders' cards, and how often."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.web.pace import BURST, PER_SECOND, Pace
from tests.adapters.web.api.conftest import Program
from tests.adapters.web.pages.holders import HOLDER, card_id_of

FIFTY = {"amount_minor": 5000, "currency": "CNY"}
CONSENT = {"months": 1, "price": FIFTY, "catalogue_version": "x", "terms_version": "2026-11"}
READS = ("", "/history", "/quotes", "/bindings/cs_1")
WRITES = (
    ("PUT", "/auto-renewal", CONSENT),
    ("DELETE", "/auto-renewal", None),
    ("PUT", "/methods/order", {"method_ids": ["visa"], "balance_first": True}),
    ("DELETE", "/methods/visa", None),
    ("POST", "/renewals", {"term_number": 2, "amount": FIFTY}),
    ("POST", "/bindings", {}),
    ("POST", "/top-ups", {"amount": FIFTY}),
    ("POST", "/renewals/on-page", {"wallet": "alipay", "term_number": 2, "amount": FIFTY}),
    ("POST", "/top-ups/on-page", {"wallet": "alipay", "amount": FIFTY}),
    ("PUT", "/auto-top-up", {"threshold": FIFTY, "amount": FIFTY}),
    ("DELETE", "/auto-top-up", None),
)
PLUS = f"/cards/{card_id_of('plus')}"


def test_every_route_of_a_card_is_tried_here(office):
    document = office.get("/openapi.json").json
    of_a_card = {
        (
            method.upper(),
            path.removeprefix("/cards/{card_id}").replace("{method_id}", "visa").replace("{binding_id}", "cs_1"),
        )
        for path, operations in document["paths"].items()
        if path.startswith("/cards/{card_id}")
        for method in operations
    }
    assert of_a_card == {("GET", path) for path in READS} | {(method, path) for method, path, _ in WRITES}


@pytest.mark.parametrize("path", READS)
def test_anothers_card_is_read_as_none(other_app, path):
    answers = [other_app.get(f"{card}{path}") for card in (PLUS, f"/cards/{uuid4()}")]
    assert {one.status for one in answers} == {404}
    assert len({one.body for one in answers}) == 1
    assert answers[0].code == "unknown_card"


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_anothers_card_is_changed_as_none(other_app, world, method, path, body):
    before = world.cards.names(card_id_of("plus"))
    answers = [other_app.write(method, f"{card}{path}", body) for card in (PLUS, f"/cards/{uuid4()}")]
    assert {one.status for one in answers} == {404}
    assert len({one.body for one in answers}) == 1
    assert world.cards.names(card_id_of("plus")) == before


@pytest.mark.parametrize(("method", "path", "body"), [("GET", path, None) for path in READS] + [*WRITES])
def test_without_a_valid_token_nothing_is_said(served, method, path, body):
    for token in (None, "x", "a" * 43, "b" * 500):
        answer = Program(served, token).write(method, f"{PLUS}{path}", body)
        assert (answer.status, answer.code) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_ends_by_time_and_by_revocation(program, world):
    old = program(HOLDER, lasts=timedelta(seconds=-1))
    assert old.get("/cards").status == 401
    new = program(HOLDER, name="new")
    assert new.get("/cards").status == 200
    world.connection.execute("UPDATE api_tokens SET revoked_at = now() WHERE name = 'new'")
    assert new.get("/cards").status == 401


def test_of_a_token_a_hash_is_stored_and_when_it_was_used_to_the_minute(program, world):
    new = program(HOLDER, name="new")
    query = "SELECT used_at FROM api_tokens WHERE name = 'new'"
    assert world.connection.execute(query).fetchone() == (None,)
    assert new.get("/cards").status == 200
    used = world.connection.execute(query).fetchone()
    assert new.get("/cards").status == 200
    assert world.connection.execute(query).fetchone() == used != (None,)
    rows = world.connection.execute("SELECT t::text FROM api_tokens t").fetchall()
    assert new.token not in str(rows)


def test_scopes_are_kept_apart(program):
    reader, writer = program(HOLDER, ["cards:read"]), program(HOLDER, ["cards:write"])
    for path in ("/cards", "/receipts", *(f"{PLUS}{path}" for path in READS)):
        assert reader.get(path).status == (404 if "/bindings/" in path else 200)
        assert (writer.get(path).status, writer.get(path).code) == (403, "missing_scope")
    for method, path, body in WRITES:
        answer = reader.write(method, f"{PLUS}{path}", body)
        assert (answer.status, answer.code) == (403, "missing_scope")


def test_a_session_of_the_pages_is_nobody_here_and_other_sites_do_not_matter(served, world, app):
    cookie = {"Cookie": f"__Host-bh={world.tokens[HOLDER]}"}
    assert Program(served, None).get("/cards", **cookie).status == 401
    answer = app.write(
        "DELETE", f"{PLUS}/auto-renewal", **{"Sec-Fetch-Site": "cross-site", "Origin": "https://x.example"}
    )
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_who_asks_too_fast_is_told_when_to_come_back(program):
    eager, calm = program(HOLDER), program(HOLDER)
    answers = (eager.get("/nothing") for _ in range(int(BURST) * 40))  # a slow machine asks hardly too fast
    refused = next(one for one in answers if one.status == 429)
    assert (refused.code, refused.headers["retry-after"]) == ("too_many_requests", "1")
    assert calm.get("/nothing").status == 404


def test_a_bucket_fills_evenly():
    now_s = [0.0]
    pace, one, two = Pace(lambda: now_s[0]), uuid4(), uuid4()
    assert [pace.wait_s(one) for _ in range(int(BURST) + 1)] == [0] * int(BURST) + [1]
    assert pace.wait_s(two) == 0
    now_s[0] += 1 / PER_SECOND
    assert [pace.wait_s(one), pace.wait_s(one)] == [0, 1]


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b"7", b"null", b"{}", b'{"amount": {"amount_minor": NaN}}'])
def test_what_is_no_body_is_refused(app, body):
    answer = app.send("POST", f"{PLUS}/top-ups", body, {"Idempotency-Key": "k"})
    assert answer.status in (400, 422)
    assert answer.json["code"] in ("invalid", "bad_request")


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "x" * 3000])
def test_strange_texts_are_refused_by_their_field(app, text):
    for body, field in (
        (f'{{"amount": {{"amount_minor": 5, "currency": "{text}"}}}}', "body.amount.currency"),
        (f'{{"amount": {{"amount_minor": 5, "currency": "CNY"}}, "{text}": 1}}', "body"),
    ):
        answer = app.send("POST", f"{PLUS}/top-ups", body.encode(), {"Idempotency-Key": "k"})
        assert (answer.status, answer.code) == (422, "invalid")
        assert answer.json["fields"][0]["field"].startswith(field)
        assert len(answer.body) < 1000
    for name in ("catalogue_version", "terms_version"):
        body = json.dumps(CONSENT | {name: "?"}).replace("?", text)
        answer = app.send("PUT", f"{PLUS}/auto-renewal", body.encode(), {"Idempotency-Key": "k"})
        assert answer.status == 422


@pytest.mark.parametrize("text", ["%00", "%FF", "%ED%A0%80", "%F0%9F%98%80"])
def test_strange_addresses_find_nothing(app, office, text):
    assert office.get(f"/cards?holder={text}").status in (200, 422)
    assert office.get(f"/receipts?holder={text}&cursor={text}").status == 422
    assert app.get(f"/cards/{text}").status == 422
    assert app.write("DELETE", f"{PLUS}/methods/{text}").status in (409, 422)


def test_a_body_that_is_too_large_is_refused(app):
    body = json.dumps({"amount": FIFTY, "more": "x" * 20_000}).encode()
    answer = app.send("POST", f"{PLUS}/top-ups", body, {"Idempotency-Key": "k"})
    assert (answer.status, answer.code) == (413, "too_large")


def test_an_address_that_is_none_is_a_problem_too(app, served):
    assert app.get("/nothing").code == "not_found"
    assert app.send("PATCH", PLUS, b"{}", {}).code == "method_not_allowed"
    assert Program(served, None).get("/nothing").status == 401
