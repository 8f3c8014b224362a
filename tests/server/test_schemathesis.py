"""A running server holds to its own description, whatever is sent to it."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.test_process import server
from wfserver import examples

_EXAMPLES = 25
_SEED = 20261127
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = Path(tmp_path_factory.mktemp("store")) / "wf.db"
    with server(f"sqlite:///{store}") as child, child.client() as client:
        assert child.process.stderr is not None
        # Nobody else reads its log: a full pipe would stop the server.
        threading.Thread(target=child.process.stderr.read, daemon=True).start()
        yield str(client.base_url).rstrip("/")


def test_every_operation_answers_as_it_is_described(url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = operations_of(schema)
    assert len(operations) == 18

    refused = 0
    for operation in operations:
        hold_to_description(operation, GenerationMode.POSITIVE)
        # Not every operation takes something that can be wrong.
        with contextlib.suppress(Unsatisfiable):
            hold_to_description(operation, GenerationMode.NEGATIVE)
            refused += 1
    assert refused >= 10


def operations_of(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


def hold_to_description(operation: Any, mode: GenerationMode) -> None:
    @seed(_SEED)
    @settings(
        max_examples=_EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: Any) -> None:
        case.call_and_validate(checks=_CHECKS, timeout=20)

    holds()


def test_what_exists_answers_as_it_is_described_too(url: str) -> None:
    """Made-up ids find nothing: here they name an execution, a node, a handler."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    workflow = {**examples.WORKFLOW, "dag": {"nodes": [{"id": "output", "handler": "output"}]}}
    started = httpx.post(f"{url}/workflow?trigger=true&wait=20", json=workflow).json()
    assert started["status"] == "COMPLETED"
    known = {"execution_id": started["execution_id"], "key": "output", "name": "output"}
    answered = 0

    for operation in operations_of(schema):
        if operation.method.upper() == "GET":
            names = [each.name for each in operation.path_parameters]
            case = operation.Case(path_parameters={name: known[name] for name in names})
            response = case.call(timeout=20)
            case.validate_response(response, checks=_CHECKS)
            assert response.status_code == 200, operation.path
            answered += 1

    assert answered == 11
