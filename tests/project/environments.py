"""The built wheel, and empty environments into which it is installed as users do it."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.project.tree import ROOT, clean_environment

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|"
    r"Could not find a version that satisfies"
)


def built_wheel(folder: Path) -> Path:
    """Build the source distribution and, from it alone, the wheel."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


def environment(folder: Path, *requirements: str) -> str:
    """Make an empty environment, install there, and return its interpreter."""
    venv.create(folder / "venv", symlinks=True)
    python = str(folder / "venv" / "bin" / "python")
    install(python, *requirements)
    return python


def install(python: str, *requirements: str) -> None:
    """Install into an environment; skips the test where the registry cannot be reached."""
    try:
        # Most of the time would go into byte code that is never run.
        pip = (sys.executable, "-m", "pip", "--python", python)
        run(*pip, "install", "--quiet", "--no-compile", *requirements)
        run(*pip, "check")
    except subprocess.CalledProcessError as failure:
        if _NO_NETWORK.search(failure.stderr) and not os.environ.get("CI"):
            pytest.skip("the package registry cannot be reached")
        raise


def run(*command: str, folder: Path | None = None) -> str:
    """Run a command and return what it printed; what it said where it failed is shown."""
    done = subprocess.run(
        command,
        cwd=folder or Path(sys.prefix),
        env=clean_environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n")
        raise subprocess.CalledProcessError(
            done.returncode, command, output=done.stdout, stderr=done.stderr
        )
    return done.stdout
