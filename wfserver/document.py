"""Workflow documents as requests bring them: JSON, or YAML where `Content-Type` says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import Request

from wfcore.engine.plans import Document
from wfcore.errors import DocumentRefused
from wfcore.outbound.http import UNSET
from wfcore.problems import Problem
from wfcore.workflow.limits import Limits
from wfserver.body import parse_body, read_body
from wfserver.problems import RequestRefused

__all__ = ["Submitted", "read_document", "refused_with_lines"]

_YAML: Final = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})


class Submitted(NamedTuple):
    """A document, and the input that came beside it."""

    document: Document
    input: Any = UNSET
    yaml: str = ""
    """The text, where it was YAML."""

    async def located(self, problems: Sequence[Problem]) -> list[Problem]:
        """Return problems with the lines of YAML that they are about: JSON has pointers only."""
        if not self.yaml or not problems:
            return list(problems)
        lines = await asyncio.to_thread(_lines, self.yaml)
        return [replace(each, message=_with_line(each, lines)) for each in problems]


@contextlib.asynccontextmanager
async def refused_with_lines(given: Submitted) -> AsyncIterator[None]:
    """Let a refusal name lines, where the document was YAML."""
    try:
        yield
    except DocumentRefused as refused:
        raise DocumentRefused(await given.located(refused.problems)) from refused


def _lines(text: str) -> dict[str, int]:
    from wfcore.workflow.yaml_source import yaml_places  # noqa: PLC0415

    return dict(yaml_places(text))


def _with_line(problem: Problem, lines: Mapping[str, int]) -> str:
    at = problem.pointer
    while at and at not in lines:
        at = at.rpartition("/")[0]
    return f"line {lines[at]}: {problem.message}" if at else problem.message


async def read_document(request: Request, limits: Limits) -> Submitted:
    """Return the document of a request; raises `RequestRefused` where it cannot be read."""
    body = await read_body(request, limits)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _YAML:
        value = await _parse_yaml(body, limits)
        return _submitted(value)._replace(yaml=body.decode("utf-8-sig"))
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
        missing = refused.problems[0].code == "yaml.missing"
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if missing else HTTPStatus.BAD_REQUEST
        raise RequestRefused(status, refused.problems) from refused
