"""What a handler must be before an engine takes it: every fault said at registration."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticUserError

from wfcore.errors import PluginError
from wfcore.plugins.config_schema import TEMPLATE
from wfcore.plugins.failure import failure_line, shown
from wfcore.plugins.handler import Handler
from wfcore.plugins.keys import config_keys, takes_other_keys
from wfcore.plugins.schema import closed_schema

__all__ = ["admit"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")


def admit(candidate: object) -> Handler:
    """Return the handler that a registered class or instance is.

    Raises:
        PluginError: it is no handler, or has faults; the message names all of them.

    """
    kind = candidate if inspect.isclass(candidate) else type(candidate)
    if not issubclass(kind, Handler):
        raise PluginError(_not_a_handler(candidate))
    faults = list(_faults(kind))
    if faults:
        raise PluginError(f"{_title(kind)}: {'; '.join(faults)}")
    return candidate if isinstance(candidate, Handler) else _instance(kind)


def _not_a_handler(candidate: object) -> str:
    hint = ""
    if inspect.isfunction(candidate):
        hint = "; put @handler above the function"
    elif inspect.ismodule(candidate):
        hint = "; a module is a plugin: pass it under `plugins`"
    return f"{shown(candidate)} is not a subclass of wfcore.Handler{hint}"


def _title(kind: type[Handler]) -> str:
    return f"handler {kind.__qualname__} of {kind.__module__}"


def _instance(kind: type[Handler]) -> Handler:
    try:
        return kind()
    except TypeError as error:
        raise PluginError(
            f"{_title(kind)} cannot be made without arguments; register an instance ({error})"
        ) from error


def _faults(kind: type[Handler]) -> Iterator[str]:
    yield from _name_faults("name", getattr(kind, "name", None))
    yield from _name_faults("queue", kind.queue)
    for flag in ("cpu_bound", "gives_result"):
        if not isinstance(getattr(kind, flag), bool):
            yield f"`{flag}` is {getattr(kind, flag)!r}, not True or False"
    config_faults = list(_model_faults("Config", kind.Config))
    yield from config_faults
    if kind.example is not None and not config_faults:
        yield from _example_faults(kind.Config, kind.example)
    yield from _error_faults(kind.errors)
    if kind.Output is not None:
        yield from _model_faults("Output", kind.Output)
    yield from _run_faults(kind)


def _name_faults(attribute: str, value: object) -> Iterator[str]:
    if value is None:
        yield f"it has no `{attribute}`"
    elif not isinstance(value, str) or not _NAME.fullmatch(value):
        yield (
            f"its {attribute} {value!r} is not a letter or _, then letters, digits, _ . -"
            " (128 at most)"
        )


def _model_faults(attribute: str, model: Any) -> Iterator[str]:
    if not inspect.isclass(model) or not issubclass(model, BaseModel):
        yield f"`{attribute}` is {model!r}, not a pydantic model"
        return
    try:
        model.model_rebuild()
        schema = closed_schema(model)
    except (PydanticUserError, NameError) as error:
        yield f"`{attribute}` has no JSON Schema: {str(error).partition(chr(10))[0]}"
        return
    reference = schema.get("$ref", "").rpartition("/")[2]
    resolved = schema.get("$defs", {}).get(reference, schema)
    if resolved.get("type", "object") != "object":
        yield f"`{attribute}` describes a JSON {resolved['type']}, not an object"


def _example_faults(model: type[BaseModel], example: Any) -> Iterator[str]:
    if not isinstance(example, Mapping):
        yield f"`example` is {example!r}, not a mapping of config keys"
        return
    try:
        text = json.dumps(dict(example), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"`example` is not JSON: {error}"
        return
    unknown = example.keys() - set(config_keys(model))
    if unknown and not takes_other_keys(model):
        yield f"`example` has {', '.join(map(repr, sorted(unknown)))}, which `Config` does not take"
    elif not re.search(TEMPLATE["pattern"], text):
        yield from _misfits(model, example)


def _misfits(model: type[BaseModel], example: Mapping[str, Any]) -> Iterator[str]:
    try:
        model.model_validate(dict(example))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            place = ".".join(map(str, each["loc"]))
            yield f"`example` does not fit `Config`: {f'{place}: ' if place else ''}{each['msg']}"
    except Exception as error:  # noqa: BLE001 - an author's validator may raise anything
        yield f"`example` makes `Config` raise {failure_line(error)}"


def _error_faults(errors: Any) -> Iterator[str]:
    if not isinstance(errors, Mapping):
        yield f"`errors` is {errors!r}, not a mapping of error types"
        return
    for kind, when in errors.items():
        if not (isinstance(kind, str) and kind and isinstance(when, str)):
            yield f"`errors` has {kind!r}: {when!r}, not a type and a text that says when it comes"


def _run_faults(kind: type[Handler]) -> Iterator[str]:
    run = getattr(kind, "run", None)
    if run is Handler.run or not callable(run):
        yield "it has no method `run(self, config, context)`"
        return
    if inspect.isgeneratorfunction(run) or inspect.isasyncgenfunction(run):
        yield "`run` yields: a handler returns its output once"
    static = inspect.getattr_static(kind, "run")
    implicit = () if isinstance(static, (staticmethod, classmethod)) else (None,)
    try:
        inspect.signature(run).bind(*implicit, None, None)
    except TypeError:
        yield f"`run{inspect.signature(run)}` cannot be called as run(self, config, context)"
