"""Nothing of the machine that a file was written on is committed, and what is pinned is pinned."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.project.tree import ROOT, committed_files

_REGISTRY = re.compile(
    r"pypi\.org|pypi\.python\.org|pythonhosted\.org|--(extra-)?index-url|--trusted-host"
)
_MACHINE_PATH = re.compile(r"(?<![\w.~-])/(home|Users|root|work)/[\w.]|/opt/wheels|[A-Z]:\\Users")
_REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")


def test_no_committed_file_names_a_registry_or_a_machines_path() -> None:
    others = (path for path in committed_files() if path != Path(__file__).resolve())
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in others
        for number, line in enumerate(_lines(path), start=1)
        if _REGISTRY.search(line) or _MACHINE_PATH.search(line)
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example/simple",
        "see https://pypi.org/project/x",
        'open("/home/ada/x")',
        "cd /work/tree",
    ],
)
def test_a_registry_or_a_machines_path_would_be_found(line: str) -> None:
    assert _REGISTRY.search(line) or _MACHINE_PATH.search(line)


@pytest.mark.parametrize("name", _REQUIREMENTS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=[a-z])", _pins(name))

    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+( ;.*)? \\\n +--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry


def test_what_runs_and_what_serves_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", _pins("requirements.txt"), flags=re.MULTILINE))

    assert {re.split(r"[\[<>=]", requirement)[0] for requirement in wanted} <= pinned


def _pins(name: str) -> str:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
