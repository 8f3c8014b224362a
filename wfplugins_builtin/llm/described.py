"""What the page of `call_llm_service` shows beside its config."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ERRORS", "EXAMPLE"]

EXAMPLE: Final[Mapping[str, Any]] = {
    "system": "You are brief.",
    "prompt": "Summarize: {{ execution.input.text }}",
    "model": ["openai:gpt-5-mini", "anthropic:claude-haiku-4-5"],
    "max_tokens": 400,
}

ERRORS: Final[Mapping[str, str]] = {
    "RateLimited": "429; tried again",
    "Overloaded": "503, 529, or the provider's word for it; tried again",
    "ServerError": "any other 5xx; tried again",
    "Timeout": "a request took too long; tried again",
    "ConnectionFailed": "no connection, or it broke, also in the middle of an answer; tried again",
    "MalformedAnswer": "empty, broken off, or not what the provider's protocol says; tried again",
    "QuotaExceeded": "402, or a 429 that says that the account is exhausted",
    "AuthenticationFailed": "401, 403: the provider refused the key",
    "ModelNotFound": "404: the provider has no such model",
    "ContextTooLong": "prompt and answer are more than the model takes",
    "ContentFiltered": "the provider's filter refused the prompt or withheld the answer",
    "TruncatedAnswer": "cut at a limit of the model, or an object at `max_tokens`",
    "InvalidAnswer": "no object that fits `output_schema`, after three requests",
    "RequestRejected": "400, 422: the provider refused the request",
    "InvalidConfig": "an option that the provider does not know",
    "HttpStatus": "any other status; 408, 409 and 425 are tried again",
    "NoProvider": "no model is named, and no provider is configured",
    "UnknownModel": "no `provider:model`, or the provider does not know it",
    "UnknownProvider": "there is no such provider",
    "ProviderNotInstalled": "the provider's client is not installed",
    "ProviderNotConfigured": "the provider's key is not set",
    "InvalidSetting": "a setting such as APP_LLM_TIMEOUT cannot be read",
    "NoStructuredOutput": "`echo` gives no structured output",
    "ProviderError": "anything else that a client raised; tried again",
}
