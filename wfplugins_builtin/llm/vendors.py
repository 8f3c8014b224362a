"""Real models, asked through pydantic-ai and the vendors' own clients.

Imported only when a model is asked for, and then in a thread: the clients take about a second.
Keys and base URLs are read from the environment by these clients themselves, under the vendors'
usual names; nothing that a workflow says reaches there.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pydantic_ai import direct
from pydantic_ai import messages as said
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, ModelRequestParameters, infer_model
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.providers import Provider, infer_provider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from wfcore import LlmAnswer, LlmQuestion, NodeContext, NodeError
from wfplugins_builtin.llm.failure import node_error
from wfplugins_builtin.llm.masking import Mask, credentials_of
from wfplugins_builtin.llm.names import ModelName

__all__ = ["Vendors"]

_ANSWER: Final = "answer"
_OPENAI_HOST: Final = "api.openai.com"
# These sign in as a person, with what that person's tools left on the disk.
_PERSONAL: Final = frozenset({"github-copilot", "openai-chatgpt", "openai-codex"})
# What the handler decides (its own fields, one attempt is one request), and what could change who
# is asked, or as whom.
_RESERVED: Final = frozenset(
    {"extra_headers", "first_event_timeout", "max_retries", "max_tokens", "request_timeout"}
    | {"temperature", "timeout", "tool_choice"}
)


_TALKATIVE: Final = (
    *("anthropic", "botocore", "google_genai", "groq", "httpcore2", "httpx2", "mistralai"),
    *("openai", "pydantic_ai"),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model that is ready to be asked."""

    name: ModelName
    model: Model[Any]
    mask: Mask
    options: Mapping[str, str]
    """The settings that it knows, by their name in `provider_options`."""


def _quieten(names: Sequence[str]) -> None:
    """Keep what goes over the wire out of the log, unless somebody chose the level themselves.

    Below WARNING the clients write down prompts, addresses, and headers that a service sends back.
    """
    for name in names:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)


class Vendors:
    """The models that were asked so far, and one client for each of their providers."""

    def __init__(self) -> None:
        _quieten(_TALKATIVE)
        self._models: dict[str, _Asked] = {}
        self._providers: dict[str, Provider[Any]] = {}
        self._building = asyncio.Lock()

    async def ask(self, model: str, question: LlmQuestion, context: NodeContext) -> LlmAnswer:  # noqa: ARG002 - the contract's
        asked = await self._asked(model)
        settings = _settings(asked, question)
        parameters = _parameters(asked.model, question.schema)
        try:
            if question.on_text is None:
                response = await direct.model_request(
                    asked.model,
                    _messages(question),
                    model_settings=settings,
                    model_request_parameters=parameters,
                )
                reason: str | None = response.finish_reason
            else:
                response = await _streamed(asked, question, settings, parameters)
                reason = _streamed_reason(asked.model, response)
        except Exception as error:  # noqa: BLE001 - whatever a client raises is its node's error
            # Not its cause: the vendors' errors hold the request, and with it the credentials.
            raise node_error(error, asked.name, asked.mask) from None
        return _answer(asked, response, reason)

    async def close(self) -> None:
        """Close every client."""
        providers, self._providers, self._models = self._providers, {}, {}
        for provider in providers.values():
            await provider.__aexit__(None, None, None)

    async def _asked(self, model: str) -> _Asked:
        async with self._building:
            asked = self._models.get(model)
            if asked is None:
                name = ModelName(*model.split(":", 1))
                provider = self._providers.get(name.provider)
                if provider is None:
                    provider = await asyncio.to_thread(_provider, name)
                    await provider.__aenter__()
                    self._providers[name.provider] = provider
                asked = await asyncio.to_thread(_made, name, provider)
                self._models[model] = asked
            return asked


def _provider(name: ModelName) -> Provider[Any]:
    if name.provider in _PERSONAL:
        message = f"{name}: {name.provider} signs in as a person, which workflows may not do"
        raise NodeError("UnknownProvider", message)
    try:
        return infer_provider(name.provider)
    except ImportError as error:
        raise NodeError("ProviderNotInstalled", f"{name}: {error}") from None
    except UserError as error:
        message = f"{name}: {str(error).partition(' or pass it')[0]}"
        raise NodeError("ProviderNotConfigured", message) from None
    except ValueError:
        message = f"{name}: there is no provider {name.provider!r}"
        raise NodeError("UnknownProvider", message) from None


def _made(name: ModelName, provider: Provider[Any]) -> _Asked:
    kind = name.provider
    if kind == "openai" and urlsplit(provider.base_url).hostname != _OPENAI_HOST:
        # Who is compatible with OpenAI is so in chat completions.
        kind = "openai-chat"
    mask = Mask(credentials_of(provider))
    try:
        model = infer_model(f"{kind}:{name.model}", provider_factory=lambda _: provider)
    except ImportError as error:
        raise NodeError("ProviderNotInstalled", f"{name}: {error}") from None
    except UserError as error:
        raise NodeError("UnknownModel", f"{name}: {mask.error(str(error))}") from None
    return _Asked(name, model, mask, _known_options(name, model))


def _known_options(name: ModelName, model: Model[Any]) -> dict[str, str]:
    """Return the settings that a model takes, by their names with and without the provider's."""
    known = dict.fromkeys(ModelSettings.__annotations__)
    for kind in type(model).__mro__:
        for each, value in vars(sys.modules[kind.__module__]).items():
            if each.endswith("ModelSettings"):
                known |= dict.fromkeys(getattr(value, "__annotations__", ()))
    options = {setting: setting for setting in known if setting not in _RESERVED}
    for prefix in (name.provider.replace("-", "_") + "_", name.provider.partition("-")[0] + "_"):
        for setting in known:
            if setting.startswith(prefix):
                options.setdefault(setting.removeprefix(prefix), setting)
    return {option: setting for option, setting in options.items() if option not in _RESERVED}


def _settings(asked: _Asked, question: LlmQuestion) -> ModelSettings:
    settings: dict[str, Any] = {
        "max_retries": 0,
        "timeout": question.timeout,
        "request_timeout": question.timeout,
    }
    settings = {k: v for k, v in settings.items() if k not in asked.model.unsupported_settings}
    if question.temperature is not None:
        settings["temperature"] = question.temperature
    if question.max_tokens is not None:
        settings["max_tokens"] = question.max_tokens
    for option, value in question.options.items():
        if option not in asked.options:
            near = get_close_matches(option, asked.options, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            message = f"{asked.name} takes no provider option {option!r}{hint}"
            raise NodeError("InvalidConfig", message)
        settings[asked.options[option]] = value
    return cast("ModelSettings", settings)


def _parameters(model: Model[Any], schema: Mapping[str, Any] | None) -> ModelRequestParameters:
    """Ask for an object the way that the model understands best."""
    if schema is None:
        return ModelRequestParameters()
    wanted = dict(schema)
    if model.profile.get("supports_json_schema_output"):
        shape = OutputObjectDefinition(json_schema=wanted, name=_ANSWER)
        return ModelRequestParameters(output_mode="native", output_object=shape)
    if model.profile.get("supports_tools", True):
        tool = ToolDefinition(name=_ANSWER, parameters_json_schema=wanted, kind="output")
        return ModelRequestParameters(
            output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    shape = OutputObjectDefinition(json_schema=wanted, name=_ANSWER)
    return ModelRequestParameters(output_mode="prompted", output_object=shape)


def _messages(question: LlmQuestion) -> list[said.ModelMessage]:
    first: list[said.ModelRequestPart] = [said.UserPromptPart(question.prompt)]
    if question.system is not None:
        first.insert(0, said.SystemPromptPart(question.system))
    messages: list[said.ModelMessage] = [said.ModelRequest(first)]
    for answer, complaint in question.turns:
        messages.append(said.ModelResponse([said.TextPart(answer)]))
        messages.append(said.ModelRequest([said.UserPromptPart(complaint)]))
    return messages


async def _streamed(
    asked: _Asked,
    question: LlmQuestion,
    settings: ModelSettings,
    parameters: ModelRequestParameters,
) -> said.ModelResponse:
    assert question.on_text is not None
    shown = asked.mask.streamed(question.on_text)
    async with direct.model_request_stream(
        asked.model,
        _messages(question),
        model_settings=settings,
        model_request_parameters=parameters,
    ) as stream:
        async for event in stream:
            if isinstance(event, said.PartStartEvent) and isinstance(event.part, said.TextPart):
                shown.feed(event.part.content)
            elif isinstance(event, said.PartDeltaEvent) and isinstance(
                event.delta, said.TextPartDelta
            ):
                shown.feed(event.delta.content_delta)
    shown.finish()
    return stream.get()


def _streamed_reason(model: Model[Any], response: said.ModelResponse) -> str | None:
    """Return why a stream ended; None where it broke off, which the library takes for `stop`."""
    told = (response.provider_details or {}).get("finish_reason")
    is_chat = any(kind.__name__ == "OpenAIChatModel" for kind in type(model).__mro__)
    if told is None and is_chat and response.finish_reason == "stop":
        return None
    return response.finish_reason


def _answer(asked: _Asked, response: said.ModelResponse, reason: str | None) -> LlmAnswer:
    usage = response.usage
    counted = not usage.unmeasured_requests and (usage.input_tokens or usage.output_tokens)
    return LlmAnswer(
        text=asked.mask.answer(_text(response.parts)),
        model=str(asked.name),
        finish_reason="stop" if reason == "tool_call" else reason,
        usage={"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        if counted
        else {},
        cost=_cost(response) if counted else None,
    )


def _text(parts: Sequence[said.ModelResponsePart]) -> str:
    for part in parts:
        if isinstance(part, said.ToolCallPart) and part.tool_name == _ANSWER:
            return part.args_as_json_str()
    return "".join(part.content for part in parts if isinstance(part, said.TextPart))


def _cost(response: said.ModelResponse) -> float | None:
    try:
        return float(response.cost().total_price)
    except Exception:  # noqa: BLE001 - an answer that was paid for is not lost for want of a price
        return None
