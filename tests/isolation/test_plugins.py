"""What plugins bring beside handlers holds where handlers run elsewhere."""

import os
from pathlib import Path

import pytest

from tests.engine.documents import node, workflow
from tests.isolation import paced
from wfcore import Discovery, Engine, Isolation, Status, load_file

SETTINGS = {"paced_word": "here", "paced_token": "tok-123456", "other_token": "not for it"}
LEVELS = ["task", "thread", "process"]


@pytest.mark.parametrize("level", LEVELS)
async def test_a_plugin_has_its_settings_and_its_middleware_at_every_level(level: str) -> None:
    isolation = Isolation({"told": level}, processes=1)
    async with Engine(plugins=[paced], isolation=isolation, settings=SETTINGS) as engine:
        result = await engine.run(workflow(node("a", "told")))
    output = result.results["a"]
    assert (output["word"], output["length"]) == ("here", 10)
    assert (output["pid"] == os.getpid()) is (level != "process")
    assert output["through"] == os.getpid()


@pytest.mark.parametrize("level", LEVELS)
async def test_a_node_is_put_off_at_every_level(level: str) -> None:
    async with Engine(plugins=[paced], isolation={"later": level}) as engine:
        result = await engine.run(workflow(node("a", "later")))
        assert engine.counters.deferred == 1
    assert result.results == {"a": {"value": 2}}


async def test_a_process_gets_the_settings_of_its_plugin_only() -> None:
    async with Engine(plugins=[paced], isolation={"told": "process"}, settings=SETTINGS) as engine:
        [private] = engine._materials.placement.settings.values()
    assert private == {"paced_word": "here", "paced_token": "tok-123456"}


async def test_a_package_of_a_plugin_folder_runs_in_a_process(tmp_path: Path) -> None:
    package = tmp_path / "paced"
    package.mkdir()
    (package / "__init__.py").write_text(Path(paced.__file__).read_text())
    discovery = Discovery(folders=(tmp_path,), settings=SETTINGS)
    async with Engine(discover=discovery, isolation={"told": "process"}) as engine:
        result = await engine.run(workflow(node("a", "told")))
    assert result.status is Status.COMPLETED
    assert result.results["a"]["length"] == 10


async def test_a_plugin_file_runs_in_a_process(tmp_path: Path) -> None:
    path = tmp_path / "paced.py"
    path.write_text(Path(paced.__file__).read_text())
    plugin = load_file(path)
    async with Engine(plugins=[plugin], isolation={"told": "process"}, settings=SETTINGS) as engine:
        result = await engine.run(workflow(node("a", "told")))
    assert result.results["a"]["word"] == "here"
