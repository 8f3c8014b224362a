"""`@handler`: a handler from a function, whose parameters become its Config."""

import inspect
import typing
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import update_wrapper
from types import NoneType, UnionType
from typing import Any, Generic, ParamSpec, TypeVar, Union, cast, get_args, get_origin, overload

from pydantic import BaseModel, ConfigDict, RootModel, create_model
from pydantic.errors import PydanticUserError

from wfcore.errors import PluginError
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler

__all__ = ["FunctionHandler", "handler"]

P = ParamSpec("P")
R = TypeVar("R")

_NO_FIELDS = {
    inspect.Parameter.VAR_POSITIONAL: "takes *{}: a config has names for everything",
    inspect.Parameter.VAR_KEYWORD: "takes **{}: name the config's keys",
}


@overload
def handler(function: Callable[P, R], /) -> "FunctionHandler[P, R]": ...


@overload
def handler(
    name: str | None = None,
    /,
    *,
    queue: str = "default",
    cpu_bound: bool = False,
    example: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> "Callable[[Callable[P, R]], FunctionHandler[P, R]]": ...


def handler(
    function: Callable[P, R] | str | None = None,
    /,
    *,
    queue: str = "default",
    cpu_bound: bool = False,
    example: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
) -> "FunctionHandler[P, R] | Callable[[Callable[P, R]], FunctionHandler[P, R]]":
    """Make a handler from a function: `@handler`, `@handler("name")`, `@handler(queue="gpu")`.

    Its parameters become the Config, with their types and defaults; one that is annotated
    `NodeContext` receives the context instead. A pydantic model as return type becomes the
    Output; a dict is the output as it is; any other value becomes `{"value": it}`. The result is
    still called like the function. The name defaults to the function's.

    Raises:
        PluginError: the function cannot be a handler; says why.

    """
    attributes = {
        "queue": queue,
        "cpu_bound": cpu_bound,
        "example": example,
        "errors": errors if errors is not None else {},
    }
    if callable(function):
        return _build(function, None, attributes)
    name = function
    return lambda decorated: _build(decorated, name, attributes)


class FunctionHandler(Handler, Generic[P, R]):
    """A handler made by `@handler`; calling it calls the function."""

    def __init__(self, function: Callable[P, R], arguments: "_Arguments") -> None:
        self._function = function
        self._arguments = arguments
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def _invoke(self, config: BaseModel, context: NodeContext) -> Any:
        args, kwargs = self._arguments.of(config, context)
        function: Callable[..., Any] = self._function
        return function(*args, **kwargs)


class _Sync(FunctionHandler[P, R]):
    def run(self, config: BaseModel, context: NodeContext) -> Any:
        return self._arguments.shaped(self._invoke(config, context))


class _Async(FunctionHandler[P, R]):
    async def run(self, config: BaseModel, context: NodeContext) -> Any:
        return self._arguments.shaped(await self._invoke(config, context))


@dataclass(frozen=True, slots=True)
class _Arguments:
    """How a config and a context become the arguments of one function, and its return an output."""

    names: tuple[str, ...]
    positional: frozenset[str]
    context: str | None
    wraps: bool

    def of(self, config: BaseModel, context: NodeContext) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name in self.names:
            value = context if name == self.context else getattr(config, name)
            if name in self.positional:
                args.append(value)
            else:
                kwargs[name] = value
        return args, kwargs

    def shaped(self, returned: Any) -> Any:
        return {"value": returned} if self.wraps else returned


def _build(
    function: Callable[P, R], name: str | None, attributes: Mapping[str, Any]
) -> FunctionHandler[P, R]:
    if not inspect.isfunction(function):
        raise PluginError(f"@handler takes a function, not {function!r}")
    title = _title(function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(f"{title} yields: a handler returns its output once")
    hints = _hints(function, title)
    parameters = _parameters(function, title)
    context = _context_parameter(hints, parameters, title)
    stem = "".join(part.title() for part in function.__name__.split("_"))
    output, wraps = _output(hints.get("return", Any), f"{stem}Output", title)
    namespace = {
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "name": name if name is not None else function.__name__,
        "Config": _config(hints, parameters, context, f"{stem}Config", title),
        "Output": output,
        **attributes,
    }
    base = _Async if inspect.iscoroutinefunction(function) else _Sync
    made = cast("type[FunctionHandler[P, R]]", type(function.__name__, (base,), namespace))
    positional = frozenset(
        parameter.name
        for parameter in parameters
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY
    )
    names = tuple(parameter.name for parameter in parameters)
    return made(function, _Arguments(names, positional, context, wraps))


def _title(function: Callable[..., Any]) -> str:
    return f"handler function {function.__qualname__} of {function.__module__}"


def _hints(function: Callable[..., Any], title: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise PluginError(
            f"{title}: an annotation cannot be read ({error}); "
            "the names in it must exist in its module, above the function, at run time"
        ) from error


def _parameters(function: Callable[..., Any], title: str) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function).parameters.values())
    for parameter in parameters:
        if parameter.kind in _NO_FIELDS:
            raise PluginError(f"{title} {_NO_FIELDS[parameter.kind].format(parameter.name)}")
    return parameters


def _is_taken(name: str) -> bool:
    return name.startswith("_") or (name.startswith("model_") and hasattr(BaseModel, name))


def _context_parameter(
    hints: Mapping[str, Any], parameters: list[inspect.Parameter], title: str
) -> str | None:
    found = [
        parameter.name
        for parameter in parameters
        if inspect.isclass(hint := hints.get(parameter.name)) and issubclass(hint, NodeContext)
    ]
    if len(found) > 1:
        raise PluginError(f"{title} has more than one NodeContext: {', '.join(found)}")
    return found[0] if found else None


def _config(
    hints: Mapping[str, Any],
    parameters: list[inspect.Parameter],
    context: str | None,
    model_name: str,
    title: str,
) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name == context:
            continue
        if _is_taken(parameter.name):
            raise PluginError(f"{title}: no config key can be called {parameter.name!r}")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), default)
    return _model(model_name, fields, title)


def _output(annotation: Any, model_name: str, title: str) -> tuple[type[BaseModel] | None, bool]:
    """Return the Output model, and whether what the function returns goes under `value`."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation, False
    if is_dataclass(annotation):
        return RootModel[annotation], False
    if _may_be_object(annotation):
        return None, False
    value = None if annotation is NoneType else annotation
    return _model(model_name, {"value": (value, ...)}, title), True


def _may_be_object(annotation: Any) -> bool:
    if annotation in {Any, object} or is_dataclass(annotation):
        return True
    origin = get_origin(annotation)
    if origin is typing.Annotated:
        return _may_be_object(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return any(_may_be_object(part) for part in get_args(annotation))
    kind = origin or annotation
    return inspect.isclass(kind) and issubclass(kind, (Mapping, BaseModel))


def _model(model_name: str, fields: dict[str, Any], title: str) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", protected_namespaces=())
    try:
        with warnings.catch_warnings():
            # A parameter may be called `json` or `copy`: nothing calls those methods of the model.
            warnings.filterwarnings("ignore", "Field name .* shadows", UserWarning)
            return create_model(model_name, __config__=config, **fields)
    except (ValueError, TypeError, PydanticUserError) as error:
        reason = str(error).partition("\n")[0]
        raise PluginError(f"{title} cannot be given a config or an output: {reason}") from error
