"""Requests that another web site's page makes in a user's browser are refused.

Without this, any page could start workflows on the machine of whoever runs `wf dev` and visits it:
a browser sends such a POST without asking. Clients that are no browser send neither header.
"""

from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from wfcore.problems import Problem
from wfserver.problems import problem_response

__all__ = ["SameOrigin"]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES: Final = frozenset({"same-origin", "none"})


class SameOrigin:
    """ASGI middleware: answers 403 to requests from other sites' pages that could change state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE or _is_ours(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        message = "a page of another web site made this request"
        refusal = problem_response(
            HTTPStatus.FORBIDDEN, [Problem("request.cross_origin", "", message)]
        )
        await refusal(scope, receive, send)


def _is_ours(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OUR_PAGES
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
