"""The judge finds what is planted, and nothing else."""

import json

import pytest

from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Exchange
from tests.adapters.gateways.sandbox.api import Api
from tests.judge.document import converted
from tests.judge.judging import Judge, nested, typed


@pytest.fixture(scope="module")
def exchange():
    """A good exchange, to be spoiled."""
    heard = []
    with running(observe=heard.append) as address:
        Api(address).charge("pm_card_visa", metadata={"a": "b"})
    return heard[-1]


@pytest.fixture(scope="module")
def document():
    return Judge().document


def findings(document, exchange, *, request=None, status=None, **changed):
    judge = Judge(document)
    answer = json.loads(exchange.answer) | changed
    text = exchange.text + (b"&" + request if request else b"")
    judge(Exchange(exchange.method, exchange.path, text, status or exchange.status, json.dumps(answer).encode()))
    assert judge.judged == 1
    return judge.findings


def test_a_good_exchange_is_found_good(document, exchange):
    assert document["version"] == "2026-05-27.dahlia"
    assert findings(document, exchange) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": "1000"},
        {"status": "paid"},
        {"colour": "red"},
        {"object": "charge"},
        {"metadata": {"a": 1}},
        {"latest_charge": {"id": "ch_1"}},
        {"customer": "Jenny Rosen"},
        {"next_action": {"type": "redirect_to_url", "colour": "red"}},
        {"livemode": None},
    ],
)
def test_a_wrong_answer_is_found(document, exchange, changed):
    assert findings(document, exchange, **changed)


@pytest.mark.parametrize(
    "request_",
    [b"colour=red", b"shipping[colour]=red", b"capture_method=never", b"amount=ten", b"metadata[c][d]=e", b"expand=x"],
)
def test_a_wrong_request_is_found(document, exchange, request_):
    assert findings(document, exchange, request=request_)


def test_an_object_in_place_of_an_id_is_found_unless_it_was_asked_for(document, exchange):
    with running() as address:
        customer = Api(address).made("customers")
    assert "expanded" in findings(document, exchange, customer=customer)[0]
    assert findings(document, exchange, request=b"expand[0]=customer", customer=customer) == []


def test_an_error_with_a_good_status_is_found(document, exchange):
    assert findings(document, exchange, error={"type": "api_error"})
    assert findings(document, exchange, status=402)


def test_what_is_no_json_and_what_has_no_operation_are_found(document):
    judge = Judge(document)
    judge(Exchange("GET", "/v1/charges", b"", 200, b"<html>"))
    judge(Exchange("GET", "/v1/colours", b"", 200, b"{}"))
    judge(Exchange("GET", "/v1/colours", b"", 404, b"{}"))
    assert len(judge.findings) == 2


def test_null_is_allowed_where_the_document_says_nullable():
    assert converted({"type": "string", "nullable": True, "enum": ["a"]}, refuse=True) == {
        "type": ["string", "null"],
        "enum": ["a", None],
    }
    assert converted({"anyOf": [{"$ref": "#/x"}], "nullable": True}, refuse=True)["anyOf"][-1] == {"type": "null"}


def test_a_form_gets_the_types_of_its_schema():
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "b": {"type": "boolean"},
            "l": {"type": "array", "items": {"type": "string"}},
            "m": {"type": "object", "additionalProperties": {"type": "string"}},
            "e": {
                "anyOf": [
                    {"type": "object", "properties": {"x": {"type": "integer"}}},
                    {"enum": [""], "type": "string"},
                ]
            },
        },
    }
    form = nested(b"n=1&b=true&l[]=1&l[]=2&m[7]=8&e[x]=9")
    assert typed(form, schema, {}) == {"n": 1, "b": True, "l": ["1", "2"], "m": {"7": "8"}, "e": {"x": 9}}
    assert typed(nested(b"e=&n=x"), schema, {}) == {"e": "", "n": "x"}
