"""What a provider of language models is: a prompt in, a completion out."""

from dataclasses import dataclass
from typing import Protocol

from wfcore import NodeContext

__all__ = ["Completion", "Prompt", "Provider"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked."""

    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model answered."""

    text: str


class Provider(Protocol):
    """One service that completes prompts, made once and asked by many nodes at the same time."""

    async def complete(self, prompt: Prompt, context: NodeContext) -> Completion:
        """Return the whole completion.

        Raises:
            NodeError: the service failed; says whether asking again may help.

        """
        ...
