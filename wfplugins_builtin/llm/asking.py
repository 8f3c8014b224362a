"""Asking one model until its answer can be used: requests, what they cost, and asking again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from wfcore import (
    LlmAnswer,
    LlmProvider,
    LlmQuestion,
    NodeContext,
    NodeError,
    UserSchema,
)
from wfplugins_builtin.llm.gates import Gates
from wfplugins_builtin.llm.names import ModelName
from wfplugins_builtin.llm.structure import Misshapen, structured

__all__ = ["Asking"]

_ASKED_AGAIN: Final = 2
_COUNTS: Final = ("input_tokens", "output_tokens")


@dataclass(slots=True)
class Asking:
    """The requests of one attempt, over all models that it asks."""

    context: NodeContext
    gates: Gates
    requests: int = 0
    _usage: dict[str, int] = field(default_factory=dict)
    _cost: float | None = 0.0

    async def ask(
        self, name: ModelName, provider: LlmProvider, question: LlmQuestion, *, stream: bool
    ) -> dict[str, Any]:
        """Return the node's output; a misshapen object is asked for again, twice at most.

        Raises:
            NodeError: there is no answer, or none that can be used.

        """
        schema = UserSchema(question.schema) if question.schema is not None else None
        self._usage, self._cost = {}, 0.0
        while True:
            answer = await self._request(name, provider, question, stream=stream)
            _judge(name, answer, question)
            if schema is None:
                return self._output(answer, answer.text)
            try:
                return self._output(answer, structured(answer.text, schema))
            except Misshapen as wrong:
                tries = len(question.turns)
                if tries == _ASKED_AGAIN:
                    message = (
                        f"{name}: no usable answer in {tries + 1} requests; of the last, {wrong}"
                    )
                    raise NodeError("InvalidAnswer", message) from None
                question = replace(
                    question, turns=(*question.turns, (answer.text, _complaint(wrong)))
                )

    async def _request(
        self, name: ModelName, provider: LlmProvider, question: LlmQuestion, *, stream: bool
    ) -> LlmAnswer:
        async with self.gates.passed(name.provider, self.context):
            self.requests += 1
            if stream:
                question = replace(question, on_text=self._teller(name))
            answer = await provider.ask(str(name), question, self.context)
        if answer.model is not None:
            self._count(answer)
        return answer

    def _teller(self, name: ModelName) -> Any:
        number, emit = self.requests, self.context.emit

        def tell(text: str) -> None:
            emit("token", {"text": text, "model": str(name), "request": number})

        return tell

    def _count(self, answer: LlmAnswer) -> None:
        meter = self.context.meter
        meter("requests", 1)
        for each in _COUNTS:
            if each in answer.usage:
                meter(each, answer.usage[each])
                self._usage[each] = self._usage.get(each, 0) + answer.usage[each]
        if answer.cost is None:
            self._cost = None
            return
        meter("cost", answer.cost)
        if self._cost is not None:
            self._cost += answer.cost

    def _output(self, answer: LlmAnswer, result: Any) -> dict[str, Any]:
        output: dict[str, Any] = {"result": result}
        if answer.model is None:
            return output
        output["model"] = answer.model
        output |= _given("usage", self._usage) | _given("cost", self._cost)
        return output | {"finish_reason": answer.finish_reason or "stop"}


def _given(name: str, value: Mapping[str, int] | float | None) -> dict[str, Any]:
    return {} if value is None or value == {} else {name: value}


def _judge(name: ModelName, answer: LlmAnswer, question: LlmQuestion) -> None:
    """Raise what is wrong with an answer, whatever is in it."""
    reason, empty = answer.finish_reason, not answer.text.strip()
    if reason == "content_filter":
        raise NodeError("ContentFiltered", f"{name}: the provider's content filter withheld it")
    if reason == "length" and (empty or question.schema is not None or not question.max_tokens):
        remedy = "raise max_tokens" if question.max_tokens else "set max_tokens, or ask for less"
        raise NodeError("TruncatedAnswer", f"{name}: the answer was cut short; {remedy}")
    if reason is None or reason == "error":
        message = f"{name}: the answer broke off"
        raise NodeError("MalformedAnswer", message, retryable=True)
    if empty:
        raise NodeError("MalformedAnswer", f"{name}: the answer is empty", retryable=True)


def _complaint(wrong: Misshapen) -> str:
    return (
        f"Your answer cannot be used: {wrong}."
        " Answer again with the whole JSON object that was asked for, and nothing else."
    )
