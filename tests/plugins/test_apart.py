"""Law 12: a plugin that is not well, or not well meant, breaks only itself."""

import gc
import io
import logging
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.plugins.conftest import Site
from wfcore import Discovery, PluginError, hookimpl
from wfcore.plugins.capture import captured_output
from wfcore.plugins.manager import load_plugins
from wfcore.secrets.chain import chained

EQUAL = """
    from wfcore import handler, hookimpl

    class Plugin:
        def __eq__(self, other):
            {answer}

        __hash__ = None

        @hookimpl
        def wfcore_register_handlers(self):
            @handler("{name}")
            def run(): ...
            return [run]

    plugin = Plugin()
"""


def test_plugins_are_known_by_identity_not_by_what_they_say_they_equal(site: Site) -> None:
    answers = {"aa": "return True", "bb": "raise OSError", "cc": "return True"}
    for name, answer in answers.items():
        source = EQUAL.format(answer=answer, name=name)
        site.install(name, plugins={name: f"{name}_m:plugin"}, files={f"{name}_m.py": source})
    registry = load_plugins()
    assert {"aa", "bb", "cc", "input"} <= registry.handlers.keys()
    assert {report.status for report in registry.reports} == {"loaded"}


def test_a_factory_of_a_default_is_not_called_to_be_shown() -> None:
    calls: list[int] = []

    def made(data: dict[str, Any]) -> int:
        calls.append(1)
        return int(data["first"]) + 1

    class Made(BaseModel):
        first: int = 1
        second: int = Field(default_factory=made)

    class Plugin:
        @hookimpl
        def wfcore_register_settings(self) -> type[BaseModel]:
            return Made

    [report] = load_plugins(plugins=[Plugin()], discover=False).reports
    assert [(each.default, each.value) for each in report.settings] == [
        ("1", "1"),
        ("computed", "2"),
    ]
    assert calls == [1]


def test_a_given_plugin_that_exits_does_not_end_the_program() -> None:
    class Plugin:
        @hookimpl
        def wfcore_register_handlers(self) -> list[Any]:
            raise SystemExit(3)

    class Stopped:
        @hookimpl
        def wfcore_register_handlers(self) -> list[Any]:
            raise KeyboardInterrupt

    with pytest.raises(PluginError, match="SystemExit: 3"):
        load_plugins(plugins=[Plugin()], discover=False)
    with pytest.raises(KeyboardInterrupt):
        load_plugins(plugins=[Stopped()], discover=False)


def test_a_plugin_that_keeps_standard_output_writes_to_the_real_one_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = io.StringIO()
    monkeypatch.setattr(sys, "stdout", real)
    with captured_output() as printed:
        log = logging.StreamHandler(sys.stdout)
        sys.stdout.write("x" * 5_000)
    assert (len(printed() or ""), real.getvalue()) == (2_000, "")
    for _ in range(100):
        log.handle(logging.LogRecord("n", logging.INFO, "p", 1, "later", (), None))
    assert real.getvalue() == "later\n" * 100
    assert len(printed() or "") == 2_000
    log.stream.close()
    log.handle(logging.LogRecord("n", logging.INFO, "p", 1, "still", (), None))
    assert real.getvalue().endswith("still\n")
    del log
    gc.collect()
    assert not real.closed


def test_a_link_in_a_plugin_folder_is_no_second_plugin(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    source = EQUAL.format(answer="return True", name="once")
    (folder / "real.py").write_text(dedent(source) + HOOKED)
    (folder / "alias.py").symlink_to(folder / "real.py")
    other = tmp_path / "other"
    other.mkdir()
    (other / "again.py").symlink_to(folder / "real.py")
    registry = load_plugins(discover=Discovery(folders=(folder, other), allow=()))
    found = [each.name for each in registry.reports if each.distribution is None]
    assert found == ["real"]


HOOKED = """
@hookimpl
def wfcore_register_handlers():
    return Plugin().wfcore_register_handlers()
"""


def test_a_secret_source_that_fails_is_logged_by_its_class_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Vault:
        def __repr__(self) -> str:
            return "Vault(token='canary')"

        def knows(self, name: str) -> bool:
            raise OSError("down")

        def read(self, name: str) -> None:
            return None

    assert chained(Vault(), [Vault()]).knows("a") is None
    assert "Vault cannot say" in caplog.text
    assert "canary" not in caplog.text


def test_a_module_that_is_given_twice_is_one_plugin() -> None:
    module = ModuleType("twice")
    exec(dedent(EQUAL.format(answer="return True", name="one")) + HOOKED, module.__dict__)
    assert len(load_plugins(plugins=[module, module], discover=False).reports) == 1
