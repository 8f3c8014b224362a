"""`docs/isolation.md` is true: its code runs, its settings are read, and `wf` obeys them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.project.tree import ROOT, clean_environment
from wfcore.engine.runners import GRACE_SECONDS
from wfcore.isolation.levels import Level
from wfcore.settings import Settings

PAGE = (ROOT / "docs" / "isolation.md").read_text(encoding="utf-8")
WF = Path(sys.executable).with_name("wf")
PLUGIN = """\
import os
from wfcore import handler, hookimpl

@handler
def process() -> int:
    print("printed by a handler")
    return os.getppid()

@hookimpl
def wfcore_register_handlers():
    return [process]
"""


def test_its_python_runs() -> None:
    [block] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    names: dict[str, object] = {}
    exec(block, names)
    assert "engine" in names


def test_its_variables_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    [block] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for name, value in re.findall(r"^export (\w+)='?([^'\n]+)'?$", block, re.MULTILINE):
        monkeypatch.setenv(name, value)
    isolation = Settings.read().engine_options()["isolation"]

    assert isolation.levels == {"resize": "process", "acme.*": "thread"}
    assert isolation.processes == 4


def test_it_names_every_level_and_the_time_that_a_handler_has() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(get_args(Level))
    assert GRACE_SECONDS * 0.75 == 1.5
    assert "one and a half seconds" in PAGE


@pytest.mark.parametrize("level", get_args(Level))
def test_wf_run_obeys_the_setting(level: str, tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    flow = {
        "name": "w",
        "dag": {
            "nodes": [
                {"id": "a", "handler": "process", "dependencies": [], "config": {}},
                {
                    "id": "b",
                    "handler": "output",
                    "dependencies": ["a"],
                    "config": {"value": "{{ a.output.value }}"},
                },
            ]
        },
    }
    (tmp_path / "flow.json").write_text(json.dumps(flow))
    with subprocess.Popen(
        [WF, "run", "flow.json", "--plugin", "plugin.py", "--output", "json"],
        cwd=tmp_path,
        env=clean_environment() | {"APP_ISOLATION": f"process={level}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        out, err = program.communicate(timeout=40)

    assert program.returncode == 0, err
    # In a process of its own, the parent of the handler is the command.
    parent = program.pid if level == "process" else os.getpid()
    assert str(parent) in out
    printed = err if level == "process" else out + err
    assert "printed by a handler" in printed


def test_wf_run_refuses_a_wrong_level(tmp_path: Path) -> None:
    done = subprocess.run(
        [WF, "config"],
        cwd=tmp_path,
        env=clean_environment() | {"APP_ISOLATION": "process=proces"},
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.returncode == 2
    assert 'did you mean "process"' in done.stderr
