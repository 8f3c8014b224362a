import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from wfcore.testing import FakeContext


class Site:
    """A folder on the import path, in which real distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        *,
        version: str = "1.0",
        plugins: Mapping[str, str],
        files: Mapping[str, str],
    ) -> None:
        entry_points = "".join(f"{name} = {value}\n" for name, value in plugins.items())
        self.write_metadata(distribution, version, f"[wfcore.plugins]\n{entry_points}")
        for path, source in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(source))
        importlib.invalidate_caches()

    def write_metadata(self, distribution: str, version: str, entry_points: str) -> None:
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(entry_points)
        (info / "RECORD").write_text("")
        (info / "INSTALLER").write_text("pip\n")
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield Site(folder)
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()
