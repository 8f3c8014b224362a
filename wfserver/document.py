"""Workflow documents as requests bring them: JSON, or YAML where `Content-Type` says so."""

import asyncio
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import Request

from wfcore.engine.plans import Document
from wfcore.errors import DocumentRefused
from wfcore.outbound.http import UNSET
from wfcore.workflow.limits import Limits
from wfserver.body import parse_body, read_body
from wfserver.problems import RequestRefused

__all__ = ["Submitted", "read_document"]

_YAML: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


class Submitted(NamedTuple):
    """A document, and the input that came beside it."""

    document: Document
    input: Any = UNSET


async def read_document(request: Request, limits: Limits) -> Submitted:
    """Return the document of a request; raises `RequestRefused` where it cannot be read."""
    body = await read_body(request, limits)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _YAML:
        return _submitted(await _parse_yaml(body, limits))
    value = await parse_body(body, limits)
    if isinstance(value, dict) and "input" in value:
        return _submitted(value)
    # As text: the engine sees at once how large it is, and checks a large one in a thread.
    return Submitted(body)


def _submitted(value: Any) -> Submitted:
    if isinstance(value, dict) and "input" in value:
        given = value.pop("input")
        return Submitted(value, given)
    return Submitted(value)


async def _parse_yaml(body: bytes, limits: Limits) -> Any:
    # Imported here: YAML is an extra, and slow to load.
    from wfcore.workflow.yaml_source import parse_yaml  # noqa: PLC0415

    try:
        return await asyncio.to_thread(parse_yaml, body, limits)
    except DocumentRefused as refused:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, refused.problems) from refused
