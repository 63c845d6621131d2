"""Requests of all kinds, made from the OpenAPI document: none of them is our fault."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from tests.adapters.web.api.conftest import Program
from tests.adapters.web.pages.holders import card_id_of

EXAMPLES, EXAMPLES_WHEN_SLOW = 4, 40
OPERATIONS = 19


@pytest.fixture
def operations(served):
    """Each operation of the document."""
    schema = schemathesis.openapi.from_dict(Program(served, None).get("/openapi.json").json)
    found = [one.ok() for one in schema.get_all_operations()]
    assert len(found) == OPERATIONS
    return found


@pytest.mark.parametrize("number", range(OPERATIONS))
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_is_answered_by_an_error_of_ours(operations, program, number, mode, request):
    operation, office = operations[number], program()
    real = {"card_id": str(card_id_of("plus")), "method_id": "visa", "binding_id": "cs_1"}
    path = {name: value for name, value in real.items() if f"{{{name}}}" in operation.path}

    @seed(16)
    @settings(
        max_examples=EXAMPLES_WHEN_SLOW if request.config.getoption("--slow") else EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode, path_parameters=path or None))
    def ask(case):
        answer = case.call(base_url=f"{office.address}/api/v1", headers={"Authorization": f"Bearer {office.token}"})
        assert answer.status_code < 500

    ask()
