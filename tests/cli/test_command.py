"""The command itself: what it loads, and that its help says what its exit codes mean."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.cli.command import EXAMPLES, Folder
from tests.project.tree import ROOT, clean_environment
from wfcore.cli.exits import Exit

_ON_SERVER = ("list", "show", "follow", "wait", "cancel", "retry", "delete")
_COMMANDS = ("run", "validate", "dev", *(f"executions {name}" for name in _ON_SERVER))
_LOADED = """
import sys, json
from wfcore.cli import main
sys.argv = ["wf", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
print("\\n" + json.dumps(list(sys.modules)))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_load_neither_engine_nor_server(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(arguments=arguments)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {"wfcore.engine", "wfcore.plugins", "wfserver", "wfplugins_builtin", "fastapi"}
    heavy |= {
        "httpx",
        "structlog",
        "networkx",
        "pydantic",
        "jinja2",
        "sqlite3",
        "asyncio",
        "uvicorn",
    }
    assert "wfcore.cli.app" in loaded
    assert loaded & heavy == set()


@pytest.mark.parametrize(
    "command", [[], ["run"], ["validate"], ["dev"], ["executions"], ["executions", "wait"]]
)
def test_help_names_every_exit_code(folder: Folder, command: list[str]) -> None:
    done = folder.wf(*command, "--help")

    assert done.code == 0
    for code in Exit:
        assert str(int(code)) in done.out


def test_docs_describe_every_exit_code_and_option(folder: Folder) -> None:
    docs = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    options = {
        word.strip("│,:")
        for command in _COMMANDS
        for word in folder.wf(*command.split(), "--help").out.split()
        if word.startswith("--")
    }

    assert {option for option in options if f"`{option}" not in docs} == set()
    assert [code for code in Exit if f"| {int(code)} |" not in docs] == []


def test_version_is_that_of_the_distribution(folder: Folder) -> None:
    assert folder.wf("--version").out.startswith("wf 0.")


def test_dev_serves_the_api_until_it_is_told_to_stop(folder: Folder) -> None:
    document = (EXAMPLES / "hello.json").read_bytes()
    with folder.started("dev", "--port", "0") as process:
        assert process.stderr is not None
        said = ""
        while "LLM provider" not in said:
            said += process.stderr.readline()
        url = next(word for word in said.split() if word.startswith("http://"))
        request = urllib.request.Request(
            f"{url}/workflow", document, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert json.load(answer)["status"] == "PENDING"
        second = folder.wf("dev", "--port", "0")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert "sqlite:///.wf/dev.db (durable)" in said
    assert "echo" in said
    assert (second.code, f"process {process.pid}" in second.err) == (Exit.STORE, True)
    assert process.returncode == 0


def test_dev_says_that_its_port_is_taken(folder: Folder) -> None:
    with folder.started("dev", "--port", "0") as process:
        assert process.stderr is not None
        said = ""
        while "http://" not in said:
            said += process.stderr.readline()
        port = next(word for word in said.split() if word.startswith("http://")).rsplit(":")[-1]

        done = folder.wf("dev", "--port", port, APP_STORE_URL="memory://")

    assert (done.code, "in use" in done.err) == (Exit.USAGE, True)


def test_a_reader_that_goes_away_is_no_error(folder: Folder) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "wfcore.cli", "validate", str(EXAMPLES / "hello.json")],
        cwd=folder.path,
        env=clean_environment(),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
