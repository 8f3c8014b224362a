"""The API's own description: what each operation takes and answers, for `/openapi.json`."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from wfserver import examples
from wfserver.notices import NOTICE
from wfserver.problems import MEDIA_TYPE
from wfserver.schemas import MODELS, ProblemDetails, ServerSentEvent, WorkflowRequest

__all__ = [
    "DescribedAPI",
    "answers",
    "document_body",
    "no_content",
    "optional_body",
    "stream_answers",
]

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    400: "The body cannot be read.",
    404: "There is nothing of this name here.",
    409: "It contradicts what the execution already is.",
    413: "The body is too large.",
    415: "The body is compressed in a way that is not read here.",
    422: "The document, an override, the input or a parameter is refused.",
    503: "The store does not answer.",
}
_KEY = "key"
_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "One of the keys in `APP_API_KEYS`, where these are set.",
}
_PATH_PARAMETERS = {
    "execution_id": {"description": "The id of an execution.", "example": examples.ID},
    "key": {"description": "The node's id.", "example": "get_posts"},
    "name": {"description": "The handler's name.", "example": "call_llm_service"},
}
_OPEN_TO_ALL = ("/livez", "/readyz")


class DescribedAPI(FastAPI):
    """A FastAPI app whose routes read their bodies themselves, and describe them all the same."""

    keys_wanted = False
    more_models: tuple[type[BaseModel], ...] = ()

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the models of all bodies."""
        if self.openapi_schema is None:
            described = super().openapi()
            _, schemas = models_json_schema(
                [(model, "validation") for model in (*MODELS, *self.more_models)],
                ref_template=_REFERENCE,
            )
            parts = described.setdefault("components", {})
            parts["schemas"] = schemas["$defs"]
            parts["securitySchemes"] = {_KEY: _SCHEME}
            if self.keys_wanted:
                described["security"] = [{_KEY: []}]
            _finish(described["paths"], keys_wanted=self.keys_wanted)
        return super().openapi()


def _finish(paths: dict[str, Any], *, keys_wanted: bool) -> None:
    """Say of every operation what holds for all of them."""
    for path, operations in paths.items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter.update(_PATH_PARAMETERS[parameter["name"]])
            responses = operation["responses"]
            # The framework's own idea of a refusal, which is never sent.
            if responses.get("422", {}).get("description") == "Validation Error":
                del responses["422"]
            if path in _OPEN_TO_ALL:
                operation["security"] = []
            elif keys_wanted:
                responses["401"] = _refusal("The server wants a key.")


def answers(
    model: type[BaseModel], example: Any, *errors: int, notices: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of an operation: the good one, and these errors."""
    good: dict[str, Any] = {
        "description": "As in the example.",
        "content": {"application/json": {"schema": _reference(model), "example": example}},
    }
    if notices:
        good["headers"] = {
            NOTICE: {
                "description": "A sentence that a handler put on the result.",
                "schema": {"type": "string"},
            }
        }
    return {200: good, **_refusals(errors)}


def stream_answers(example: str, *errors: int) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of an operation that streams events."""
    content = {"text/event-stream": {"schema": _reference(ServerSentEvent)}}
    said = f"Events, one after another, such as\n\n```\n{example}```\n"
    return {200: {"description": said, "content": content}, **_refusals(errors)}


def no_content(*errors: int) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of an operation whose good one has no body."""
    return {204: {"description": "Done."}, **_refusals(errors)}


def document_body() -> dict[str, Any]:
    """Describe a body that is a workflow document."""
    body = _body(WorkflowRequest, examples.WORKFLOW, required=True)
    content = body["requestBody"]["content"]
    content["application/yaml"] = {
        "schema": {"type": "string"},
        "example": examples.WORKFLOW_YAML,
    }
    return body


def optional_body(model: type[BaseModel], example: Any) -> dict[str, Any]:
    """Describe a body that may be left out."""
    return _body(model, example, required=False)


def _refusals(errors: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    described: dict[int | str, dict[str, Any]] = {
        status: _refusal(said) for status, said in _ERRORS.items() if status in errors
    }
    if 422 in described:
        described[422]["content"][MEDIA_TYPE]["example"] = examples.REFUSAL
    return {**described, "default": _refusal("Any other error.")}


def _refusal(said: str) -> dict[str, Any]:
    return {"description": said, "content": {MEDIA_TYPE: {"schema": _reference(ProblemDetails)}}}


def _body(model: type[BaseModel], example: Any, *, required: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(model), "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
