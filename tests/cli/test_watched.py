"""What restarts `wf dev`: the plugin files, and packages that are installed from their sources."""

import json
import os
from pathlib import Path

import pytest

from wfcore.cli.watched import Watched, watched_files
from wfcore.errors import PluginError


def _install(path: Path, name: str, *, editable: bool) -> Path:
    """Lay out an installed plugin package as an installer does; return its module."""
    package = path / name
    package.mkdir()
    module = package / "__init__.py"
    module.write_text("", encoding="utf-8")
    info = path / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[wfcore.plugins]\nit = {name}\n")
    origin = {"url": path.as_uri(), "dir_info": {"editable": editable}}
    (info / "direct_url.json").write_text(json.dumps(origin))
    return module


def test_editable_plugin_packages_are_watched_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = _install(tmp_path, "watched_own", editable=True)
    foreign = _install(tmp_path, "watched_foreign", editable=False)
    monkeypatch.syspath_prepend(tmp_path)

    stamps = watched_files(()).stamps()

    assert own in stamps
    assert foreign not in stamps


def test_a_change_is_seen_whatever_way_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "plugin.py"
    path.write_text("a = 1\n", encoding="utf-8")
    watched = Watched((path,))
    first = watched.stamps()
    unchanged = watched.stamps()
    # As editors do: a new file in the place of the old one, of the same size and time.
    time = path.stat().st_mtime_ns
    other = tmp_path / "other"
    other.write_text("a = 2\n", encoding="utf-8")
    os.utime(other, ns=(time, time))
    other.replace(path)
    replaced = watched.stamps()
    path.unlink()

    assert first == unchanged
    assert replaced != first
    assert watched.stamps() == {path: None}


def test_a_distribution_that_comes_is_seen() -> None:
    watched = Watched((), (), watched_files(()).places)
    before = watched.stamps()
    [place, *_] = watched.places
    made = place / "wf_watched-1.0.dist-info"
    try:
        made.mkdir()
        assert watched.stamps() != before
    finally:
        made.rmdir()


@pytest.mark.parametrize(
    ("text", "said"), [(b"x = (\n", "line 1"), (b"a\0b", "plugin.py"), (b"x = 1\n", None)]
)
def test_what_does_not_compile_is_told_with_its_line(
    tmp_path: Path, text: bytes, said: str | None
) -> None:
    path = tmp_path / "plugin.py"
    path.write_bytes(text)

    fault = Watched((path,)).fault()

    assert (fault is None) if said is None else (fault is not None and said in fault)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no plugin file"):
        watched_files((tmp_path / "nowhere.py",))
