"""Handler classes: what the registration refuses, their schemas, and their outputs."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import pytest
from pydantic import BaseModel, ConfigDict, RootModel, model_validator

from wfcore import Handler, NodeContext, NodeError, PluginError, Workflow
from wfcore.plugins.admission import admit
from wfcore.plugins.handler import NoConfig
from wfcore.plugins.output import output_object
from wfcore.testing import FakeContext, run_handler


class Word(BaseModel):
    text: str


class Words(BaseModel):
    first: Word
    others: list[Word] = []


class Keeping(Word):
    model_config = ConfigDict(extra="allow")


class Raising(Word):
    @model_validator(mode="after")
    def _fails(self) -> Self:
        raise KeyError("no such word")


class Good(Handler):
    name = "good"

    def run(self, config: Any, context: NodeContext) -> Any:
        return {}


WORKFLOW = Workflow.model_validate(
    {"name": "w", "dag": {"nodes": [{"id": "a", "handler": "good"}]}}
)


def _run(self: object, config: object, context: object) -> None: ...
def _one_argument(self: object, config: object) -> None: ...
def _generator(self: object, config: object, context: object) -> Any:
    yield


async def _async_generator(self: object, config: object, context: object) -> Any:
    yield


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"name": None}, "it has no `name`"),
        ({"name": 3}, "its name 3 is not a letter"),
        ({"name": ""}, "its name '' is not a letter"),
        ({"name": "two words"}, "its name 'two words' is not a letter"),
        ({"name": "a" * 129}, r"\(128 at most\)"),
        ({"name": "naïve"}, "its name 'naïve' is not a letter"),
        ({"queue": "a/b"}, "its queue 'a/b' is not a letter"),
        ({"queue": None}, "it has no `queue`"),
        ({"cpu_bound": "yes"}, "`cpu_bound` is 'yes', not True or False"),
        ({"gives_result": 1}, "`gives_result` is 1, not True or False"),
        ({"Config": dict}, "`Config` is <class 'dict'>, not a pydantic model"),
        ({"Config": None}, "`Config` is None, not a pydantic model"),
        ({"Config": Word(text="a")}, "`Config` is Word.*, not a pydantic model"),
        ({"Config": RootModel[list[int]]}, "`Config` describes a JSON array, not an object"),
        ({"Output": str}, "`Output` is <class 'str'>, not a pydantic model"),
        ({"Output": RootModel[int]}, "`Output` describes a JSON integer, not an object"),
        ({"example": ["text"]}, r"`example` is \['text'\], not a mapping of config keys"),
        ({"example": {"text": {1}}, "Config": Word}, "`example` is not JSON: Object of type set"),
        (
            {"example": {"text": float("nan")}, "Config": Word},
            "`example` is not JSON: Out of range",
        ),
        ({"example": {"txt": "a"}, "Config": Word}, "`example` has 'txt', which `Config` does not"),
        ({"example": {"text": 3}, "Config": Word}, "`example` does not fit `Config`: text: Input"),
        ({"example": {}, "Config": Word}, "`example` does not fit `Config`: text: Field required"),
        ({"example": {"text": "a"}, "Config": Raising}, "`example` makes `Config` raise KeyError"),
        ({"errors": ["Busy"]}, r"`errors` is \['Busy'\], not a mapping of error types"),
        ({"errors": {"Busy": 3}}, "`errors` has 'Busy': 3, not a type and a text"),
        ({"errors": {"": "never"}}, "`errors` has '': 'never', not a type and a text"),
        ({"run": Handler.run}, r"it has no method `run\(self, config, context\)`"),
        ({"run": 3}, r"it has no method `run\(self, config, context\)`"),
        ({"run": _one_argument}, r"`run\(self.*` cannot be called as run\(self, config, context"),
        ({"run": _generator}, "`run` yields"),
        ({"run": _async_generator}, "`run` yields"),
    ],
)
def test_a_faulty_handler_is_refused_with_the_reason(
    attributes: dict[str, Any], fault: str
) -> None:
    kind = type("Faulty", (Good,), attributes)
    with pytest.raises(PluginError, match=fault) as caught:
        admit(kind)
    assert str(caught.value).startswith("handler Faulty of ")


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (Word, {"text": "{{ start.output.text }}"}),
        (Words, {"first": "{{ start.output }}", "others": "{% if a %}b{% endif %}"}),
        (Word, MappingProxyType({"text": "a"})),
        (Keeping, {"text": "a", "more": 1}),
        (NoConfig, {}),
    ],
)
def test_an_example_that_fits_is_taken(model: type[BaseModel], example: Mapping[str, Any]) -> None:
    kind = type("Shown", (Good,), {"Config": model, "example": example})
    assert admit(kind).example == example


def test_a_template_does_not_excuse_a_key_that_is_not_known() -> None:
    kind = type("Faulty", (Good,), {"Config": Word, "example": {"txt": "{{ a.output }}"}})
    with pytest.raises(PluginError, match="`example` has 'txt'"):
        admit(kind)


def test_all_faults_of_a_handler_come_at_once() -> None:
    class Bare(Handler):
        queue = "no good"

    with pytest.raises(PluginError, match=r"no `name`; its queue .*; it has no method `run"):
        admit(Bare)


def test_models_that_are_not_complete_are_refused() -> None:
    class Incomplete(Good):
        class Config(BaseModel):
            later: "NeverDefined"  # type: ignore[name-defined]  # noqa: F821

    class NoSchema(Good):
        class Output(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            task: asyncio.Task[int]

    with pytest.raises(PluginError, match=r"`Config` has no JSON Schema: .*NeverDefined"):
        admit(Incomplete)
    with pytest.raises(PluginError, match="`Output` has no JSON Schema: "):
        admit(NoSchema)


def test_static_and_class_methods_can_be_the_run() -> None:
    class Static(Good):
        @staticmethod
        def run(config: Any, context: NodeContext) -> Any:
            return config

    class OnClass(Good):
        @classmethod
        def run(cls, config: Any, context: NodeContext) -> Any:
            return config

    for kind in (Static, OnClass):
        assert admit(kind).run(NoConfig(), FakeContext()) == NoConfig()


@pytest.mark.parametrize("candidate", [3, "x", None, object(), object, Word])
def test_what_is_no_handler_is_refused(candidate: object) -> None:
    with pytest.raises(PluginError, match=r"is not a subclass of wfcore\.Handler"):
        admit(candidate)


def test_an_output_model_gives_a_schema_that_is_closed_all_the_way_down() -> None:
    class Closed(Good):
        Output = Words

    schema = Closed.output_schema({}, WORKFLOW)
    assert schema is not None
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Word"]["additionalProperties"] is False
    assert schema["required"] == ["first"]


def test_a_model_that_keeps_extra_fields_gives_an_open_schema() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        known: int

    class Extra(Good):
        Output = Open

    schema = Extra.output_schema({}, WORKFLOW)
    assert schema is not None
    assert schema["additionalProperties"] is True
    assert output_object(Extra(), {"known": 1, "more": 2}) == {"known": 1, "more": 2}


def test_without_an_output_model_nothing_is_known_of_the_output() -> None:
    assert Good.output_schema({}, WORKFLOW) is None


def test_the_schema_can_depend_on_the_config() -> None:
    class Picky(Good):
        @classmethod
        def output_schema(cls, config: Any, workflow: Workflow) -> dict[str, Any] | None:
            return {"type": "object", "title": f"{workflow.name}-{config['kind']}"}

    assert admit(Picky).output_schema({"kind": "k"}, WORKFLOW) == {
        "type": "object",
        "title": "w-k",
    }


def test_a_handler_without_output_model_may_return_any_model() -> None:
    assert output_object(Good(), Word(text="a")) == {"text": "a"}


async def test_one_instance_serves_every_node() -> None:
    class Counting(Good):
        def __init__(self) -> None:
            self.calls = 0

        async def run(self, config: Any, context: NodeContext) -> Any:
            self.calls += 1
            return {"calls": self.calls}

    counting = admit(Counting)
    outputs = [await run_handler(counting, {}, FakeContext()) for _ in range(2)]
    assert outputs == [{"calls": 1}, {"calls": 2}]


def test_a_heartbeat_stops_a_loop_whose_result_is_not_wanted() -> None:
    context = FakeContext()
    context.heartbeat()
    context.cancel()
    with pytest.raises(NodeError, match="the result of 'node' is no longer wanted") as caught:
        context.heartbeat()
    assert caught.value.type == "Cancelled"
