"""The wheel, built once for all tests."""

from pathlib import Path

import pytest

from tests.project.environments import built_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("dist"))
