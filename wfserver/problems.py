"""What goes wrong, as `application/problem+json` (RFC 9457): one shape for every error."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from wfcore.errors import (
    Conflict,
    DocumentRefused,
    EngineNotOpen,
    ExecutionNotFound,
    NodeNotFound,
    StoreError,
)
from wfcore.problems import Problem

__all__ = ["MEDIA_TYPE", "RequestRefused", "answer_problems", "problem_response"]

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)
_RETRY_AFTER_SECONDS: Final = 2
_MOST_PROBLEMS: Final = 100


class RequestRefused(Exception):
    """A request cannot be answered; `status` and `problems` say why.

    `headers` stand on the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        problems: Sequence[Problem],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.problems = tuple(problems)
        self.headers = headers
        super().__init__("\n".join(str(problem) for problem in problems))


def problem_response(
    status: HTTPStatus, problems: Sequence[Problem], headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the answer that tells these problems; `detail` is the first of them."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": f"{problems[0]}{more}",
        "problems": [problem.as_dict() for problem in problems],
    }
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Let an app answer every error in the one shape."""
    app.add_exception_handler(RequestRefused, _refused)
    app.add_exception_handler(DocumentRefused, _document_refused)
    app.add_exception_handler(ExecutionNotFound, _not_found)
    app.add_exception_handler(NodeNotFound, _node_not_found)
    app.add_exception_handler(RequestValidationError, _parameter_refused)
    app.add_exception_handler(EngineNotOpen, _closed)
    app.add_exception_handler(Conflict, _conflict)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _disconnected)
    app.add_exception_handler(Exception, _defect)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return problem_response(error.status, error.problems, error.headers)


async def _document_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, DocumentRefused)
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, error.problems)


async def _not_found(_: Request, error: Exception) -> Response:
    hint = "it was never submitted here, or is past its retention"
    return problem_response(
        HTTPStatus.NOT_FOUND, [Problem("execution.not_found", "", str(error), hint)]
    )


async def _node_not_found(_: Request, error: Exception) -> Response:
    assert isinstance(error, NodeNotFound)
    return problem_response(
        HTTPStatus.NOT_FOUND, [Problem("node.not_found", "", str(error), error.hint)]
    )


async def _parameter_refused(_: Request, error: Exception) -> Response:
    """Answer for parameters in the query and in headers; routes read bodies themselves."""
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem("request.parameter", "", _said_of_parameter(each))
        for each in error.errors()[:_MOST_PROBLEMS]
    ]
    return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, problems)


def _said_of_parameter(detail: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"][1:]) or "the query"
    if detail["type"] == "extra_forbidden":
        return f"{name} is no parameter of this request"
    said = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}: {said[:1].lower()}{said[1:]}"


async def _closed(_: Request, _error: Exception) -> Response:
    problem = Problem("server.stopping", "", "the server stops", "try again in a moment")
    headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, [problem], headers)


async def _conflict(_: Request, error: Exception) -> Response:
    assert isinstance(error, Conflict)
    return problem_response(HTTPStatus.CONFLICT, [error.problem])


async def _store_error(_: Request, error: Exception) -> Response:
    # The error names hosts and files: the log is the place for them, the answer is not.
    _log.error("the store does not answer: %s", error)
    problem = Problem(
        "store.unavailable",
        "",
        "the store does not answer; what was asked may or may not have happened",
        "try again: a repeated trigger with the same body changes nothing",
    )
    headers = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, [problem], headers)


async def _http_exception(request: Request, error: Exception) -> Response:
    """Answer for the framework: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    messages = {
        HTTPStatus.NOT_FOUND: "there is nothing at this path",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not a method of this path",
    }
    code = f"request.{status.name.lower()}"
    problem = Problem(code, "", messages.get(status, error.detail), "the API is described at /docs")
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return problem_response(status, [problem], headers)


def _methods(request: Request) -> list[str]:
    """Return the methods of a path: each has a route of its own, and the router knows of one."""
    scope = request.scope
    methods = ("DELETE", "GET", "POST")
    return [
        method
        for method in methods
        if any(
            route.matches({**scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _disconnected(_: Request, _error: Exception) -> Response:
    """End a request whose client went away before its body was whole; nobody reads this."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _defect(_: Request, _error: Exception) -> Response:
    """Answer for a defect of ours; the server logs the error, with its traceback."""
    problem = Problem("server.defect", "", "the server failed; its log says how")
    return problem_response(HTTPStatus.INTERNAL_SERVER_ERROR, [problem])
