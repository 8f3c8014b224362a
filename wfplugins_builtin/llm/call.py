"""The `call_llm_service` handler: a prompt to the provider that the operator chose."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from wfcore import Handler, NodeContext, NodeError
from wfplugins_builtin.llm.echo import EchoProvider
from wfplugins_builtin.llm.provider import Prompt, Provider

__all__ = ["CallLlmService"]


class CallLlmService(Handler):
    """Ask a language model, and give its answer under `result`."""

    name = "call_llm_service"

    class Config(BaseModel):
        """The question."""

        model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

        prompt: str

    class Output(BaseModel):
        """The answer."""

        result: str

    def __init__(self) -> None:
        self._providers: dict[str, Provider] = {"echo": EchoProvider()}

    async def run(self, config: Config, context: NodeContext) -> Output:
        provider = self._provider(context.setting("llm_provider"))
        completion = await provider.complete(Prompt(config.prompt), context)
        return self.Output(result=completion.text)

    def _provider(self, name: str | None) -> Provider:
        known = ", ".join(sorted(self._providers))
        if not name:
            raise NodeError(
                "NoProvider",
                "no provider of language models is configured;"
                f" set APP_LLM_PROVIDER to one of: {known} (echo calls no model)",
            )
        if name not in self._providers:
            raise NodeError(
                "UnknownProvider",
                f"APP_LLM_PROVIDER is {name!r}, which is not installed here; there is: {known}",
            )
        return self._providers[name]
