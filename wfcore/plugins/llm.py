"""What a provider of language models is: a question in, an answer out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from wfcore.plugins.context import NodeContext

__all__ = ["LlmAnswer", "LlmProvider", "LlmQuestion"]


@dataclass(frozen=True, slots=True)
class LlmQuestion:
    """One request to a model."""

    prompt: str
    system: str | None = None
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the object that is asked for; None: text."""
    temperature: float | None = None
    max_tokens: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """The provider's own settings."""
    turns: tuple[tuple[str, str], ...] = ()
    """Earlier answers to this prompt, each with what was wrong with it."""
    on_text: Callable[[str], None] | None = None
    """Given, the answer is streamed, and every piece of text handed over as it comes."""
    timeout: float = 600.0
    """Seconds for the whole request."""


@dataclass(frozen=True, slots=True)
class LlmAnswer:
    """What a model answered to one request."""

    text: str
    model: str | None = None
    """Who answered, as `provider:model`; None: nobody was asked."""
    finish_reason: str | None = "stop"
    """`stop`, `length`, `content_filter` or `error`; None: it broke off without a word."""
    usage: Mapping[str, int] = field(default_factory=dict)
    """`input_tokens` and `output_tokens`; empty where the provider did not say."""
    cost: float | None = None
    """List price in US dollars, where it is known."""


class LlmProvider(Protocol):
    """Asks models: made once, used by many nodes at the same time."""

    async def ask(self, model: str, question: LlmQuestion, context: NodeContext) -> LlmAnswer:
        """Send exactly one request to a model, written `provider:model`.

        Raises:
            NodeError: no answer came; says whether asking again may help.

        """
        ...

    async def close(self) -> None:
        """Let connections go; the next question opens them again."""
        ...
