"""What plugin authors write passes strict type checkers, and their mistakes do not."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.conftest import Site
from wfcore.plugins.manager import load_plugins

ROOT = Path(__file__).parents[2]
AUTHORS = Path(__file__).parent / "authors"
EXAMPLE = ROOT / "examples" / "shout.py"

# One mistake on each line that says so.
MISTAKES = """\
from pydantic import BaseModel

from wfcore import Handler, NodeContext, NodeError, Templaters, handler


@handler
def shout(text: str, marks: int = 1) -> str:
    return text.upper() + "!" * marks


number: int = shout("hello")  # mistake
shout(3)  # mistake
shout("hello", volume=11)  # mistake


class NoModel(Handler):
    name = "no_model"
    Config = dict  # mistake


class NumberName(Handler):
    name = 3  # mistake


class OneArgument(Handler):
    name = "one_argument"

    def run(self, config: BaseModel) -> int:  # mistake
        return 1


async def uses(context: NodeContext) -> None:
    context.attempt = "first"  # mistake
    context.setting(3)  # mistake
    await context.http.request("GET")  # mistake
    raise NodeError("Busy", "try later", retry_later=True)  # mistake


Templaters(filters={"three": 3})  # mistake
handler(queue=3)  # mistake
"""


def mypy(file: Path) -> str:
    return _run(
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={ROOT / '.mypy_cache' / 'authors'}",
        str(file),
    )


def pyright(file: Path, folder: Path) -> str:
    config = {
        "typeCheckingMode": "strict",
        "include": [str(file)],
        "extraPaths": [str(ROOT)],
        "pythonVersion": "3.11",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    return _run(
        "basedpyright", "-p", str(folder / "pyrightconfig.json"), "--pythonpath", sys.executable
    )


def _run(checker: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", checker, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(180)
@pytest.mark.parametrize("file", [AUTHORS / "translate.py", EXAMPLE], ids=lambda file: file.stem)
def test_an_authors_file_passes_strict_checkers(file: Path, tmp_path: Path) -> None:
    assert mypy(file).startswith("Success: no issues found")
    assert "0 errors, 0 warnings, 0 notes" in pyright(file, tmp_path)


@pytest.mark.timeout(180)
def test_the_code_of_the_page_of_hooks_passes_strict_checkers(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    folder = tmp_path / "blocks"
    folder.mkdir()
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
        (folder / f"block{number}.py").write_text(block, encoding="utf-8")
    assert mypy(folder).startswith("Success: no issues found")
    assert "0 errors, 0 warnings, 0 notes" in pyright(folder, tmp_path)


@pytest.mark.timeout(180)
def test_an_authors_mistakes_are_found_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "mistakes.py"
    file.write_text(MISTAKES)
    lines = enumerate(MISTAKES.splitlines(), 1)
    mistakes = {number for number, line in lines if line.endswith("# mistake")}
    assert len(mistakes) > 10
    for output in (mypy(file), pyright(file, tmp_path)):
        found = {
            int(match[1]) for match in re.finditer(r"mistakes\.py:(\d+):(?:\d+)?.*error", output)
        }
        assert found == mistakes


def test_the_authors_file_is_a_plugin_that_loads(site: Site) -> None:
    source = (AUTHORS / "translate.py").read_text()
    site.install("acme", plugins={"acme": "acme_plugin"}, files={"acme_plugin.py": source})
    registry = load_plugins()
    assert {"translate", "count", "fixed", "shout", "total"} <= set(registry.handlers)
    assert [one.__name__ for one in registry.validators] == ["no_secrets_in_names"]
    assert registry.templaters.filters["initials"]("a b") == "ab"
