"""Requests that another web site's page makes in a user's browser are refused.

Without this, any page could start workflows on the machine of whoever runs `wf dev` and visits it:
a browser sends such a POST without asking. Clients that are no browser send neither header. Pages
of the sites in `APP_CORS_ORIGINS` are welcome.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from wfcore.problems import Problem
from wfserver.problems import problem_response

__all__ = ["SameOrigin"]

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_EVERY_SITE: Final = "*"
_OUR_PAGES: Final = frozenset({"same-origin", "none"})


class SameOrigin:
    """ASGI middleware: answers 403 to requests from other sites' pages that could change state."""

    def __init__(self, app: ASGIApp, welcome: Iterable[str] = ()) -> None:
        self._app = app
        self._welcome = frozenset(welcome)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE or self._may(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        message = "a page of another web site made this request"
        refusal = problem_response(
            HTTPStatus.FORBIDDEN, [Problem("request.cross_origin", "", message)]
        )
        await refusal(scope, receive, send)

    def _may(self, headers: Headers) -> bool:
        if _is_ours(headers) or _EVERY_SITE in self._welcome:
            return True
        return headers.get("origin") in self._welcome


def _is_ours(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OUR_PAGES
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
