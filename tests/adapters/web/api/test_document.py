"""The OpenAPI document: valid, complete, and open to everybody."""

import re

import jsonschema_rs
import pytest

from tests.adapters.web.api.conftest import Program


@pytest.fixture
def document(served):
    answer = Program(served, None).get("/openapi.json")
    assert answer.status == 200
    return answer.json


def operations(document):
    return [(method, path, one) for path, found in document["paths"].items() for method, one in found.items()]


def resolved(document, schema):
    """The schema with what it refers to."""
    return {**schema, "components": document["components"]}


def test_it_is_openapi_3_1_under_the_prefix(document):
    assert re.fullmatch(r"3\.1\.\d", document["openapi"])
    assert document["servers"] == [{"url": "/api/v1"}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    names = [one["operationId"] for _, _, one in operations(document)]
    assert len(names) == len(set(names)) == 19


def test_every_reference_leads_somewhere_and_every_schema_is_one(document):
    for reference in set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(document))):
        assert reference in document["components"]["schemas"]
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator(resolved(document, schema))


def test_every_operation_needs_a_token_and_names_its_problems(document):
    for method, path, one in operations(document):
        assert one["security"] == [{"token": []}]
        assert "needs `cards:" in one["description"]
        expected = {"401", "403", "422", "429", "503"} | ({"404"} if "{card_id}" in path else set())
        expected |= {"400", "404", "409", "413"} if method != "get" else set()
        assert expected <= one["responses"].keys()
        for status in expected:
            example = one["responses"][status]["content"]["application/problem+json"]["example"]
            assert example["status"] == int(status)
        assert (method == "get") != ("Idempotency-Key" in str(one["parameters"]))


def test_every_answer_and_body_has_an_example_that_is_one(document):
    for _, _, one in operations(document):
        [done] = [answer for status, answer in one["responses"].items() if status in ("200", "202")]
        if "application/pdf" in done["content"]:
            continue
        shapes = [done["content"]["application/json"]["schema"]]
        if "requestBody" in one:
            shapes.append(one["requestBody"]["content"]["application/json"]["schema"])
        for shape in shapes:
            schema = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
            validator = jsonschema_rs.Draft202012Validator(resolved(document, schema))
            assert schema["examples"]
            for example in schema["examples"]:
                validator.validate(example)


def test_what_is_answered_is_as_the_document_says(document, app):
    for path, kind in (("/cards", "CardPage"), ("/receipts", "Receipts")):
        schema = resolved(document, document["components"]["schemas"][kind])
        jsonschema_rs.Draft202012Validator(schema).validate(app.get(path).json)
    validator = jsonschema_rs.Draft202012Validator(resolved(document, document["components"]["schemas"]["ShownCard"]))
    for card in app.get("/cards").json["cards"]:
        validator.validate(app.get(f"/cards/{card['card_id']}").json)
