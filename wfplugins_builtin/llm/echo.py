"""The `echo` provider: answers without a model and without a network."""

from wfcore import NodeContext
from wfplugins_builtin.llm.provider import Completion, Prompt

__all__ = ["EchoProvider"]


class EchoProvider:
    """Says which prompt it was given, and notes on the result that no model was called."""

    async def complete(self, prompt: Prompt, context: NodeContext) -> Completion:
        context.notice("[echo provider: no model was called]")
        return Completion(f"LLM generated a summary for the prompt '{prompt.text}'")
