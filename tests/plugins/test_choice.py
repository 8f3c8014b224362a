"""What the operator decides about plugins: which are loaded, from where, and how strictly."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.plugins.conftest import Site
from wfcore import Discovery, Engine, PluginError
from wfcore.plugins.catalog import absent_handler
from wfcore.plugins.manager import load_plugins, survey_plugins
from wfcore.plugins.registry import PluginReport, Registry

SHOUT = """
    import sys
    print("imported")
    sys.stdout.write("x" * 5_000)

    from wfcore import handler, hookimpl

    @handler
    def {name}(text: str) -> str:
        return text

    @hookimpl
    def wfcore_register_handlers():
        print("registering")
        return [{name}]
"""


def report(registry: Registry, name: str) -> PluginReport:
    return next(each for each in registry.reports if each.name == name)


@pytest.fixture
def two(site: Site) -> Site:
    for name in ("loud", "quiet"):
        site.install(
            f"Acme_{name}",
            plugins={name: f"acme_{name}"},
            files={f"acme_{name}.py": SHOUT.format(name=name)},
        )
    return site


@pytest.mark.parametrize(
    ("discovery", "loaded"),
    [
        (Discovery(), ["loud", "quiet"]),
        (Discovery(allow=("acme-loud",)), ["loud"]),
        # An entry point has the name that its author likes: it is no reason to trust it.
        (Discovery(allow=("loud",)), []),
        (Discovery(block=("loud",)), ["quiet"]),
        (Discovery(allow=("acme-quiet",)), ["quiet"]),
        (Discovery(allow=("ACME.*",)), ["loud", "quiet"]),
        (Discovery(allow=()), []),
        (Discovery(block=("acme_loud",)), ["quiet"]),
        (Discovery(allow=("acme-*",), block=("l*",)), ["quiet"]),
    ],
)
@pytest.mark.usefixtures("two")
def test_only_what_is_allowed_and_not_blocked_is_loaded(
    discovery: Discovery, loaded: list[str]
) -> None:
    registry = load_plugins(discover=discovery)
    assert [name for name in ("loud", "quiet") if name in registry.handlers] == loaded
    assert "input" in registry.handlers
    for name in {"loud", "quiet"} - set(loaded):
        assert report(registry, name).status == "blocked"


@pytest.mark.usefixtures("two")
async def test_a_document_is_told_that_a_handler_is_blocked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = {"name": "n", "dag": {"nodes": [{"id": "a", "handler": "loud"}]}}
    async with Engine(discover=Discovery(block=("loud",))) as engine:
        [problem] = await engine.check(document)
    assert (problem.code, problem.pointer) == ("handler.blocked", "/dag/nodes/0/handler")
    assert "APP_PLUGINS_BLOCK names it" in problem.message
    assert "Acme_loud" in str(problem.hint)
    with pytest.raises(PluginError, match="installed but blocked"):
        load_plugins(discover=Discovery(block=("loud",))).handler("loud")
    # It was not imported either: the other one printed, into its report.
    assert "imported" not in capsys.readouterr().out


@pytest.mark.usefixtures("two")
def test_what_a_plugin_prints_is_kept_and_clipped(capsys: pytest.CaptureFixture[str]) -> None:
    printed = report(load_plugins(), "loud").printed
    assert printed is not None
    assert printed.startswith("imported\nxxx")
    assert len(printed) == 2_000
    assert capsys.readouterr().out == ""


def test_a_strict_start_names_every_broken_plugin(two: Site) -> None:
    for name in ("one", "other"):
        two.install(f"bad-{name}", plugins={name: f"bad_{name}"}, files={f"bad_{name}.py": "1 / 0"})
    assert "loud" in load_plugins().handlers
    with pytest.raises(PluginError) as raised:
        load_plugins(discover=Discovery(strict=True))
    for name in ("bad-one", "bad-other"):
        assert f"distribution {name} 1.0" in str(raised.value)
    assert "APP_PLUGINS_STRICT" in str(raised.value)
    assert "loud" in load_plugins(discover=Discovery(strict=True, block=("bad-*",))).handlers


def test_a_slow_plugin_is_said_to_be(site: Site) -> None:
    source = "import time\ntime.sleep(1.05)\n" + dedent(SHOUT.format(name="late"))
    site.install("late", plugins={"late": "late"}, files={"late.py": source})
    registry = load_plugins()
    assert report(registry, "late").slow
    assert report(registry, "late").as_dict()["slow"] is True
    assert not report(registry, "builtin").slow


def test_a_folder_of_files_and_packages_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "words.py").write_text("TEXT = 'from a part'\n")
    (tmp_path / "pack" / "__init__.py").write_text(
        dedent("""
        from wfcore import handler, hookimpl
        from .words import TEXT

        @handler
        def packed() -> str:
            return TEXT

        @hookimpl
        def wfcore_register_handlers():
            return [packed]
        """)
    )
    (tmp_path / "single.py").write_text(dedent(SHOUT.format(name="single")))
    (tmp_path / "broken.py").write_text("1 / 0\n")
    for name in ("_private.py", ".hidden.py", "test_single.py", "conftest.py", "notes.txt"):
        (tmp_path / name).write_text("raise SystemExit('never imported')\n")
    (tmp_path / "data").mkdir()
    registry = load_plugins(discover=Discovery(folders=(tmp_path,), allow=()))
    found = [each for each in registry.reports if each.distribution is None]
    assert [(each.name, each.status) for each in found] == [
        ("broken", "broken"),
        ("pack", "loaded"),
        ("single", "loaded"),
    ]
    assert {"packed", "single"} <= registry.handlers.keys()


def test_a_folder_is_loaded_anew_with_its_parts(tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    part = tmp_path / "pack" / "part.py"
    (tmp_path / "pack" / "__init__.py").write_text(
        dedent("""
        from wfcore import handler, hookimpl
        from .part import name

        @handler(name)
        def packed() -> str:
            return ""

        @hookimpl
        def wfcore_register_handlers():
            return [packed]
        """)
    )
    for name in ("first", "second_name"):
        part.write_text(f"name = {name!r}\n")
        registry = load_plugins(discover=Discovery(folders=(tmp_path,)))
        assert name in registry.handlers


def test_a_broken_file_of_a_folder_is_known_by_its_handlers(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("@handler\ndef translate_it(): ...\n1 / 0\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("from . import part\n")
    (tmp_path / "pack" / "part.py").write_text("class A(B):\n    name = 'packed_it'\n")
    registry = load_plugins(discover=Discovery(folders=(tmp_path,), allow=()))
    for handler, name in (("translate_it", "words"), ("packed_it", "pack"), ("pack", "pack")):
        owner = registry.absent_owner(handler)
        assert owner is not None
        assert owner.name == name
        problem = absent_handler(handler, registry)
        assert problem.code == "handler.broken"
        assert f"the handler {handler!r} is installed but broken: " in problem.message


def test_a_clash_names_the_setting_that_ends_it(two: Site) -> None:
    for number in (1, 2):
        two.install(
            f"clash-{number}",
            plugins={f"c{number}": f"clash_{number}"},
            files={f"clash_{number}.py": SHOUT.format(name="same")},
        )
    two.install(
        "twins",
        plugins={"one": "twin_one", "other": "twin_other"},
        files={f"twin_{name}.py": SHOUT.format(name="twin") for name in ("one", "other")},
    )
    two.install("mine", plugins={"mine": "mine"}, files={"mine.py": SHOUT.format(name="output")})
    with pytest.raises(PluginError) as raised:
        load_plugins()
    remedies = [line.partition("use only one of them")[2] for line in str(raised.value).split("\n")]
    assert remedies == [
        " (APP_PLUGINS_BLOCK=clash-1 or APP_PLUGINS_BLOCK=clash-2)",
        " (APP_PLUGINS_BLOCK=one or APP_PLUGINS_BLOCK=other)",
        " (APP_PLUGINS_BLOCK=mine)",
    ]
    reports, clashes = survey_plugins(discover=Discovery(strict=True))
    assert len(clashes) == 3
    assert {"c1", "c2", "loud", "quiet", "builtin"} <= {each.name for each in reports}
    assert "same" in load_plugins(discover=Discovery(block=("clash-1", "other", "mine"))).handlers


def test_a_folder_that_is_not_there_is_said() -> None:
    with pytest.raises(PluginError, match="no plugin folder 'nowhere'"):
        load_plugins(discover=Discovery(folders=(Path("nowhere"),)))
