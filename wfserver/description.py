"""The API's own description: what each operation takes and answers, for `/openapi.json`."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from wfserver import examples
from wfserver.notices import NOTICE
from wfserver.problems import MEDIA_TYPE
from wfserver.schemas import MODELS, ProblemDetails

__all__ = ["DescribedAPI", "answers", "optional_body", "required_body"]

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    400: "The body is not JSON.",
    404: "No execution has this id.",
    409: "It was triggered before, with another body.",
    413: "The body is too large.",
    422: "The document, an override or the input is refused.",
    503: "The store does not answer.",
}


class DescribedAPI(FastAPI):
    """A FastAPI app whose routes read their bodies themselves, and describe them all the same."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the models of all bodies."""
        if self.openapi_schema is None:
            described = super().openapi()
            _, schemas = models_json_schema(
                [(model, "validation") for model in MODELS], ref_template=_REFERENCE
            )
            described.setdefault("components", {})["schemas"] = schemas["$defs"]
        return super().openapi()


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
    problem: dict[str, Any] = {"schema": _reference(ProblemDetails)}
    described: dict[int | str, dict[str, Any]] = {
        status: {"description": said, "content": {MEDIA_TYPE: problem}}
        for status, said in _ERRORS.items()
        if status in errors
    }
    if 422 in described:
        described[422]["content"] = {MEDIA_TYPE: {**problem, "example": examples.REFUSAL}}
    other = {"description": "Any other error.", "content": {MEDIA_TYPE: problem}}
    return {200: good, **described, "default": other}


def required_body(model: type[BaseModel], example: Any) -> dict[str, Any]:
    """Describe a body that must be there."""
    return _body(model, example, required=True)


def optional_body(model: type[BaseModel], example: Any) -> dict[str, Any]:
    """Describe a body that may be left out."""
    return _body(model, example, required=False)


def _body(model: type[BaseModel], example: Any, *, required: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(model), "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
