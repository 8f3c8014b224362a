"""Which models a node asks: what it names, what the operator set, and how both are written."""

from collections.abc import Sequence
from typing import NamedTuple

from wfcore import NodeContext, NodeError

__all__ = ["ECHO", "ModelName", "chosen_models"]

ECHO = "echo"


class ModelName(NamedTuple):
    """A model of a provider, written `provider:model`."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}" if self.model else self.provider


def chosen_models(named: str | Sequence[str] | None, context: NodeContext) -> list[ModelName]:
    """Return the models to ask, in order.

    The operator's `echo` goes before everything. Raises `NodeError`: `NoProvider` where nobody
    named a model, `UnknownModel` for one that is not written `provider:model`.
    """
    provider = context.setting("llm_provider") or None
    if provider == ECHO:
        return [ModelName(ECHO, "")]
    named = named or context.setting("llm_model") or None
    if named is None:
        raise NodeError(
            "NoProvider",
            "no language model is configured: give the node a `model`, or set APP_LLM_MODEL to"
            ' "provider:model" (APP_LLM_PROVIDER=echo calls no model)',
        )
    return [_parsed(name, provider) for name in ([named] if isinstance(named, str) else named)]


def _parsed(text: str, default_provider: str | None) -> ModelName:
    if text == ECHO:
        return ModelName(ECHO, "")
    provider, colon, model = text.partition(":")
    if not colon:
        provider, model = default_provider or "", text
    if not provider or not model:
        message = f'{text!r} does not say whose model it is: write "provider:model"'
        raise NodeError("UnknownModel", message)
    return ModelName(provider, model)
