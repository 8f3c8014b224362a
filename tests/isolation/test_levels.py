"""The operator's words: levels by names and patterns, in settings and for an engine."""

import importlib.util
import logging
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.engine.documents import node, workflow
from tests.isolation import handlers
from tests.isolation.engines import DEADLINE, ended, engine
from wfcore import Engine, Isolation, PluginError, Status, handler, hookimpl, load_file
from wfcore.isolation.levels import InvalidIsolation, read_levels
from wfcore.settings import Settings, SettingsRefused


def test_the_first_pattern_that_fits_counts() -> None:
    levels = read_levels(["acme.slow=thread", "acme.*=process", "sh[ao]ut=thread"])
    isolation = Isolation(levels)

    found = [isolation.level_of(name) for name in ("acme.slow", "acme.x", "shout", "Acme.x")]
    assert found == ["thread", "process", "thread", "task"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("shout=proces", 'did you mean "process"'),
        ("shout=Thread", 'did you mean "thread"'),
        ("shout=", "is no level"),
        ("shout", "write shout=process"),
        ("=process", "write shout=process"),
    ],
)
def test_what_is_no_level_is_refused_with_the_remedy(entry: str, said: str) -> None:
    with pytest.raises(InvalidIsolation, match=said):
        read_levels([entry])


def test_a_name_with_two_levels_is_refused() -> None:
    with pytest.raises(InvalidIsolation, match="two levels"):
        read_levels(["a=task", "a=process"])


@pytest.mark.parametrize("processes", [0, -1, 1.5, True, "2", 10_000])
def test_a_wrong_number_of_processes_is_refused(processes: Any) -> None:
    with pytest.raises(InvalidIsolation, match="from 1 to"):
        Isolation(processes=processes)


def test_an_engine_refuses_a_wrong_level() -> None:
    with pytest.raises(InvalidIsolation, match="is no level"):
        Engine(isolation={"input": "container"})


def test_settings_become_the_isolation_of_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ISOLATION", "shout=process, acme.*=thread")
    monkeypatch.setenv("APP_ISOLATION_PROCESSES", "3")
    isolation = Settings.read().engine_options()["isolation"]

    assert isolation.levels == {"shout": "process", "acme.*": "thread"}
    assert isolation.processes == 3


def test_a_wrong_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_ISOLATION", "shout=proces")

    with pytest.raises(SettingsRefused, match=r'APP_ISOLATION.*did you mean "process"'):
        Settings.read()


def test_a_handler_that_is_not_here_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    engine({"wher": "process", "other.*": "process"})

    said = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert said == [
        "isolation: no handler 'wher' is here to run as process; did you mean \"where\"?",
        "isolation: no handler that fits 'other.*' is here to run as process",
    ]


def test_a_pattern_that_fits_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    engine({"whe*": "process", "*": "task"})

    assert not [each for each in caplog.records if each.levelno == logging.WARNING]


@handler
def named() -> int:
    return 1


def test_a_handler_inside_a_function_cannot_go_to_a_process() -> None:
    @handler
    def local() -> int:
        return 1

    with pytest.raises(PluginError, match=r"'local' cannot run in a process.*in no module"):
        Engine(handlers=[local], isolation={"local": "process"})


def test_an_instance_without_a_name_cannot_go_to_a_process() -> None:
    with pytest.raises(PluginError, match=r"'fixed' cannot run.*wfcore_register_handlers"):
        Engine(handlers=[handlers.Fixed(3)], isolation={"fixed": "process"})


def test_a_module_that_was_made_at_run_time_cannot_go_to_a_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = types.ModuleType("made_here")
    made.hook = hookimpl(_register, specname="wfcore_register_handlers")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_here", made)

    with pytest.raises(PluginError, match="'made_here' cannot be imported"):
        Engine(plugins=[made], isolation={"named": "process"})


def _register() -> list[Any]:
    return [named]


def test_the_program_itself_cannot_go_to_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    main = types.ModuleType("__main__")
    main.hook = hookimpl(_register, specname="wfcore_register_handlers")  # type: ignore[attr-defined]

    with pytest.raises(PluginError, match="a module of its own"):
        Engine(plugins=[main], isolation={"named": "process"})


def test_a_client_that_runs_nothing_need_not_load_anything_elsewhere() -> None:
    Engine(handlers=[handlers.Fixed(3)], isolation={"fixed": "process"}, worker=False)


async def test_handlers_are_loaded_from_wherever_they_came(tmp_path: Path) -> None:
    file = tmp_path / "filed.py"
    file.write_text(
        "from wfcore import handler, hookimpl\n"
        "@handler\n"
        "def filed() -> int:\n"
        "    return 9\n"
        "@hookimpl\n"
        "def wfcore_register_handlers():\n"
        "    return [filed]\n"
    )
    direct = Engine(
        plugins=[load_file(file)],
        handlers=[handlers.NAMED, handlers.Shaped, handlers.where],
        isolation=Isolation({"*": "process"}, processes=1),
    )
    async with direct as opened:
        names = ("filed", "fixed", "shaped", "where", "input")
        result = await ended(opened, *(node(name, name) for name in names), input={"x": 1})
        nodes = (await opened.execution(result.execution_id))["nodes"]

    assert result.status is Status.COMPLETED, result.errors
    outputs = {name: nodes[name]["output"] for name in ("filed", "fixed", "shaped", "input")}
    assert outputs == {
        "filed": {"value": 9},
        "fixed": {"value": 5},
        "shaped": {"w": 3},
        "input": {"x": 1},
    }


async def test_instances_with_arguments_come_from_their_plugin() -> None:
    async with engine() as opened:
        result = await ended(opened, node("a", "fixed"))
        output = (await opened.execution(result.execution_id))["nodes"]["a"]["output"]

    assert output == {"value": 7}


async def test_a_plugin_that_is_an_object_with_a_name_is_found_there() -> None:
    async with Engine(plugins=[handlers.KIT], isolation={"fixed": "process"}) as opened:
        result = await ended(opened, node("a", "fixed"))
        output = (await opened.execution(result.execution_id))["nodes"]["a"]["output"]

    assert output == {"value": 11}


def test_a_plugin_that_is_an_object_without_a_name_is_refused() -> None:
    with pytest.raises(PluginError, match="an instance of Kit stands in no module"):
        Engine(plugins=[handlers.Kit(1)], isolation={"fixed": "process"})


async def test_a_plugin_that_cannot_be_loaded_over_there_fails_its_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "only_once.py"
    module.write_text(Path(handlers.__file__).read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = importlib.util.find_spec("only_once")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "only_once", loaded)
    spec.loader.exec_module(loaded)
    async with Engine(plugins=[loaded], isolation={"where": "process"}) as opened:
        module.write_text("raise RuntimeError('not here')")
        execution, _ = await opened.start_execution(
            workflow(node("a", "where", retry={"max_attempts": 1}))
        )
        result = await opened.wait(execution, timeout=DEADLINE)

    assert result.errors["a"]["type"] == "RuntimeError"
    assert result.errors["a"]["message"] == "not here"
