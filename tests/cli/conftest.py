"""A folder of its own for every test."""

from pathlib import Path

import pytest

from tests.cli.command import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
