"""The `echo` provider: answers without a model and without a network."""

from wfcore import LlmAnswer, LlmQuestion, NodeContext, NodeError

__all__ = ["EchoProvider"]


class EchoProvider:
    """Says which prompt it was given, and notes on the result that no model was called."""

    async def ask(self, model: str, question: LlmQuestion, context: NodeContext) -> LlmAnswer:  # noqa: ARG002 - the contract's
        if question.schema is not None:
            message = "the echo provider gives text alone; an output_schema needs a model"
            raise NodeError("NoStructuredOutput", message)
        context.notice("[echo provider: no model was called]")
        text = f"LLM generated a summary for the prompt '{question.prompt}'"
        if question.on_text is not None:
            question.on_text(text)
        return LlmAnswer(text)

    async def close(self) -> None:
        """Hold nothing."""
