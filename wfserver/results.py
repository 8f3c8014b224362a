"""The answer that tells how an execution ended, with its notices beside the body."""

from fastapi.responses import JSONResponse

from wfcore import Result
from wfserver.notices import NOTICE, notice_lines

__all__ = ["results_response"]


def results_response(result: Result) -> JSONResponse:
    """Return the body of `/results`, with what handlers want its reader to know as headers."""
    response = JSONResponse(result.as_dict())
    for line in notice_lines(result.notices):
        response.headers.append(NOTICE, line)
    return response
