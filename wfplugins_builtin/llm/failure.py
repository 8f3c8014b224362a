"""From what pydantic-ai or a vendor's client raises to a `NodeError` with its retry decision."""

from typing import Any, Final

from pydantic_ai import exceptions as raised

from wfcore import NodeError
from wfplugins_builtin.llm.masking import Mask
from wfplugins_builtin.llm.names import ModelName

__all__ = ["node_error"]

_LONGEST_WAIT: Final = 3600.0
_LONGEST_SAID: Final = 500

# The first that fits counts: more special ones come first.
_KINDS: Final[tuple[tuple[type[Exception], str, bool], ...]] = (
    (raised.ModelRateLimitError, "RateLimited", True),
    (raised.ModelQuotaExceededError, "QuotaExceeded", False),
    (raised.ModelUnavailableError, "Overloaded", True),
    (raised.ModelRequestTimeout, "Timeout", True),
    (raised.ModelTimeoutError, "Timeout", True),
    (raised.ModelConnectionError, "ConnectionFailed", True),
    (raised.ModelServerError, "ServerError", True),
    (raised.ModelContextWindowExceededError, "ContextTooLong", False),
    (raised.ModelAuthenticationError, "AuthenticationFailed", False),
    (raised.ModelNotFoundError, "ModelNotFound", False),
    (raised.ModelRequestRejectedError, "RequestRejected", False),
    (raised.ContentFilterError, "ContentFiltered", False),
    (raised.UnexpectedModelBehavior, "MalformedAnswer", True),
    (raised.UserError, "RequestRejected", False),
)
_FILTERS: Final = frozenset(
    {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}
)
_TRIED_AGAIN: Final = frozenset({408, 409, 425})


def node_error(error: Exception, name: ModelName, mask: Mask) -> NodeError:
    """Return what a failed request means for its node; credentials are masked."""
    status = getattr(error, "status_code", None)
    status = status if isinstance(status, int) else None
    kind, retryable = _kind(error, status)
    code = getattr(error, "provider_error_code", None)
    wait = getattr(error, "retry_after", None)
    said = mask.error(_said(error))[:_LONGEST_SAID]
    details = {"model": str(name)} | ({"code": mask.error(code)} if isinstance(code, str) else {})
    answered = f"answered {status}: " if status is not None else ""
    return NodeError(
        kind,
        f"{name}: {answered}{said}",
        retryable=retryable,
        retry_after=min(wait, _LONGEST_WAIT) if retryable and wait is not None else None,
        status=status,
        details=details,
    )


def _kind(error: Exception, status: int | None) -> tuple[str, bool]:
    code = str(getattr(error, "provider_error_code", None) or "").lower()
    if code in _FILTERS:
        return "ContentFiltered", False
    for kind, name, retryable in _KINDS:
        if isinstance(error, kind):
            return name, retryable
    if status is not None:
        return "HttpStatus", status in _TRIED_AGAIN or status >= 500
    if isinstance(error, raised.ModelAPIError):
        return "MalformedAnswer", True
    return "ProviderError", True


def _said(error: Exception) -> str:
    """Return the provider's own words, else the error's."""
    body = getattr(error, "body", None)
    words = _words(body) if isinstance(error, raised.ModelAPIError) else None
    return words or str(error) or type(error).__name__


def _words(body: Any) -> str | None:
    if isinstance(body, dict):
        inner = body.get("error", body)
        body = inner.get("message") if isinstance(inner, dict) else inner
    return body if isinstance(body, str) and body.strip() else None
