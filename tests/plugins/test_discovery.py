"""Installed plugins: found in one order, loaded one at a time, broken ones kept apart."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.conftest import Site
from wfcore.errors import PluginError
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import PluginReport, Registry

HANDLER = """
    from wfcore import handler, hookimpl

    @handler
    def {name}(text: str) -> str:
        return text

    @hookimpl
    def wfcore_register_handlers():
        return [{name}]
"""

HOOK = "from wfcore import Handler, Templaters, handler, hookimpl\n\n@hookimpl\n"

# How a plugin can fail, and what its report must say of it.
BROKEN = {
    "a missing import": ("import no_such_library", "ModuleNotFoundError: No module named"),
    "a syntax error": ("def wfcore_register_handlers(:\n    pass", "SyntaxError: "),
    "sys.exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "an exception of its own": ("raise BaseException('gone')", "BaseException: gone"),
    "an error that cannot be shown": (
        """
        class Bad(Exception):
            def __str__(self):
                raise ValueError

        raise Bad
        """,
        "Bad: <exception str() failed>",
    ),
    "endless recursion": ("def f(): f()\nf()", "RecursionError: "),
    "no hook": ("x = 1", "it implements no hook"),
    "a hook without the mark": (
        "def wfcore_register_handlers(): return []",
        "it implements no hook",
    ),
    "a misspelt hook": (
        HOOK + "def wfcore_register_handler(): return []",
        "no hook 'wfcore_register_handler'; did you mean \"wfcore_register_handlers\"?",
    ),
    "a hook with arguments of its own": (
        HOOK + "def wfcore_register_handlers(engine): return []",
        "wfcore_register_handlers takes no `engine`",
    ),
    "a hook with a misspelt argument": (
        HOOK + "def wfcore_register_handlers(setings): return []",
        'wfcore_register_handlers takes no `setings`; did you mean "settings"?',
    ),
    "one hook twice": (
        """
        from wfcore import hookimpl

        @hookimpl
        def wfcore_register_handlers(): return []

        @hookimpl(specname="wfcore_register_handlers")
        def more(): return []
        """,
        "it implements wfcore_register_handlers more than once",
    ),
    "a plugin error of its own that cannot be shown": (
        """
        from wfcore import PluginError

        class Bad(PluginError):
            def __str__(self):
                raise ValueError

        raise Bad
        """,
        "Bad: <exception str() failed>",
    ),
    "an error whose notes end the program": (
        """
        class Bad(Exception):
            @property
            def __notes__(self):
                raise SystemExit(3)

        raise Bad
        """,
        "Bad",
    ),
    "a syntax error whose file ends the program": (
        """
        class Bad(SyntaxError):
            @property
            def filename(self):
                raise SystemExit(3)

        raise Bad
        """,
        "Bad",
    ),
    "an object whose class ends the program when it is named": (
        """
        from wfcore import hookimpl

        class Meta(type):
            @property
            def __name__(cls):
                raise SystemExit(4)

        class Sink(metaclass=Meta):
            pass

        @hookimpl
        def wfcore_register_event_sinks(): return [Sink()]
        """,
        "event sink an object of Sink is no instance of wfcore.EventSink",
    ),
    "settings that cannot be made": (
        """
        from pydantic import BaseModel, Field
        from wfcore import hookimpl

        class Settings(BaseModel):
            a: int = Field(default_factory=lambda: 1 / 0)

        @hookimpl
        def wfcore_register_settings(): return Settings
        """,
        "ZeroDivisionError: ",
    ),
    "a filter of the engine's": (
        HOOK + "def wfcore_register_templaters(): return Templaters(filters={'upper': str})",
        "the filter 'upper' is built in and cannot be replaced",
    ),
    "a global that is reserved": (
        HOOK + "def wfcore_register_templaters(): return Templaters(globals={'nodes': 1})",
        "'nodes' cannot be the name of a global in templates",
    ),
    "a global that is no JSON": (
        HOOK + "def wfcore_register_templaters(): return Templaters(globals={'n': float('nan')})",
        "the global 'n' is no JSON value",
    ),
    "an object whose repr has a token": (
        """
        from wfcore import hookimpl

        class Client:
            def __repr__(self):
                return "Client(token='canary')"

        @hookimpl
        def wfcore_register_event_sinks(): return [Client()]
        """,
        "event sink an object of Client is no instance of wfcore.EventSink",
    ),
    "a hook that raises": (
        HOOK + "def wfcore_register_handlers(): return 1 / 0",
        "ZeroDivisionError: division by zero",
    ),
    "a hook that exits": (
        HOOK + "def wfcore_register_handlers(): exit(1)",
        "SystemExit: 1",
    ),
    "a hook that returns nothing": (
        HOOK + "def wfcore_register_handlers(): pass",
        "wfcore_register_handlers() returned None, not a list",
    ),
    "a hook that returns a class": (
        HOOK + "def wfcore_register_handlers(): return Handler",
        "not a list",
    ),
    "a hook that is async": (
        HOOK + "async def wfcore_register_handlers(): return []",
        "wfcore_register_handlers is `async def`; hooks are plain functions",
    ),
    "a hook that is a wrapper": (
        """
        from wfcore import hookimpl

        @hookimpl(wrapper=True)
        def wfcore_register_handlers():
            return (yield)
        """,
        "it cannot be a wrapper",
    ),
    "a generator that raises half way": (
        """
        from wfcore import handler, hookimpl

        @handler
        def half():
            pass

        @hookimpl
        def wfcore_register_handlers():
            yield half
            raise OSError("half")
        """,
        "OSError: half",
    ),
    "a handler with faults": (
        """
        from wfcore import Handler, hookimpl

        class Nameless(Handler):
            pass

        @hookimpl
        def wfcore_register_handlers():
            return [Nameless]
        """,
        "it has no `name`; it has no method `run(self, config, context)`",
    ),
    "two handlers of one name": (
        """
        from wfcore import handler, hookimpl

        @handler("a")
        def one(): ...

        @handler("a")
        def two(): ...

        @hookimpl
        def wfcore_register_handlers():
            return [one, two]
        """,
        "it registers two handlers named 'a'",
    ),
    "a validator that cannot be called": (
        HOOK + "def wfcore_register_validators(): return ['x']",
        "validator 'x' is not a function of one workflow",
    ),
    "templaters that are none": (
        HOOK + "def wfcore_register_templaters(): return {}",
        "wfcore_register_templaters() returned {}, not Templaters",
    ),
    "a filter that cannot be called": (
        HOOK + "def wfcore_register_templaters(): return Templaters(filters={'f': 3})",
        "Templaters.filters: 'f' is not a function",
    ),
    "a filter that no template can name": (
        HOOK + "def wfcore_register_templaters(): return Templaters(filters={'f f': str})",
        "Templaters.filters: 'f f' is no name in a template",
    ),
    "filters that are no mapping": (
        HOOK + "def wfcore_register_templaters(): return Templaters(filters=[str])",
        "not a mapping of names",
    ),
}


WIDE = "raise RuntimeError('x' * 100_000)"


def report(registry: Registry, name: str) -> PluginReport:
    return next(one for one in registry.reports if one.name == name)


def test_an_installed_plugin_is_found_loaded_and_reported(site: Site) -> None:
    site.install(
        "acme-shout",
        version="2.3",
        plugins={"shouting": "acme_shout"},
        files={"acme_shout.py": HANDLER.format(name="shout_it")},
    )
    registry = load_plugins()
    assert registry.handler("shout_it").name == "shout_it"
    found = report(registry, "shouting")
    assert (found.status, found.distribution, found.version) == ("loaded", "acme-shout", "2.3")
    assert found.handlers == ("shout_it",)
    assert found.hooks == ("wfcore_register_handlers",)
    assert found.module == "acme_shout"
    assert found.error is None
    json.dumps(found.as_dict())


@pytest.mark.parametrize("failure", BROKEN)
def test_a_broken_plugin_is_reported_and_the_others_go_on(site: Site, failure: str) -> None:
    source, error = BROKEN[failure]
    for name in ("a_good", "z_good"):
        site.install(
            name, plugins={name: name}, files={f"{name}.py": HANDLER.format(name=f"{name}_handler")}
        )
    site.install(
        "m-broken", version="0.9", plugins={"m_broken": "m_broken"}, files={"m_broken.py": source}
    )
    registry = load_plugins()
    assert {"a_good_handler", "z_good_handler"} <= set(registry.handlers)
    found = report(registry, "m_broken")
    assert (found.status, found.distribution, found.version) == ("broken", "m-broken", "0.9")
    assert error in (found.error or "")
    assert "Traceback (most recent call last)" in (found.traceback or "")
    assert found.hooks == ()
    json.dumps(found.as_dict())


def test_a_plugin_that_fails_at_its_second_hook_leaves_nothing_of_its_first(site: Site) -> None:
    site.install(
        "half",
        plugins={"half": "half"},
        files={
            "half.py": HANDLER.format(name="first_half")
            + """
    @hookimpl
    def wfcore_register_validators():
        raise RuntimeError("second half")
"""
        },
    )
    registry = load_plugins()
    assert "first_half" not in registry.handlers
    assert "second half" in (report(registry, "half").error or "")


def test_an_interrupt_from_the_keyboard_is_nobodys_fault(site: Site) -> None:
    site.install("slow", plugins={"slow": "slow"}, files={"slow.py": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_an_entry_point_to_what_does_not_exist_is_reported(site: Site) -> None:
    site.install(
        "lost",
        plugins={"a": "no_such_module_here", "b": "lost:plugin", "c": "lost:nothing", "d": "not !"},
        files={"lost.py": "nothing = None"},
    )
    registry = load_plugins()
    assert {name: report(registry, name).status for name in "abcd"} == dict.fromkeys(
        "abcd", "broken"
    )
    assert "it is None" in (report(registry, "c").error or "")


def test_a_distribution_with_unreadable_metadata_hides_no_other(site: Site) -> None:
    site.install("good", plugins={"good": "good"}, files={"good.py": HANDLER.format(name="good")})
    site.write_metadata("wrecked", "1.0", "[wfcore.plugins]\nno equals sign here\n")
    registry = load_plugins()
    assert "good" in registry.handlers
    wrecked = next(one for one in registry.reports if one.distribution == "wrecked")
    assert wrecked.status == "broken"
    assert "its metadata cannot be read" in (wrecked.error or "")


def test_of_two_copies_on_the_path_only_the_first_counts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(second)])
    site.install(
        "twice",
        version="2",
        plugins={"twice": "twice"},
        files={"twice.py": HANDLER.format(name="twice")},
    )
    Site(second).install("Twice", version="1", plugins={"old": "twice"}, files={})
    for wrecked in (False, True):
        if wrecked:
            site.write_metadata("wrecked", "1.0", "[wfcore.plugins]\nno equals sign here\n")
        reports = load_plugins().reports
        assert [one.version for one in reports if one.name in {"twice", "old"}] == ["2"]


def test_plugins_load_in_one_order_wherever_they_lie(site: Site) -> None:
    for distribution in ("zeta", "Alpha", "mid-dle"):
        module = distribution.replace("-", "_").lower()
        site.install(
            distribution,
            plugins={f"{module}_2": f"{module}:two", f"{module}_1": f"{module}:one"},
            files={
                f"{module}.py": f"""
                    from wfcore import hookimpl

                    class Plugin:
                        @hookimpl
                        def wfcore_register_validators(self):
                            return [check]

                    def check(workflow):
                        return ["{module}"]

                    one, two = Plugin(), Plugin()
                """
            },
        )
    names = [one.name for one in load_plugins().reports if one.distribution != "wfcore"]
    assert names == ["alpha_1", "alpha_2", "mid_dle_1", "mid_dle_2", "zeta_1", "zeta_2"]


def test_two_distributions_with_one_handler_name_are_an_error_that_names_both(site: Site) -> None:
    for distribution, version in (("acme-mail", "1.2"), ("other-mail", "3.4")):
        module = distribution.replace("-", "_")
        site.install(
            distribution,
            version=version,
            plugins={"mail": module},
            files={f"{module}.py": HANDLER.format(name="send_mail")},
        )
    with pytest.raises(PluginError) as caught:
        load_plugins()
    message = str(caught.value)
    assert "handler 'send_mail'" in message
    assert "distribution acme-mail 1.2" in message
    assert "distribution other-mail 3.4" in message


def test_two_distributions_with_one_filter_name_are_an_error_that_names_both(site: Site) -> None:
    for module in ("slug_a", "slug_b"):
        site.install(
            module,
            plugins={module: module},
            files={
                f"{module}.py": """
                    from wfcore import Templaters, hookimpl

                    def slug(text):
                        return text.lower()

                    @hookimpl
                    def wfcore_register_templaters():
                        return Templaters(filters={"slug": slug}, globals={"slug": slug})
                """
            },
        )
    with pytest.raises(PluginError) as caught:
        load_plugins()
    lines = str(caught.value).splitlines()
    assert [line.partition(" is registered")[0] for line in lines] == [
        "template filter 'slug'",
        "template global 'slug'",
    ]
    assert all("slug_a" in line and "slug_b" in line for line in lines)


def test_a_broken_plugin_with_two_names_is_reported_under_both(site: Site) -> None:
    site.install("two", plugins={"a": "two", "b": "two"}, files={"two.py": "x = 1"})
    assert [report(load_plugins(), name).status for name in "ab"] == ["broken", "broken"]


def test_a_broken_plugin_takes_no_part_in_clashes(site: Site) -> None:
    site.install("one", plugins={"one": "one"}, files={"one.py": HANDLER.format(name="shared")})
    site.install(
        "two",
        plugins={"two": "two"},
        files={"two.py": HANDLER.format(name="shared") + "\n    raise OSError\n"},
    )
    assert "shared" in load_plugins().handlers


@pytest.mark.parametrize(
    "source",
    [
        "import no_such\nclass T(Handler):\n    name = 'translate_it'\n",
        'import no_such\nclass T(Handler):\n    name: ClassVar[str] = "translate_it"\n',
        "import no_such\n@handler\nasync def translate_it(text: str): ...\n",
        "import no_such\n@wfcore.handler(queue='gpu')\ndef translate_it(text: str): ...\n",
        'import no_such\n@handler("translate_it", cpu_bound=True)\ndef whatever(): ...\n',
        "@handler\ndef translate_it(text: str):\n    this is no Python\n",
    ],
)
def test_a_handler_of_a_broken_plugin_is_known_as_broken(site: Site, source: str) -> None:
    site.install(
        "acme-words",
        version="4",
        plugins={"words": "acme_words.plugin"},
        files={"acme_words/__init__.py": "", "acme_words/plugin.py": source},
    )
    registry = load_plugins()
    owner = registry.absent_owner("translate_it")
    assert owner is not None
    assert owner.distribution == "acme-words"
    with pytest.raises(PluginError, match=r"installed but broken: distribution acme-words 4"):
        registry.handler("translate_it")
    assert registry.absent_owner("something_else") is None


def test_an_unknown_handler_is_told_with_the_nearest_name(site: Site) -> None:
    site.install("good", plugins={"good": "good"}, files={"good.py": HANDLER.format(name="shouts")})
    with pytest.raises(PluginError, match="no handler 'shuots'; did you mean \"shouts\""):
        load_plugins().handler("shuots")


def test_loading_in_a_fresh_process_finds_what_is_on_its_path(site: Site) -> None:
    site.install("good", plugins={"good": "good"}, files={"good.py": HANDLER.format(name="fresh")})
    site.install("bad", plugins={"bad": "bad"}, files={"bad.py": "raise SystemExit(7)"})
    code = (
        "from wfcore.plugins.manager import load_plugins\n"
        "registry = load_plugins()\n"
        "print(sorted(r.name + ' ' + r.status for r in registry.reports if r.name != 'builtin'))\n"
    )
    repository = Path(__file__).parents[2]
    path = os.pathsep.join([str(site.folder), str(repository)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.stdout == "['bad broken', 'good loaded']\n", done.stderr
    assert done.returncode == 0


def test_without_discovery_nothing_installed_is_loaded(site: Site) -> None:
    site.install("good", plugins={"good": "good"}, files={"good.py": HANDLER.format(name="good")})
    registry = load_plugins(discover=False)
    assert registry.handlers == {}
    assert registry.reports == ()
    assert "good" not in sys.modules


def test_a_long_error_is_clipped_in_the_report(site: Site) -> None:
    site.install("wide", plugins={"wide": "wide"}, files={"wide.py": WIDE})
    assert len(report(load_plugins(), "wide").error or "") == 2_000
