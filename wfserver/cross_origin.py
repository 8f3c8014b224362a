"""CORS: which other web sites' pages may use this API (`APP_CORS_ORIGINS`)."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

__all__ = ["cross_origin"]

_READABLE: Final = ("Link", "Retry-After", "WWW-Authenticate", "Wf-Notice")
_SENDABLE: Final = (
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
)


def cross_origin(origins: Sequence[str]) -> list[Middleware]:
    """Return the middleware that answers for these origins; none where there are none.

    It goes before the one that wants keys: a browser asks first, and sends no key with that.
    Credentials that browsers add by themselves stay out: a page has to know a key.
    """
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=_SENDABLE,
            expose_headers=_READABLE,
            max_age=600,
        )
    ]
