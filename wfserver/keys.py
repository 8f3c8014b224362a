"""Bearer keys: with `APP_API_KEYS`, every route but the health probes wants one.

A browser cannot be told to send a bearer key for a page. So that the docs can be read in one, a key
is also taken as the password of HTTP Basic (with any user name), and the docs ask for that.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from wfcore.problems import Problem
from wfserver.problems import problem_response

__all__ = ["KeyRequired", "Keys"]

_OPEN_TO_ALL: Final = frozenset({"/livez", "/readyz"})
_BEARER: Final = 'Bearer realm="wfcore"'
_BASIC: Final = 'Basic realm="wfcore", charset="UTF-8"'
_FOR_BROWSERS: Final = frozenset({"/", "/docs", "/openapi.json"})


class Keys:
    """The keys of a server, as nothing that they could be read from."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key.encode()) for key in keys]

    def know(self, given: bytes) -> bool:
        """Compare with every key, whichever fits: the time tells nothing about them."""
        digest = _digest(given)
        found = False
        for known in self._digests:
            found |= hmac.compare_digest(known, digest)
        return found


class KeyRequired:
    """ASGI middleware: answers 401 to requests without one of the keys."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _OPEN_TO_ALL:
            await self._app(scope, receive, send)
            return
        given = _given(Headers(scope=scope).get("authorization", ""))
        if given is not None and self._keys.know(given):
            await self._app(scope, receive, send)
            return
        await _refusal(scope["path"], wrong=given is not None)(scope, receive, send)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _given(authorization: str) -> bytes | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return b""
        return decoded.partition(b":")[2]
    return None


def _refusal(path: str, *, wrong: bool) -> ASGIApp:
    challenge = f'{_BEARER}, error="invalid_token"' if wrong else _BEARER
    problem = Problem(
        "auth.wrong_key" if wrong else "auth.required",
        "",
        "the key is not one of this server's" if wrong else "this server wants a key",
        "send it as `Authorization: Bearer KEY`",
    )
    refusal = problem_response(HTTPStatus.UNAUTHORIZED, [problem], {"WWW-Authenticate": challenge})
    if path in _FOR_BROWSERS or path.startswith("/docs/"):
        # A header of its own: browsers look no further than the first scheme in each.
        refusal.headers.append("WWW-Authenticate", _BASIC)
    return refusal
