"""Handlers and plugins as lists show them."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import jsonschema_rs
from pydantic import BaseModel, ConfigDict

import wfplugins_builtin
from wfcore import Handler, NodeContext, Raw, Secret, handler
from wfcore.plugins.catalog import handler_view, plugin_view
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import PluginReport


class Greet(Handler):
    """Greet somebody,
    politely.

    More is not said.
    """

    name = "greet"
    queue = "slow"

    example: ClassVar[Mapping[str, Any] | None] = MappingProxyType({"who": "you"})
    errors: ClassVar[Mapping[str, str]] = MappingProxyType({"Busy": "not now"})

    class Config(BaseModel):
        who: Annotated[str, Secret]
        """Whom to greet."""
        pattern: Annotated[str, Raw] = ""

    class Output(BaseModel):
        text: str
        """The greeting."""

    def run(self, config: Config, context: NodeContext) -> Output:
        return self.Output(text=config.who)


class Anything(Handler):
    name = "anything"

    class Config(BaseModel):
        model_config = ConfigDict(extra="allow")

    Output = Greet.Output

    @classmethod
    def output_schema(cls, config: Any, workflow: Any) -> dict[str, Any]:
        return {}

    def run(self, config: Config, context: NodeContext) -> None: ...


def _twice(number: int) -> int:
    """Double a number."""
    return 2 * number


twice = handler("twice")(_twice)


REGISTRY = load_plugins(handlers=[Greet, Anything, twice], discover=False)


def test_a_handler_tells_what_its_class_says() -> None:
    view = handler_view(REGISTRY.handlers["greet"], REGISTRY)

    assert view["name"] == "greet"
    assert view["summary"] == "Greet somebody, politely."
    assert view["description"] == "Greet somebody,\npolitely.\n\nMore is not said."
    assert (view["queue"], view["cpu_bound"], view["gives_result"]) == ("slow", False, False)
    assert view["config"]["properties"]["who"]["description"] == "Whom to greet."
    assert (view["raw"], view["secret"]) == (["pattern"], ["who"])
    assert view["output"]["required"] == ["text"]
    assert view["output"]["properties"]["text"]["description"] == "The greeting."
    assert view["output"]["additionalProperties"] is False
    assert (view["example"], view["errors"]) == ({"who": "you"}, {"Busy": "not now"})
    assert json.loads(json.dumps(view)) == view
    assert view["plugin"] is None


def test_its_config_refuses_what_the_engine_refuses() -> None:
    closed = jsonschema_rs.validator_for(
        handler_view(REGISTRY.handlers["greet"], REGISTRY)["config"]
    )
    opened = jsonschema_rs.validator_for(
        handler_view(REGISTRY.handlers["anything"], REGISTRY)["config"]
    )

    assert closed.is_valid({"who": "you"})
    assert not closed.is_valid({"who": "you", "whom": "me"})
    assert opened.is_valid({"whom": "me"})


def test_an_output_that_depends_on_the_config_is_not_told() -> None:
    assert handler_view(REGISTRY.handlers["anything"], REGISTRY)["output"] is None


def test_a_function_is_told_like_a_class() -> None:
    view = handler_view(REGISTRY.handlers["twice"], REGISTRY)

    assert view["summary"] == "Double a number."
    assert view["config"]["required"] == ["number"]
    assert set(view["output"]["properties"]) == {"value"}


def test_a_function_has_what_its_decorator_was_given() -> None:
    made = handler(example={"number": 3}, errors={"Odd": "now and then"})(_twice)
    view = handler_view(made, REGISTRY)

    assert (view["example"], view["errors"]) == ({"number": 3}, {"Odd": "now and then"})
    plain = handler_view(REGISTRY.handlers["twice"], REGISTRY)
    assert (plain["example"], plain["errors"], plain["raw"]) == (None, {}, [])


def test_a_handler_names_the_plugin_that_brought_it() -> None:
    registry = load_plugins()
    plugin = handler_view(registry.handlers["output"], registry)["plugin"]

    assert plugin is not None
    assert (plugin["name"], plugin["distribution"]) == ("builtin", "wfcore")
    given = load_plugins(plugins=[wfplugins_builtin], discover=False)
    plugin = handler_view(given.handlers["output"], given)["plugin"]
    assert plugin == {"name": "wfplugins_builtin", "distribution": None, "version": None}


def test_a_plugin_has_an_error_only_where_it_is_broken() -> None:
    loaded = PluginReport("one", "one", "loaded", 0.1, handlers=("a",))
    broken = PluginReport("two", "two", "broken", 0.1, "dist", "1", error="E: no", traceback="T")

    assert plugin_view(loaded).keys().isdisjoint({"error", "traceback"})
    assert plugin_view(loaded)["handlers"] == ("a",)
    assert (plugin_view(broken)["error"], plugin_view(broken)["traceback"]) == ("E: no", "T")
