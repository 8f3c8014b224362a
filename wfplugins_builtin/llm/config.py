"""The config of `call_llm_service`, and the schema of what it gives."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from wfcore import DocumentRefused, Raw, UserSchema

__all__ = ["LONGEST_TIMEOUT", "LlmConfig", "schema_of_output"]

LONGEST_TIMEOUT: Final = 3600.0
_REFERENCE: Final = re.compile(r'"\$(?:ref|dynamicRef)":"((?:[^"\\]|\\.)*)"')


def _as_text(value: Any) -> Any:
    """Write a list or an object that a template gave as it would stand in running text."""
    if not isinstance(value, list | dict):
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


Text = Annotated[str, BeforeValidator(_as_text)]
"""A text; a list or an object is written as JSON."""
ModelText = Annotated[str, Field(min_length=1, max_length=256)]


class LlmConfig(BaseModel):
    """The question."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    prompt: Text
    """The question. A list or an object is written as JSON."""
    system: Text | None = None
    """What the model is told before the prompt."""
    model: ModelText | Annotated[list[ModelText], Field(min_length=1, max_length=10)] | None = None
    """`provider:model`, or several: the next one is asked where one is not to be had. Without it,
    the operator's APP_LLM_MODEL."""
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    """The provider's own default where it is left out."""
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    """The longest answer; one that is cut there is given with the finish_reason `length`."""
    output_schema: Annotated[dict[str, Any] | None, Raw] = None
    """JSON Schema (draft 2020-12) of the object that `result` shall be."""
    provider_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By provider, its own settings: `{"openai": {"reasoning_effort": "low", "timeout": 20}}`."""
    stream: bool = False
    """Whether watchers of the execution get the answer piece by piece, as it is written."""

    @field_validator("output_schema")
    @classmethod
    def _is_a_sound_schema_of_an_object(cls, schema: dict[str, Any] | None) -> Any:
        if schema is None:
            return None
        if schema.get("type") != "object":
            raise ValueError('the schema must be that of an object: "type": "object"')
        try:
            UserSchema(schema)
        except DocumentRefused as refused:
            raise ValueError(str(refused)) from refused
        return schema

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        named = [self.model] if isinstance(self.model, str) else self.model or []
        providers = {name.partition(":")[0] for name in named}
        for provider, options in self.provider_options.items():
            if named and all(":" in name for name in named) and provider not in providers:
                raise ValueError(f"provider_options are for {provider!r}, which is not asked")
            timeout = options.get("timeout", 1)
            number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
            if not number or not 0 < timeout <= LONGEST_TIMEOUT:
                raise ValueError(f"timeout is a number of seconds up to {LONGEST_TIMEOUT:g}")
        return self


def schema_of_output(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of the output that a config asks for."""
    result: Any = {"type": "string"}
    definitions: Any = {}
    if config.get("output_schema") is not None:
        result = config["output_schema"]
        if not isinstance(result, dict) or not all(_keeps(each) for each in _references(result)):
            result = {}
        definitions = result.get("$defs", {})
    count = {"type": "integer"}
    return {
        "type": "object",
        "properties": {
            "result": result,
            "model": {"type": "string"},
            "usage": {
                "type": "object",
                "properties": {"input_tokens": count, "output_tokens": count},
                "additionalProperties": False,
            },
            "cost": {"type": "number"},
            "finish_reason": {"type": "string"},
        },
        "required": ["result"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _references(schema: dict[str, Any]) -> Iterator[str]:
    if "$id" in schema:
        yield "$id"
    yield from _REFERENCE.findall(json.dumps(schema, separators=(",", ":")))


def _keeps(reference: str) -> bool:
    """Whether a reference still points to the same once its schema stands inside another one."""
    return reference.startswith("#/$defs/")
