"""The `call_llm_service` handler: a prompt to a language model, and its answer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import BaseModel

from wfcore import Handler, LlmProvider, LlmQuestion, NodeContext, NodeError, Workflow
from wfplugins_builtin.llm.asking import Asking
from wfplugins_builtin.llm.config import LONGEST_TIMEOUT, LlmConfig, schema_of_output
from wfplugins_builtin.llm.described import ERRORS, EXAMPLE
from wfplugins_builtin.llm.echo import EchoProvider
from wfplugins_builtin.llm.gates import Gates
from wfplugins_builtin.llm.names import ECHO, ModelName, chosen_models

__all__ = ["CallLlmService"]

_TIMEOUT: Final = 600.0
_FALLS_OVER: Final = frozenset(
    {"ConnectionFailed", "Overloaded", "QuotaExceeded", "RateLimited", "ServerError", "Timeout"}
)


class CallLlmService(Handler):
    """Ask a language model, and give its answer under `result`.

    `result` is a text, or an object where `output_schema` says so. Beside it stand `model` (who
    answered), `usage` (`input_tokens`, `output_tokens`), `cost` in US dollars where the price is
    known, and `finish_reason`. The provider `echo` calls no model and gives `result` alone.
    """

    name = "call_llm_service"
    Config: ClassVar[type[BaseModel]] = LlmConfig
    example: ClassVar[Mapping[str, Any] | None] = EXAMPLE
    errors: ClassVar[Mapping[str, str]] = ERRORS

    def __init__(self) -> None:
        self._echo = EchoProvider()
        self._vendors: LlmProvider | None = None
        self._gates = Gates()
        self._loading = asyncio.Lock()

    async def run(self, config: LlmConfig, context: NodeContext) -> dict[str, Any]:
        asking = Asking(context, self._gates)
        failures: list[tuple[ModelName, NodeError]] = []
        for name in chosen_models(config.model, context):
            try:
                provider = context.llm_provider(name.provider) or await self._provider(name)
                question = _question(config, name, context)
                return await asking.ask(name, provider, question, stream=config.stream)
            except NodeError as error:
                failures.append((name, error))
                if error.type not in _FALLS_OVER:
                    break
                context.logger.warning("%s", error.message)
        raise _summed_up(failures)

    async def close(self) -> None:
        vendors, self._vendors, self._gates = self._vendors, None, Gates()
        if vendors is not None:
            await vendors.close()

    @classmethod
    def output_schema(
        cls,
        config: Mapping[str, Any],
        workflow: Workflow,  # noqa: ARG003 - the contract's
    ) -> dict[str, Any] | None:
        return schema_of_output(config)

    async def _provider(self, name: ModelName) -> LlmProvider:
        if name.provider == ECHO:
            return self._echo
        async with self._loading:
            if self._vendors is None:
                self._vendors = await asyncio.to_thread(_vendors, name.provider)
            return self._vendors


def _vendors(provider: str) -> LlmProvider:
    try:
        from wfplugins_builtin.llm.vendors import Vendors  # noqa: PLC0415 - a second, and an extra
    except ImportError as error:
        message = (
            f"no plugin here brings the provider {provider!r}; asking the vendors' models needs:"
            f" pip install 'wfcore[llm]' ({error})"
        )
        raise NodeError("ProviderNotInstalled", message) from error
    return Vendors()


def _question(config: LlmConfig, name: ModelName, context: NodeContext) -> LlmQuestion:
    options = dict(config.provider_options.get(name.provider, {}))
    timeout = options.pop("timeout", None) or _default_timeout(context)
    return LlmQuestion(
        prompt=config.prompt,
        system=config.system,
        schema=config.output_schema,
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        options=options,
        timeout=timeout,
    )


def _default_timeout(context: NodeContext) -> float:
    setting = context.setting("llm_timeout")
    if not setting:
        return _TIMEOUT
    try:
        seconds = float(setting)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_TIMEOUT:
        message = f"APP_LLM_TIMEOUT is {setting!r}, not seconds up to {LONGEST_TIMEOUT:g}"
        raise NodeError("InvalidSetting", message)
    return seconds


def _summed_up(failures: Sequence[tuple[ModelName, NodeError]]) -> NodeError:
    """Return the error of a node that no model answered: the last one, and what came before."""
    last = failures[-1][1]
    if len(failures) == 1:
        return last
    waits = [error.retry_after or 0.0 for _, error in failures if error.retryable]
    return NodeError(
        last.type,
        "; ".join(error.message for _, error in failures),
        retryable=bool(waits),
        retry_after=min(waits, default=0.0) or None,
        status=last.status,
        details={"models": [{"model": str(name), **error.record()} for name, error in failures]},
    )
