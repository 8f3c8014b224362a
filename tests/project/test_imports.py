"""What importing costs, and that the names which packages announce are there."""

import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.project.tree import PACKAGES, ROOT, clean_environment

# Servers, drivers, LLM clients, and what is slow to load.
_NOT_FOR_EMBEDDERS = {
    "aiokafka",
    "anthropic",
    "cyclopts",
    "fastapi",
    "google",
    "httpx",
    "jsonschema_rs",
    "networkx",
    "openai",
    "pydantic_ai",
    "pydantic_settings",
    "redis",
    "rich",
    "ruamel",
    "sqlite3",
    "starlette",
    "structlog",
    "uvicorn",
    "wfcore.cli",
    "wfplugins_builtin",
    "wfserver",
    "wfworker",
}


def test_importing_wfcore_loads_no_server_driver_or_client() -> None:
    loaded = _modules_after("import wfcore") - _modules_after("pass")

    assert "wfcore" in loaded
    assert sorted(loaded & _NOT_FOR_EMBEDDERS) == []


def test_naming_every_public_thing_loads_no_server_or_client() -> None:
    loaded = _modules_after("from wfcore import *") - _modules_after("pass")

    assert "wfcore" in loaded
    assert sorted(loaded & (_NOT_FOR_EMBEDDERS - {"sqlite3", "wfplugins_builtin"})) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_announced_name_is_there_once(package: str) -> None:
    for module in _modules_of(package):
        names = list(getattr(module, "__all__", ()))
        missing = [name for name in names if not hasattr(module, name)]

        assert missing == [], module.__name__
        assert len(names) == len(set(names)), module.__name__


def test_dir_shows_what_wfcore_exports_lazily() -> None:
    wfcore = importlib.import_module("wfcore")

    assert set(wfcore.__all__) <= set(dir(wfcore))


def _modules_after(statement: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has loaded after `statement`."""
    script = f"{statement}\nimport sys, json\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def _modules_of(package: str) -> Iterator[ModuleType]:
    top = importlib.import_module(package)
    yield top
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)
