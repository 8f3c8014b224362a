"""Plugins and handlers that an embedder, or `--plugin FILE`, gives to an engine."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import wfplugins_builtin
from tests.plugins.conftest import Site
from wfcore import Handler, PluginError, Templaters, handler, hookimpl, load_file
from wfcore.plugins.manager import load_plugins

GOOD = """\
from wfcore import handler, hookimpl

@handler
def shout(text: str) -> str:
    return text.upper()

@hookimpl
def wfcore_register_handlers():
    return [shout]
"""


@handler
def double(number: int) -> int:
    return number * 2


class Greeting(Handler):
    name = "greeting"

    def __init__(self, word: str) -> None:
        self.word = word

    def run(self, config: object, context: object) -> str:
        return self.word


class Words:
    @hookimpl
    def wfcore_register_templaters(self) -> Templaters:
        return Templaters(filters={"loud": str.upper}, tests={"long": bool}, globals={"pi": 3})


def test_classes_instances_and_functions_can_be_given() -> None:
    class Plain(Handler):
        name = "plain"

        def run(self, config: object, context: object) -> None: ...

    registry = load_plugins(handlers=[Plain, Greeting("hello"), double], discover=False)
    assert sorted(registry.handlers) == ["double", "greeting", "plain"]
    assert isinstance(registry.handler("plain"), Plain)
    assert registry.handler("double") is double


def test_an_object_with_hooks_is_a_plugin() -> None:
    registry = load_plugins(plugins=[Words()], discover=False)
    assert registry.templaters.filters == {"loud": str.upper}
    assert registry.templaters.tests == {"long": bool}
    assert registry.templaters.globals == {"pi": 3}
    (found,) = registry.reports
    assert found.name.endswith("test_given.Words")
    assert found.distribution is None


def test_a_plugin_that_is_given_and_installed_is_one_plugin(site: Site) -> None:
    site.install("both", plugins={"both": "both"}, files={"both.py": GOOD})
    import both  # type: ignore[import-not-found]

    registry = load_plugins(plugins=[both, both])
    assert [one.name for one in registry.reports if one.name == "both"] == ["both"]
    assert registry.handler("shout").name == "shout"


def test_a_given_plugin_that_fails_is_raised_with_its_cause() -> None:
    @hookimpl
    def wfcore_register_handlers() -> object:
        raise OSError("no disk")

    plugin = SimpleNamespace(wfcore_register_handlers=wfcore_register_handlers)
    with pytest.raises(PluginError, match=r"SimpleNamespace' fails: OSError: no disk") as caught:
        load_plugins(plugins=[plugin], discover=False)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("plugin", [None, 3, "wfplugins_builtin", object(), Greeting, double])
def test_what_has_no_hooks_is_no_plugin(plugin: object) -> None:
    with pytest.raises(PluginError, match=r"it implements no hook|it is None"):
        load_plugins(plugins=[plugin], discover=False)


def test_a_given_handler_that_is_none_says_what_to_do() -> None:
    def naked(text: str) -> str:
        return text

    with pytest.raises(PluginError, match="put @handler above the function"):
        load_plugins(handlers=[naked], discover=False)  # type: ignore[list-item]
    with pytest.raises(PluginError, match="a module is a plugin: pass it under `plugins`"):
        load_plugins(handlers=[wfplugins_builtin], discover=False)  # type: ignore[list-item]
    with pytest.raises(PluginError, match="register an instance"):
        load_plugins(handlers=[Greeting], discover=False)


def test_a_given_handler_cannot_silently_replace_a_plugins() -> None:
    @handler("output")
    def mine() -> None: ...

    with pytest.raises(PluginError) as caught:
        load_plugins(plugins=[wfplugins_builtin], handlers=[mine], discover=False)
    assert "plugin 'wfplugins_builtin'" in str(caught.value)
    assert "the handlers given to the engine" in str(caught.value)


def test_a_registry_cannot_be_changed() -> None:
    registry = load_plugins(handlers=[double], discover=False)
    with pytest.raises(TypeError):
        registry.handlers["x"] = double  # type: ignore[index]
    with pytest.raises(AttributeError):
        registry.handlers = {}  # type: ignore[misc]


def test_two_engines_share_no_plugin_state() -> None:
    first = load_plugins(handlers=[double], discover=False)
    second = load_plugins(plugins=[wfplugins_builtin], discover=False)
    assert "double" not in second.handlers
    assert "output" not in first.handlers


def test_a_file_is_a_plugin_at_once(tmp_path: Path) -> None:
    path = tmp_path / "shout.py"
    path.write_text(GOOD)
    registry = load_plugins(plugins=[load_file(path)], discover=False)
    assert registry.handler("shout").name == "shout"
    (report,) = registry.reports
    assert (report.name, report.module) == ("shout.py", str(path))


def test_files_of_one_name_are_two_modules_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "plug.py" for folder in "ab"]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_text(f"number = {number}")
    assert [load_file(path).number for path in paths] == [0, 1]
    paths[0].write_text("number = 'changed'")
    assert load_file(paths[0]).number == "changed"


def test_a_file_can_hold_what_looks_itself_up_in_its_module(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from pydantic import BaseModel\n"
        "from wfcore import handler\n"
        "@dataclass\nclass Point:\n    x: int\n"
        "class Config(BaseModel):\n    point: Point\n"
        "@handler\ndef where(point: Point) -> Point:\n    return point\n"
    )
    module = load_file(path)
    assert module.where.Config.model_validate({"point": {"x": 3}}).point == module.Point(3)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("x = (", r"SyntaxError: .* line 1\)"),
        ("raise SystemExit(2)", "SystemExit: 2"),
    ],
)
def test_a_file_that_fails_is_named_with_the_reason(
    tmp_path: Path, source: str, reason: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source)
    before = set(sys.modules)
    with pytest.raises(PluginError, match=reason) as caught:
        load_file(path)
    assert str(path) in str(caught.value)
    assert caught.value.__cause__ is not None
    assert not {name for name in set(sys.modules) - before if name.startswith("wfcore_plugin_")}


def test_an_interrupt_while_a_file_loads_stays_an_interrupt(tmp_path: Path) -> None:
    path = tmp_path / "interrupted.py"
    path.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_file(path)


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plugin.txt").write_text("x = 1")
    with pytest.raises(PluginError, match="no plugin file"):
        load_file(tmp_path / "absent.py")
    with pytest.raises(PluginError, match="no plugin file"):
        load_file(tmp_path)
    with pytest.raises(PluginError, match=r"no Python source \(\.py\)"):
        load_file(tmp_path / "plugin.txt")
