"""The built wheel, installed into empty environments as a user would, runs a workflow there."""

import re
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.project.environments import environment, run
from tests.project.tree import PACKAGES, ROOT

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
_EXTRAS: dict[str, list[str]] = _PROJECT["optional-dependencies"]

_EMBEDDING = """\
import wfcore
start = {"id": "start", "handler": "input", "dependencies": [], "config": {}}
greet = {"id": "greet", "handler": "output", "dependencies": ["start"],
         "config": {"value": "Hello, {{ start.output.name }}!"}}
document = {"name": "hello", "dag": {"nodes": [start, greet]}}
result = wfcore.run(document, input={"name": "Ada"})
print(result.status, result.results["greet"])
"""

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(420)]


def test_the_wheel_holds_the_four_packages_with_their_types_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_bare_wheel_runs_a_workflow_without_a_server_or_a_driver(
    wheel: Path, tmp_path: Path
) -> None:
    python = environment(tmp_path, str(wheel))

    assert run(python, "-I", "-c", _EMBEDDING).split("\n")[0] == "COMPLETED Hello, Ada!"
    installed = _installed(python)
    brought_by_extras = {_name(wanted) for extra in _EXTRAS.values() for wanted in extra}
    assert installed & (brought_by_extras - {"wfcore"}) == set()


@pytest.mark.parametrize("extra", sorted(set(_EXTRAS) - {"all"}))
def test_the_wheel_with_an_extra_runs_a_workflow(wheel: Path, tmp_path: Path, extra: str) -> None:
    python = environment(tmp_path, f"{wheel}[{extra}]")

    assert run(python, "-I", "-c", _EMBEDDING).split("\n")[0] == "COMPLETED Hello, Ada!"
    assert {_name(wanted) for wanted in _EXTRAS[extra]} <= _installed(python)


def test_the_extra_all_is_every_extra_of_those_who_run_workflows() -> None:
    (everything,) = _EXTRAS["all"]

    named = set(everything.removeprefix("wfcore[").removesuffix("]").split(","))
    assert named == set(_EXTRAS) - {"all", "testing"}


def _installed(python: str) -> set[str]:
    listed = run(sys.executable, "-m", "pip", "--python", python, "list", "--format=freeze")
    return {_name(line) for line in listed.split()}


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0].lower().replace("_", "-")
