"""`wf new plugin`: what it writes, what it refuses, and that what it writes is sound."""

import ast
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cli.command import Folder
from tests.project.tree import ROOT, clean_environment
from wfcore.cli.scaffold.distribution import distribution_files, write_new
from wfcore.cli.scaffold.names import IMPORTED, PluginNames

FILES = [
    ".gitignore",
    "README.md",
    "examples/shout.json",
    "pyproject.toml",
    "src/wfcore_shout/__init__.py",
    "src/wfcore_shout/py.typed",
    "tests/test_shout.py",
]
LONG = "a" * 36


def written(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def tool(folder: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_writes_a_distribution_and_says_what_to_do_next(folder: Folder) -> None:
    done = folder.wf("new", "plugin", "shout")
    assert (done.code, done.err) == (0, "")
    assert written(folder.path / "wfcore-shout") == FILES
    listed, _, following = done.out.partition("\n\nnext:\n")
    assert listed.splitlines() == [f"wfcore-shout/{file}" for file in FILES]
    assert following.splitlines() == [
        "  pip install --editable './wfcore-shout[dev]'",
        "  pytest wfcore-shout",
        "  wf run wfcore-shout/examples/shout.json",
    ]


def test_its_example_runs(folder: Folder) -> None:
    folder.wf("new", "plugin", "shout", "--folder", "mine")
    plugin = "mine/src/wfcore_shout/__init__.py"
    done = folder.wf("run", "mine/examples/shout.json", "--plugin", plugin)
    assert done.code == 0
    assert json.loads(done.out) == {"result": "HELLO!!!"}


def test_a_folder_may_be_there_where_it_is_empty(folder: Folder) -> None:
    (folder.path / "my plugins").mkdir()
    done = folder.wf("new", "plugin", "shout", "--folder", "my plugins")
    assert done.code == 0
    assert written(folder.path / "my plugins") == FILES
    assert "  pytest 'my plugins'\n" in done.out


def test_nothing_is_overwritten(folder: Folder) -> None:
    kept = folder.path / "wfcore-shout" / "notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine")
    done = folder.wf("new", "plugin", "shout")
    assert (done.code, done.out) == (2, "")
    assert "wfcore-shout is not empty; nothing was written" in done.err
    assert "--folder DIR" in done.err
    assert written(folder.path) == ["wfcore-shout/notes.txt"]
    assert folder.wf("new", "plugin", "shout", "--folder", str(kept)).code == 2
    assert kept.read_text() == "mine"


def test_what_cannot_be_written_is_told(folder: Folder) -> None:
    (folder.path / "file").write_text("")
    done = folder.wf("new", "plugin", "shout", "--folder", "file/below")
    assert done.code == 2
    assert "file/below cannot be written: Not a directory" in done.err


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Shout", "shout"),
        ("SendMail", "send-mail"),
        ("send mail!", "send-mail"),
        ("wfcore-shout", "shout"),
        ("3d", "d"),
        ("a" * 40, LONG),
        ("../x", "x"),
        ("größe", "gr-e"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_a_near_one(
    folder: Folder, name: str, nearest: str
) -> None:
    done = folder.wf("new", "plugin", name)
    assert done.code == 2
    assert f"(try wf new plugin {nearest})" in done.err
    assert written(folder.path) == []


@pytest.mark.parametrize("name", ["", "!", "7"])
def test_a_name_with_nothing_near_is_refused(folder: Folder, name: str) -> None:
    done = folder.wf("new", "plugin", name)
    assert done.code == 2
    assert "is no name of a plugin" in done.err
    assert "try" not in done.err


def test_a_name_that_an_installed_handler_has_is_refused(folder: Folder) -> None:
    done = folder.wf("new", "plugin", "output")
    assert done.code == 2
    assert f"there is a handler 'output' already, of distribution wfcore {version('wfcore')}" in (
        done.err
    )
    assert "give yours another name" in done.err
    assert written(folder.path) == []


def test_one_name_gives_all_the_others() -> None:
    assert PluginNames.of("send-mail_now") == PluginNames(
        distribution="wfcore-send-mail-now",
        module="wfcore_send_mail_now",
        handler="send_mail_now",
        class_name="SendMailNow",
        title="Send mail now",
    )


@pytest.mark.parametrize(
    ("at_hand", "specifier"),
    [
        ("0.1.0", ">=0.1.0"),
        ("1.2.0.dev3+g1a2b3c.d20260101", ">=1.2.0.dev3"),
        ("1.2.0rc1", ">=1.2.0rc1"),
        ("1.2.0+local", ">=1.2.0"),
        ("1.2.0.post1.dev2", ">=1.2.0.post1.dev2"),
    ],
)
def test_it_takes_the_wfcore_that_is_at_hand(at_hand: str, specifier: str) -> None:
    made = distribution_files(PluginNames.of("shout"), at_hand)["pyproject.toml"]
    project = tomllib.loads(made)["project"]
    [wanted] = [each for each in map(Requirement, project["dependencies"]) if each.name == "wfcore"]
    assert str(wanted.specifier) == specifier
    assert wanted.specifier.contains(at_hand)
    assert wanted.specifier.contains("99.0")


def test_no_class_is_named_like_what_its_files_import() -> None:
    made = distribution_files(PluginNames.of("shout"), "1.0")
    trees = [ast.parse(text) for path, text in made.items() if path.endswith(".py")]
    imported = {
        alias.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {name for name in imported if name[0].isupper()} - {"Shout"} == IMPORTED


@pytest.mark.parametrize(
    "name", ["shout", "x", LONG, "handler", "any", "none", "wfcore", "send-mail"]
)
@pytest.mark.timeout(180)
def test_what_it_writes_passes_its_own_checks(tmp_path: Path, name: str) -> None:
    names = PluginNames.of(name)
    write_new(tmp_path, distribution_files(names, "1.0"))
    example = json.loads((tmp_path / "examples" / f"{names.handler}.json").read_text())
    assert example["dag"]["nodes"][1]["handler"] == names.handler
    tool(tmp_path, "ruff", "check", "--no-cache")
    tool(tmp_path, "ruff", "format", "--check", "--no-cache")
    cache = ROOT / ".mypy_cache" / "authors"
    tool(tmp_path, "mypy", f"--cache-dir={cache}")
