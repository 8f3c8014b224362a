"""Every hook through a real engine: what it adds is used, and what its failure does."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, SecretStr

from wfcore import (
    BusFactory,
    CallNext,
    DocumentRefused,
    Engine,
    EventSink,
    Handler,
    LlmAnswer,
    LlmQuestion,
    Middleware,
    NodeContext,
    NodeError,
    PluginError,
    Problem,
    Secret,
    SecretSource,
    SecretValue,
    Status,
    StoreFactory,
    Templaters,
    Workflow,
    handler,
    hookimpl,
    load_file,
)
from wfcore.bus.contract import TaskBus
from wfcore.bus.local import LocalBus
from wfcore.engine import relay
from wfcore.engine.relay import PLUGIN_TRIES
from wfcore.plugins import hookspecs
from wfcore.plugins.catalog import handler_view
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.page import handler_page
from wfcore.store.contract import StateStore
from wfcore.store.memory import MemoryStore
from wfcore.workflow.states import EventLevel


@handler
def say(text: str) -> str:
    return text


def document(config: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "name": "hooks",
        "dag": {"nodes": [{"id": "a", "handler": "say", "config": dict(config)}]},
        **fields,
    }


def engine(*plugins: object, **options: Any) -> Engine:
    return Engine(plugins=plugins, handlers=[say], discover=False, **options)


class Words(BaseModel):
    mark: str = "!"
    token: SecretStr | None = None
    names: list[str] = []


class Shouting:
    """A plugin of one class: its settings begin with `APP_SHOUTING_`."""

    @hookimpl
    def wfcore_register_settings(self) -> type[BaseModel]:
        return Words

    @hookimpl
    def wfcore_register_handlers(self, settings: Words) -> list[Handler]:
        @handler
        def shout(context: NodeContext) -> dict[str, Any]:
            token = settings.token.get_secret_value() if settings.token else ""
            return {
                "said": settings.mark,
                "names": settings.names,
                "length": len(token),
                "asked": context.setting("shouting_token"),
            }

        return [shout]


SHOUT = {"name": "s", "dag": {"nodes": [{"id": "a", "handler": "shout"}]}}


async def test_wfcore_register_settings() -> None:
    given = {"shouting_mark": "?", "shouting_token": "tok-123456", "shouting_names": "a, b"}
    async with engine(Shouting(), settings=given) as running:
        result = await running.run(SHOUT)
    output = result.results["a"]
    assert output == {"said": "?", "names": ["a", "b"], "length": 10, "asked": None}


def test_wfcore_register_settings_that_do_not_fit_name_every_variable() -> None:
    class Strict(BaseModel):
        count: int
        url: str

    class Plugin:
        @hookimpl
        def wfcore_register_settings(self) -> type[BaseModel]:
            return Strict

    with pytest.raises(PluginError) as raised:
        load_plugins(plugins=[Plugin()], discover=False, settings={"plugin_count": "many"})
    assert "APP_PLUGIN_COUNT: should be a valid integer" in str(raised.value)
    assert "APP_PLUGIN_URL has to be set" in str(raised.value)


def test_wfcore_register_settings_are_shown_without_secrets() -> None:
    given = {"shouting_token": "tok-123456"}
    [report] = load_plugins(plugins=[Shouting()], discover=False, settings=given).reports
    shown = {setting.variable: setting for setting in report.settings}
    assert shown["APP_SHOUTING_TOKEN"].value == "***"
    assert shown["APP_SHOUTING_TOKEN"].secret
    assert shown["APP_SHOUTING_MARK"].default == "!"
    assert "tok-123456" not in str(report.as_dict())


def test_wfcore_register_settings_stand_on_the_pages_of_the_plugin_s_handlers() -> None:
    registry = load_plugins(plugins=[Shouting()], discover=False)
    page = handler_page(handler_view(registry.handler("shout"), registry))
    assert "## Settings of its plugin" in page
    assert "| `APP_SHOUTING_MARK` | str | `!` | |" in page
    assert "| `APP_SHOUTING_TOKEN` | pydantic.types.SecretStr" not in page
    assert "Secret: masked wherever it is shown." in page


async def test_wfcore_register_handlers() -> None:
    class Plugin:
        @hookimpl
        def wfcore_register_handlers(self) -> list[Handler]:
            return [twice]

    @handler
    def twice(text: str) -> str:
        return text * 2

    async with engine(Plugin()) as running:
        nodes = [{"id": "a", "handler": "twice", "config": {"text": "ab"}}]
        result = await running.run({"name": "t", "dag": {"nodes": nodes}})
    assert result.results == {"a": {"value": "abab"}}


async def test_wfcore_register_validators() -> None:
    def polite(workflow: Workflow) -> list[Problem]:
        return [Problem("acme.name", "/name", "too short")] if workflow.name == "x" else []

    def failing(workflow: Workflow) -> list[Problem]:
        raise OSError("no disk")

    class Plugin:
        validators = (polite,)

        @hookimpl
        def wfcore_register_validators(self) -> Sequence[Any]:
            return self.validators

    async with engine(Plugin()) as running:
        [problem] = await running.check(document({"text": "x"}) | {"name": "x"})
        assert (problem.code, problem.pointer) == ("acme.name", "/name")
        assert await running.check(document({"text": "x"})) == []
    plugin = Plugin()
    plugin.validators = (failing,)
    async with engine(plugin) as running:
        [problem] = await running.check(document({"text": "x"}))
    assert problem.code == "plugin.failed"
    assert "OSError: no disk" in problem.message


class PathTemplate:
    is_expression = True

    def __init__(self, path: Sequence[str]) -> None:
        self.paths = [path]

    def render(self, names: Mapping[str, Any]) -> Any:
        value: Any = names
        for step in self.paths[0]:
            value = value[step]
        return value


class Paths:
    """A template engine: `<a.output.value>`."""

    def is_template(self, text: str) -> bool:
        return text.startswith("<")

    def read(self, text: str) -> PathTemplate:
        if not text.endswith(">"):
            raise ValueError("the > is missing")
        return PathTemplate(text[1:-1].split("."))


class Templates:
    @hookimpl
    def wfcore_register_templaters(self) -> Templaters:
        return Templaters(
            filters={"initial": lambda text: text[0]},
            tests={"loud": lambda text: text.isupper()},
            globals={"planet": "Earth"},
            engines={"paths": Paths()},
        )


async def test_wfcore_register_templaters() -> None:
    text = "{{ planet | initial }}{% if 'A' is loud %}!{% endif %}"
    async with engine(Templates()) as running:
        result = await running.run(document({"text": text}))
        assert result.results == {"a": {"value": "E!"}}
        failing = await running.start_execution(document({"text": "{{ '' | initial }}"}))
        ended = await running.wait(failing[0])
    assert ended.errors["a"]["type"] == "TemplateError"


async def test_wfcore_register_templaters_with_an_engine_of_their_own() -> None:
    nodes = [
        {"id": "a", "handler": "say", "config": {"text": "{{ not Jinja }}"}},
        {
            "id": "b",
            "handler": "say",
            "dependencies": ["a"],
            "config": {"text": "<a.output.value>"},
        },
    ]
    chosen = {"name": "p", "template_engine": "paths", "dag": {"nodes": nodes}}
    async with engine(Templates()) as running:
        result = await running.run(chosen)
        assert result.results == {"b": {"value": "{{ not Jinja }}"}}
        wrong = {"<c.output>": "reference.unknown_node", "<a.outptu>": "reference.unknown_field"}
        for template, code in {**wrong, "<a": "template.syntax"}.items():
            nodes[1]["config"] = {"text": template}
            [problem] = await running.check(chosen)
            assert (problem.code, problem.pointer) == (code, "/dag/nodes/1/config/text")
        [unknown] = await running.check(document({"text": "x"}, template_engine="path"))
        assert (unknown.code, unknown.pointer) == ("document.template_engine", "/template_engine")
        assert 'did you mean "paths"?' in str(unknown.hint)


class Parrot:
    async def ask(self, model: str, question: LlmQuestion, context: NodeContext) -> LlmAnswer:
        if question.prompt == "fail":
            raise NodeError("Hoarse", "no voice")
        return LlmAnswer(f"{model} says {question.prompt}", model=model, usage={"input_tokens": 3})

    async def close(self) -> None:
        pass


async def test_wfcore_register_llm_providers() -> None:
    class Plugin:
        @hookimpl
        def wfcore_register_llm_providers(self) -> Mapping[str, Any]:
            return {"parrot": Parrot()}

    def asking(prompt: str) -> dict[str, Any]:
        config = {"prompt": prompt, "model": "parrot:small"}
        node = {"id": "a", "handler": "call_llm_service", "config": config}
        return {"name": "llm", "dag": {"nodes": [node]}}

    async with Engine(plugins=[Plugin()]) as running:
        result = await running.run(asking("hello"))
        assert result.results["a"]["result"] == "parrot:small says hello"
        assert result.usage["input_tokens"] == 3
        execution, _ = await running.start_execution(asking("fail"))
        assert (await running.wait(execution)).errors["a"]["type"] == "Hoarse"


class Vault:
    def __init__(self) -> None:
        self.failing = False

    def knows(self, name: str) -> bool | None:
        return name == "TOKEN"

    def read(self, name: str) -> SecretValue | None:
        if self.failing:
            raise ConnectionError("the vault is sealed")
        return SecretValue("tok-123456") if name == "TOKEN" else None


async def test_wfcore_register_secret_sources() -> None:
    vault = Vault()

    class Plugin:
        @hookimpl
        def wfcore_register_secret_sources(self) -> list[SecretSource]:
            return [vault]

    class Sign(Handler):
        name = "sign"

        class Config(BaseModel):
            token: Annotated[str, Secret]

        async def run(self, config: Config, context: NodeContext) -> int:
            return len(config.token)

    def signing(secret: str) -> dict[str, Any]:
        config = {"token": f"{{{{ secrets.{secret} }}}}"}
        node = {"id": "a", "handler": "sign", "config": config, "retry": {"max_attempts": 1}}
        return {"name": "s", "dag": {"nodes": [node]}}

    given = {"OWN": "own-secret"}
    async with Engine(
        plugins=[Plugin()], handlers=[Sign], discover=False, secrets=given
    ) as running:
        assert (await running.run(signing("TOKEN"))).results["a"] == {"value": 10}
        assert (await running.run(signing("OWN"))).results["a"] == {"value": 10}
        [problem] = await running.check(signing("OTHER"))
        assert problem.code == "secret.unknown"
        vault.failing = True
        execution, _ = await running.start_execution(signing("TOKEN"))
        error = (await running.wait(execution)).errors["a"]
    assert (error["type"], error["retryable"]) == ("ConnectionError", True)


class Sink(EventSink):
    level: ClassVar[EventLevel] = "nodes"

    def __init__(self, failures: int = 0) -> None:
        self.told: list[Mapping[str, Any]] = []
        self.failures = failures
        self.closed = False

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("nobody listens")
        self.told += events

    async def close(self) -> None:
        self.closed = True


class Turns(Sink):
    level: ClassVar[EventLevel] = "executions"


class Sinks:
    def __init__(self, *sinks: EventSink) -> None:
        self.sinks = sinks

    @hookimpl
    def wfcore_register_event_sinks(self) -> Sequence[EventSink]:
        return self.sinks


@pytest.fixture(params=["memory", "sqlite", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "redis":
        return str(request.getfixturevalue("redis_url"))
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/wf.db"


async def test_wfcore_register_event_sinks(store: str) -> None:
    nodes, turns = Sink(), Turns()
    two = document({"text": "x"})
    after = {"id": "b", "handler": "say", "config": {"text": "y"}, "dependencies": ["a"]}
    two["dag"]["nodes"].append(after)
    async with engine(Sinks(nodes, turns), store=store) as running:
        execution = (await running.run(two)).execution_id
    assert [event["type"] for event in turns.told] == [
        "wfcore.execution.started",
        "wfcore.execution.completed",
    ]
    # The last event of a node is the execution's turn.
    assert "wfcore.node.completed" in [event["type"] for event in nodes.told]
    assert [event["id"] for event in nodes.told] == [
        f"{execution}/{number}/{round(datetime.fromisoformat(event['time']).timestamp() * 1000)}"
        for number, event in enumerate(nodes.told, 1)
    ]
    assert nodes.closed


async def test_wfcore_register_event_sinks_that_fail_are_told_again_and_harm_no_other(
    store: str,
) -> None:
    well, late, never = Turns(), Turns(failures=1), Turns(failures=100)
    async with engine(Sinks(well, late, never), store=store) as running:
        await running.run(document({"text": "x"}))
        async with asyncio.timeout(10):
            while not running.counters.events_lost or len(late.told) < 2:
                await asyncio.sleep(0.02)
        lost = running.counters.events_lost
    assert [event["type"] for event in well.told] == [event["type"] for event in late.told]
    assert len(well.told) == len(late.told) == 2
    assert never.told == []
    assert 100 - never.failures >= PLUGIN_TRIES
    assert lost >= 1


class Stubborn(EventSink):
    """Never answers, and takes no notice of being cancelled."""

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.5)
                if self.released:
                    return

    released = False


@pytest.mark.timeout(60)
async def test_wfcore_register_event_sinks_that_never_end_hold_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "_TELL_SECONDS", 0.2)
    monkeypatch.setattr(relay, "_CLOSE_SECONDS", 0.2)
    sink, well = Stubborn(), Turns()
    async with engine(Sinks(sink, well)) as running:
        await running.run(document({"text": "x"}))
        begun = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begun < 5
    assert len(well.told) == 2
    sink.released = True
    await asyncio.sleep(0.6)


async def test_wfcore_register_stores() -> None:
    opened: list[str] = []

    def tape(url: str) -> StateStore:
        opened.append(url)
        return MemoryStore()

    class Plugin:
        @hookimpl
        def wfcore_register_stores(self) -> Mapping[str, StoreFactory]:
            return {"tape": tape}

    async with engine(Plugin(), store="tape://reel/1") as running:
        assert (await running.run(document({"text": "x"}))).status is Status.COMPLETED
    assert opened == ["tape://reel/1"]
    with pytest.raises(Exception, match="no store for the scheme 'tapes': did you mean \"tape\""):
        engine(Plugin(), store="tapes://reel")


async def test_wfcore_register_buses() -> None:
    def pigeons(url: str) -> TaskBus:
        return LocalBus()

    class Plugin:
        @hookimpl
        def wfcore_register_buses(self) -> Mapping[str, BusFactory]:
            return {"pigeons": pigeons}

    async with engine(Plugin(), bus="pigeons://roof") as running:
        assert (await running.run(document({"text": "x"}))).status is Status.COMPLETED


async def test_wfcore_register_middlewares() -> None:
    order: list[str] = []

    async def outer(context: NodeContext, call_next: CallNext) -> dict[str, Any]:
        order.append(f"{context.workflow}/{context.node} runs {context.handler}")
        output = await call_next()
        order.append("out")
        return {"value": output["value"] + "!"}

    async def inner(context: NodeContext, call_next: CallNext) -> dict[str, Any]:
        order.append(f"text is {context.config.text}")  # type: ignore[attr-defined]
        if context.config.text == "no":  # type: ignore[attr-defined]
            raise NodeError("Denied", "by policy")
        if context.config.text == "wrong":  # type: ignore[attr-defined]
            return {"other": 1}
        return await call_next()

    class Plugin:
        @hookimpl
        def wfcore_register_middlewares(self) -> list[Middleware]:
            return [outer, inner]

    async with engine(Plugin()) as running:
        result = await running.run(document({"text": "x"}))
        assert result.results == {"a": {"value": "x!"}}
        assert order == ["hooks/a runs say", "text is x", "out"]
        for text, kind in {"no": "Denied", "wrong": "KeyError"}.items():
            node = {"id": "a", "handler": "say", "config": {"text": text}}
            node["retry"] = {"max_attempts": 1}
            execution, _ = await running.start_execution({"name": "n", "dag": {"nodes": [node]}})
            assert (await running.wait(execution)).errors["a"]["type"] == kind


async def test_wfcore_register_middlewares_whose_output_is_checked() -> None:
    async def careless(context: NodeContext, call_next: CallNext) -> Any:
        return {"other": 1}

    class Plugin:
        @hookimpl
        def wfcore_register_middlewares(self) -> list[Middleware]:
            return [careless]

    async with engine(Plugin()) as running:
        execution, _ = await running.start_execution(document({"text": "x"}))
        assert (await running.wait(execution)).errors["a"]["type"] == "InvalidOutput"


WRONG = {
    "wfcore_register_settings": ("return 3", "3, not a pydantic model"),
    "wfcore_register_handlers": ("return [3]", "3 is not a subclass of wfcore.Handler"),
    "wfcore_register_validators": ("return [3]", "validator 3 is not a function"),
    "wfcore_register_templaters": ("return {}", "{}, not Templaters"),
    "wfcore_register_llm_providers": ("return {'x': 3}", "'x' has no method `ask` and `close`"),
    "wfcore_register_secret_sources": ("return [3]", "has no method `knows` and `read`"),
    "wfcore_register_event_sinks": ("return [3]", "3 is no instance of wfcore.EventSink"),
    "wfcore_register_stores": ("return {'redis': str}", "'redis' is the engine's own"),
    "wfcore_register_buses": ("return {'X': str}", "'X' is no name"),
    "wfcore_register_middlewares": ("return [lambda a, b: 3]", "is not an `async def`"),
}


@pytest.mark.parametrize("hook", WRONG)
def test_a_wrong_result_of_every_hook_is_said(hook: str, tmp_path: Path) -> None:
    body, said = WRONG[hook]
    path = tmp_path / "wrong.py"
    path.write_text(f"from wfcore import hookimpl\n\n@hookimpl\ndef {hook}():\n    {body}\n")
    with pytest.raises(PluginError) as raised:
        load_plugins(plugins=[load_file(path)], discover=False)
    assert said in str(raised.value)


def test_every_hook_has_a_test_named_after_it() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("wfcore_register_")]
    assert sorted(WRONG) == sorted(hooks)
    for hook in hooks:
        assert callable(globals()[f"test_{hook}"])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("'1.7'", "written for plugin API 1.7, this wfcore offers 1.0: install a newer wfcore"),
        ("'2.0'", "install a newer wfcore"),
        ("'0.9'", "install a newer version of the plugin"),
        ("1", "not a version such as '1.0'"),
        ("'one'", "not a version such as '1.0'"),
    ],
)
def test_another_version_of_the_contract_is_refused(
    declared: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.py"
    path.write_text(
        dedent(f"""
        from wfcore import hookimpl

        wfcore_api = {declared}

        @hookimpl
        def wfcore_register_handlers():
            return []
        """)
    )
    with pytest.raises(PluginError) as raised:
        load_plugins(plugins=[load_file(path)], discover=False)
    assert said in str(raised.value)


def test_a_document_that_chooses_no_engine_is_refused_as_ever() -> None:
    async def refused() -> None:
        async with engine(Templates()) as running:
            await running.submit(document({"text": "{{ nobody.output }}"}))

    with pytest.raises(DocumentRefused):
        asyncio.run(refused())


async def test_what_ends_programs_in_a_plugin_s_code_only_refuses_the_document() -> None:
    class Leaving:
        @hookimpl
        def wfcore_register_validators(self) -> Sequence[Any]:
            def leave(workflow: Workflow) -> list[Problem]:
                raise SystemExit(3)

            return [leave]

    async with engine(Leaving()) as running:
        [problem] = await running.check(document({"text": "x"}))
    assert problem.code == "plugin.failed"


async def test_a_middleware_that_edits_in_place_is_checked_like_one_that_returns() -> None:
    async def editing(context: NodeContext, call_next: CallNext) -> dict[str, Any]:
        output = await call_next()
        output["value"] = 5
        return output

    class Plugin:
        @hookimpl
        def wfcore_register_middlewares(self) -> list[Middleware]:
            return [editing]

    async with engine(Plugin()) as running:
        execution, _ = await running.start_execution(document({"text": "x"}))
        assert (await running.wait(execution)).errors["a"]["type"] == "InvalidOutput"


async def test_a_secret_that_is_no_text_fails_its_node_alone() -> None:
    class Odd(Vault):
        def read(self, name: str) -> SecretValue | None:
            return SecretValue(b"bytes-123") if name == "TOKEN" else None  # type: ignore[arg-type]

    class Plugin:
        @hookimpl
        def wfcore_register_secret_sources(self) -> list[SecretSource]:
            return [Odd()]

    class Sign(Handler):
        name = "sign"

        class Config(BaseModel):
            token: Annotated[str, Secret]

        async def run(self, config: Config, context: NodeContext) -> int:
            return len(config.token)

    def signing(secret: str) -> dict[str, Any]:
        config = {"token": f"{{{{ secrets.{secret} }}}}"}
        return {"name": "s", "dag": {"nodes": [{"id": "a", "handler": "sign", "config": config}]}}

    given = {"OWN": "own-secret-7"}
    async with Engine(
        plugins=[Plugin()], handlers=[Sign], discover=False, secrets=given
    ) as running:
        execution, _ = await running.start_execution(signing("TOKEN"))
        assert (await running.wait(execution)).errors["a"]["type"] == "SecretInvalid"
        assert (await running.run(signing("OWN"))).results["a"] == {"value": 12}


async def test_labels_that_a_handler_changes_are_those_of_its_attempt() -> None:
    @handler
    def label(context: NodeContext) -> dict[str, Any]:
        seen = dict(context.labels)
        context.labels["evil"] = "yes"  # type: ignore[index]
        return seen

    node = {"id": "a", "handler": "label"}
    async with Engine(handlers=[label], discover=False) as running:
        for _ in range(2):
            labelled = {"name": "l", "labels": {"a": "b"}, "dag": {"nodes": [node]}}
            assert (await running.run(labelled)).results["a"] == {"a": "b"}


async def test_a_secret_stands_nowhere_else_with_another_template_engine_either() -> None:
    class Aliased(Paths):
        def read(self, text: str) -> PathTemplate:
            return PathTemplate(["secrets", "TOKEN"]) if text == "<$$>" else super().read(text)

    class Plugin:
        @hookimpl
        def wfcore_register_templaters(self) -> Templaters:
            return Templaters(engines={"paths": Aliased()})

    async with engine(Plugin(), secrets={"TOKEN": "tok-123456"}) as running:
        [problem] = await running.check(document({"text": "<$$>"}, template_engine="paths"))
    assert problem.code == "template.secret"
