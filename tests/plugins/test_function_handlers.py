"""`@handler`: parameters become the Config, what comes back becomes the output."""

import asyncio
import dataclasses
import inspect
import typing
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from wfcore import NodeContext, NodeError, PluginError, Raw, handler
from wfcore.plugins.handler import raw_keys
from wfcore.plugins.schema import closed_schema
from wfcore.testing import FakeContext, run_handler


class Point(BaseModel):
    x: int
    y: int = 0


@dataclasses.dataclass
class Size:
    width: int


class Shape(typing.TypedDict):
    kind: str


async def test_a_bare_decorator_takes_name_and_description_from_the_function(
    context: FakeContext,
) -> None:
    @handler
    def shout(text: str) -> str:
        """Say it louder."""
        return text.upper()

    assert shout.name == "shout"
    assert type(shout).__doc__ == "Say it louder."
    assert (shout.queue, shout.cpu_bound) == ("default", False)
    assert await run_handler(shout, {"text": "hi"}, context) == {"value": "HI"}


async def test_a_decorator_with_arguments_sets_what_it_says(context: FakeContext) -> None:
    @handler("acme.shout", queue="gpu", cpu_bound=True)
    def function() -> int:
        return 1

    @handler(queue="slow")
    def other() -> int:
        return 1

    assert (function.name, function.queue, function.cpu_bound) == ("acme.shout", "gpu", True)
    assert (other.name, other.queue) == ("other", "slow")


def test_a_decorated_function_is_still_called_like_one() -> None:
    @handler
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    assert add(1) == 3
    assert add(1, b=5) == 6
    assert add.__name__ == "add"  # type: ignore[attr-defined]
    assert inspect.getdoc(add) == "Add."
    assert list(inspect.signature(add).parameters) == ["a", "b"]


async def test_an_async_function_is_awaited(context: FakeContext) -> None:
    @handler
    async def later(text: str, context: NodeContext) -> str:
        await asyncio.sleep(0)
        return f"{text} by {context.node}"

    assert inspect.iscoroutinefunction(later.run)
    assert await run_handler(later, {"text": "done"}, context) == {"value": "done by node"}


async def test_every_kind_of_parameter_arrives_where_it_belongs(
    context: FakeContext,
) -> None:
    @handler
    def mixed(  # type: ignore[no-untyped-def]
        first: int,
        _ctx: NodeContext,
        second: str = "b",
        /,
        third: float = 0.5,
        fourth: list[int] = [],  # noqa: B006 - pydantic copies it
        *,
        fifth: Point,
        sixth: Annotated[int, Field(ge=0)] = 6,
        seventh: Literal["x", "y"] = "x",
        eighth=8,  # noqa: ANN001
    ) -> dict[str, Any]:
        fourth.append(first)
        return {
            "first": first,
            "second": second,
            "third": third,
            "fourth": fourth,
            "fifth": fifth.x,
            "sixth": sixth,
            "seventh": seventh,
            "eighth": eighth,
            "attempt": _ctx.attempt,
        }

    for _ in range(2):
        assert await run_handler(mixed, {"first": 1, "fifth": {"x": 5}}, context) == {
            "first": 1,
            "second": "b",
            "third": 0.5,
            "fourth": [1],
            "fifth": 5,
            "sixth": 6,
            "seventh": "x",
            "eighth": 8,
            "attempt": 1,
        }
    assert "_ctx" not in mixed.Config.model_fields


def test_the_config_refuses_what_the_function_does_not_take() -> None:
    @handler
    def shout(text: str, marks: Annotated[int, Field(ge=0)] = 1) -> str:
        return text + "!" * marks

    for wrong in ({}, {"text": "a", "extra": 1}, {"text": 3}, {"text": "a", "marks": -1}):
        with pytest.raises(ValidationError):
            shout.Config.model_validate(wrong)


async def test_parameters_may_be_called_like_methods_of_a_model(context: FakeContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @handler
        def named(json: int, copy: int, schema: int, model_name: str, self: int) -> list[Any]:
            return [json, copy, schema, model_name, self]

    config = {"json": 1, "copy": 2, "schema": 3, "model_name": "m", "self": 4}
    assert await run_handler(named, config, context) == {"value": [1, 2, 3, "m", 4]}


def test_raw_parameters_are_known_by_their_mark() -> None:
    @handler
    def render(template: Annotated[str, Raw], instance: Annotated[str, Raw()], name: str) -> str:
        return template + instance + name

    assert raw_keys(render.Config) == {"template", "instance"}


async def test_annotations_that_are_strings_are_resolved(context: FakeContext) -> None:
    @handler
    def quoted(point: "Point", context: "NodeContext") -> "Point":
        return point

    assert quoted.Output is Point
    assert await run_handler(quoted, {"point": {"x": 1}}, context) == {"x": 1, "y": 0}


def _returning(annotation: Any) -> Any:
    def function(value: Any = None) -> Any:
        return value

    function.__annotations__["return"] = annotation
    return handler(function)


@pytest.mark.parametrize(
    ("annotation", "returned", "output"),
    [
        (str, "a", {"value": "a"}),
        (None, None, {"value": None}),
        (list[int], [1], {"value": [1]}),
        (str | None, None, {"value": None}),
        (datetime, datetime(2026, 1, 2, tzinfo=UTC), {"value": "2026-01-02T00:00:00Z"}),
        (Annotated[int, Field(ge=0)], 3, {"value": 3}),
        (Literal["a"], "a", {"value": "a"}),
        (Any, {"a": 1}, {"a": 1}),
        (Any, [1], {"value": [1]}),
        (object, 1, {"value": 1}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Mapping[str, int], {"a": 1}, {"a": 1}),
        (dict[str, int] | None, {"a": 1}, {"a": 1}),
        (dict[str, int] | None, None, {"value": None}),
        (Shape, {"kind": "round"}, {"kind": "round"}),
        (Annotated[dict[str, int], "marked"], {"a": 1}, {"a": 1}),
        (Point, Point(x=1), {"x": 1, "y": 0}),
        (Point, {"x": "2"}, {"x": 2, "y": 0}),
        (Point | None, Point(x=1), {"x": 1, "y": 0}),
        (Size, Size(3), {"width": 3}),
        (list[Point], [Point(x=1)], {"value": [{"x": 1, "y": 0}]}),
    ],
    ids=str,
)
async def test_what_is_returned_becomes_an_object(
    annotation: Any, returned: Any, output: object, context: FakeContext
) -> None:
    made = _returning(annotation)
    config = made.Config.model_construct(value=returned)
    from wfcore.plugins.output import output_object

    assert output_object(made, made.run(config, context)) == output
    if made.Output is not None:
        schema = closed_schema(made.Output)
        reference = schema.get("$ref", "").rpartition("/")[2]
        schema = schema.get("$defs", {}).get(reference, schema)
        assert schema["type"] == "object"
        assert set(output) == set(schema["properties"])
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("annotation", "returned", "message"),
    [
        (int, "many", "no FunctionOutput: value: Input should be a valid integer"),
        (Point, None, "no Point: Input should be a valid dictionary"),
        (Point, {"y": 1}, "no Point: x: Field required"),
        (Point, Point.model_construct(x=object()), "a Point that is not JSON"),
        (Point, Point.model_construct(x="text"), "a Point that is not JSON"),
    ],
)
def test_what_does_not_fit_the_declared_output_is_an_error_of_the_node(
    annotation: Any, returned: Any, message: str, context: FakeContext
) -> None:
    from wfcore.plugins.output import output_object

    made = _returning(annotation)
    with pytest.raises(NodeError) as caught:
        output_object(made, made.run(made.Config.model_construct(value=returned), context))
    assert caught.value.type == "InvalidOutput"
    assert not caught.value.retryable
    assert "handler 'function' returned " + message in caught.value.message


async def test_a_coroutine_that_nobody_awaited_is_an_error_of_the_node(
    context: FakeContext,
) -> None:
    async def hidden() -> int:
        return 1

    @handler
    def sneaky() -> Any:
        return hidden()

    with pytest.raises(NodeError, match="is an `async def` hidden behind a decorator"):
        await run_handler(sneaky, {}, context)


def _star(*words: str) -> None: ...
def _stars(**words: str) -> None: ...
def _two_contexts(a: NodeContext, b: NodeContext) -> None: ...
def _private(_x: int) -> None: ...
def _dump(model_dump: int) -> None: ...
def _odd(thread: asyncio.Task[int]) -> None: ...
def _odd_result() -> asyncio.Task[int]: ...  # type: ignore[empty-body]
def _unknown(x: "NoSuchName") -> None: ...  # type: ignore[name-defined]  # noqa: F821


def _generator() -> Any:
    yield 1


async def _async_generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_star, r"takes \*words"),
        (_stars, r"takes \*\*words"),
        (_two_contexts, "more than one NodeContext: a, b"),
        (_generator, "yields"),
        (_async_generator, "yields"),
        (_private, "no config key can be called '_x'"),
        (_dump, "no config key can be called 'model_dump'"),
        (_odd, "Task"),
        (_odd_result, "Task"),
        (_unknown, "NoSuchName.*must exist in its module, above the function, at run time"),
        (Point, "takes a function, not"),
        (print, "takes a function, not"),
    ],
)
def test_a_function_that_cannot_be_a_handler_says_why(function: Any, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        handler(function)
