"""run_workflow: the real engine in one call, in virtual time."""

import asyncio
import time
from typing import Any

import pytest
from pydantic import BaseModel

from wfcore import (
    DocumentRefused,
    ExecutionFailed,
    Handler,
    NodeContext,
    NodeError,
    NodeState,
    Status,
    handler,
    hookimpl,
)
from wfcore.testing import Stub, run_workflow


def document(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "tested", "dag": {"nodes": list(nodes)}, **more}


class Greet(Handler):
    """Greet somebody."""

    name = "greet"

    class Config(BaseModel):
        who: str
        marks: int = 1

    class Output(BaseModel):
        text: str

    async def run(self, config: Config, context: NodeContext) -> Output:
        context.notice("greeted")
        return self.Output(text=f"Hello, {config.who}" + "!" * config.marks)


GREETING = {"id": "greeting", "handler": "greet", "config": {"who": "{{ execution.input.name }}"}}
BUSY = NodeError("Busy", "not now", retryable=True)
LONG_RETRY = {
    "max_attempts": 4,
    "backoff": "exponential",
    "initial_interval": 600,
    "max_interval": 36_000,
    "jitter": False,
}


@handler
async def sleepy(seconds: float) -> str:
    """Sleep on the loop."""
    await asyncio.sleep(seconds)
    return "awake"


@handler
def blocking(seconds: float) -> str:
    """Sleep in a thread."""
    time.sleep(seconds)
    return "awake"


def test_a_workflow_runs_with_a_handler_at_hand() -> None:
    run = run_workflow(document(GREETING), {"name": "Ada"}, handlers=[Greet])
    assert run.status is Status.COMPLETED
    assert run.outputs == {"greeting": {"text": "Hello, Ada!"}}
    assert run.results == {"greeting": {"text": "Hello, Ada!"}}
    assert run.states == {"greeting": NodeState.COMPLETED}
    assert run.attempts == {"greeting": 1}
    assert run.errors == {}
    assert run.result.notices == ("greeted",)
    [call] = run.calls
    assert (call.node, call.config, call.attempt, call.at) == ("greeting", {"who": "Ada"}, 1, 0)
    assert run.raise_for_failure() is run


async def test_it_runs_where_a_loop_runs_already() -> None:
    run = run_workflow(document(GREETING), {"name": "Ada"}, handlers=[Greet])
    assert run.status is Status.COMPLETED


def test_a_plugin_can_be_given() -> None:
    class Plugin:
        @staticmethod
        @hookimpl
        def wfcore_register_handlers() -> list[type[Handler]]:
            return [Greet]

    run = run_workflow(document(GREETING), {"name": "Ada"}, plugins=[Plugin()], discover=False)
    assert run.status is Status.COMPLETED


def test_the_handler_at_hand_takes_the_place_of_an_installed_one() -> None:
    @handler("input")
    async def other() -> dict[str, str]:
        return {"from": "the handler at hand"}

    run = run_workflow(document({"id": "a", "handler": "input"}), handlers=[other])
    assert run.outputs == {"a": {"from": "the handler at hand"}}


def test_a_wrong_document_is_refused_as_ever() -> None:
    with pytest.raises(DocumentRefused, match="whom"):
        run_workflow(
            document({"id": "a", "handler": "greet", "config": {"whom": "x"}}), handlers=[Greet]
        )


def test_a_document_may_be_text() -> None:
    run = run_workflow(
        '{"name": "t", "dag": {"nodes": [{"id": "a", "handler": "x"}]}}', stubs={"a": {"b": 1}}
    )
    assert run.outputs == {"a": {"b": 1}}


class TestTime:
    def test_hours_of_backoff_pass_at_once(self) -> None:
        began = time.monotonic()
        run = run_workflow(
            document(GREETING | {"retry": LONG_RETRY}),
            {"name": "Ada"},
            handlers=[Greet],
            stubs={"greeting": Stub(fail=BUSY, times=3, then={"text": "at last"})},
        )
        assert time.monotonic() - began < 20
        assert run.status is Status.COMPLETED
        assert run.attempts == {"greeting": 4}
        assert [round(call.at) for call in run.calls] == [0, 600, 1800, 4200]
        assert run.seconds == pytest.approx(4200, abs=0.1)

    def test_jitter_depends_on_the_seed_alone(self) -> None:
        node = GREETING | {"retry": LONG_RETRY | {"jitter": True}}

        def times(seed: int) -> list[float]:
            run = run_workflow(
                document(node),
                {"name": "Ada"},
                handlers=[Greet],
                stubs={"greeting": Stub(fail=BUSY)},
                seed=seed,
            )
            return [call.at for call in run.calls]

        assert times(1) == times(1)
        assert times(1) != times(2)

    def test_a_timeout_of_an_hour_passes_at_once(self) -> None:
        node = {"id": "a", "handler": "sleepy", "config": {"seconds": 86_400}, "timeout": 3600}
        node["retry"] = {"max_attempts": 1}
        run = run_workflow(document(node), handlers=[sleepy])
        assert run.status is Status.FAILED
        assert run.errors["a"]["type"] == "Timeout"
        assert run.seconds == pytest.approx(3600, abs=1)
        with pytest.raises(ExecutionFailed, match="Timeout"):
            run.raise_for_failure()

    def test_the_executions_own_timeout_is_virtual_too(self) -> None:
        node = {"id": "a", "handler": "sleepy", "config": {"seconds": 40_000}}
        run = run_workflow(document(node, timeout=1800), handlers=[sleepy])
        assert run.status is Status.FAILED
        assert run.states == {"a": NodeState.CANCELLED}
        assert run.seconds == pytest.approx(1800, abs=3)

    def test_nodes_end_in_the_order_of_virtual_time(self) -> None:
        nodes = [
            {"id": f"n{seconds}", "handler": "sleepy", "config": {"seconds": seconds}}
            for seconds in (300, 20, 1000)
        ]
        run = run_workflow(document(*nodes), handlers=[sleepy])
        ended = [event.key for event in run.events if event.to is NodeState.COMPLETED]
        assert [key for key in ended if key.startswith("n")] == ["n20", "n300", "n1000"]
        assert run.seconds == pytest.approx(1000, abs=0.1)

    def test_the_same_run_is_the_same_to_the_last_event(self) -> None:
        nodes = [
            {"id": f"n{each}", "handler": "greet", "config": {"who": "x"}, "retry": LONG_RETRY}
            for each in range(20)
        ]
        stubs = {
            f"n{each}": Stub(fail=BUSY, times=each % 4, then={"text": "a"}) for each in range(20)
        }

        def told() -> list[tuple[Any, ...]]:
            run = run_workflow(document(*nodes), handlers=[Greet], stubs=stubs)
            assert run.status is Status.COMPLETED
            return [(each.at, each.key, each.to, each.attempt) for each in run.events]

        assert told() == told()

    def test_a_synchronous_handler_is_waited_for(self) -> None:
        slow = {"id": "a", "handler": "blocking", "config": {"seconds": 0.2}, "timeout": 30}
        run = run_workflow(document(slow), handlers=[blocking])
        assert run.outputs == {"a": {"value": "awake"}}
        assert 0.1 < run.seconds < 30

    def test_a_synchronous_handler_can_time_out(self) -> None:
        slow = {"id": "a", "handler": "blocking", "config": {"seconds": 1}, "timeout": 0.1}
        slow["retry"] = {"max_attempts": 1}
        run = run_workflow(document(slow), handlers=[blocking])
        assert run.errors["a"]["type"] == "Timeout"

    def test_what_does_not_end_is_told_with_its_open_nodes(self) -> None:
        node = {"id": "stuck", "handler": "sleepy", "config": {"seconds": 100_000}}
        with pytest.raises(TimeoutError, match="500 virtual seconds: stuck is RUNNING"):
            run_workflow(document(node), handlers=[sleepy], longest=500)

    def test_a_thread_that_does_not_end_is_given_up_in_real_time(self) -> None:
        node = {"id": "stuck", "handler": "blocking", "config": {"seconds": 5}}
        with pytest.raises(TimeoutError, match=r"0\.2 real seconds: stuck is RUNNING"):
            run_workflow(document(node), handlers=[blocking], patience=0.2)


class TestStubs:
    def test_an_output_stands_for_a_stub(self) -> None:
        after = {
            "id": "after",
            "handler": "output",
            "dependencies": ["greeting"],
            "config": {"value": "{{ greeting.output.text }}"},
        }
        run = run_workflow(
            document(GREETING, after),
            {"name": "Ada"},
            handlers=[Greet],
            stubs={"greeting": {"text": "from the stub"}},
        )
        assert run.results == {"after": "from the stub"}
        assert run.calls_of("greeting")[0].config == {"who": "Ada"}

    def test_the_true_config_is_checked(self) -> None:
        with pytest.raises(DocumentRefused, match="whom"):
            run_workflow(
                document({"id": "a", "handler": "greet", "config": {"whom": "x"}}),
                handlers=[Greet],
                stubs={"a": {"text": "a"}},
            )
        run = run_workflow(
            document({"id": "a", "handler": "greet", "config": {"who": "{{ execution.input }}"}}),
            {"no": "text"},
            handlers=[Greet],
            stubs={"a": {"text": "a"}},
        )
        assert run.errors["a"]["type"] == "InvalidConfig"

    def test_the_stubs_output_has_to_fit_the_true_output(self) -> None:
        run = run_workflow(
            document(GREETING), {"name": "A"}, handlers=[Greet], stubs={"greeting": {"txt": "a"}}
        )
        assert run.errors["greeting"]["type"] == "InvalidOutput"

    def test_references_are_checked_against_the_true_output(self) -> None:
        after = {
            "id": "b",
            "handler": "output",
            "dependencies": ["greeting"],
            "config": {"value": "{{ greeting.output.txt }}"},
        }
        with pytest.raises(DocumentRefused, match="txt"):
            run_workflow(
                document(GREETING, after),
                handlers=[Greet],
                stubs={"greeting": {"text": "a"}},
            )

    def test_a_node_whose_handler_is_not_here_can_be_stubbed(self) -> None:
        node = {"id": "a", "handler": "not_here", "config": {"any": {"thing": 1}}}
        run = run_workflow(document(node), stubs={"a": {"b": 1}})
        assert run.outputs == {"a": {"b": 1}}
        assert run.calls[0].config == {"any": {"thing": 1}}

    def test_a_node_beside_it_without_a_stub_fails(self) -> None:
        nodes = [{"id": key, "handler": "not_here", "retry": {"max_attempts": 1}} for key in "ab"]
        run = run_workflow(document(*nodes), stubs={"a": {}})
        assert run.errors["b"]["type"] == "PluginError"

    def test_only_the_stubbed_node_is_stubbed(self) -> None:
        nodes = [{"id": key, "handler": "greet", "config": {"who": key}} for key in "ab"]
        run = run_workflow(document(*nodes), handlers=[Greet], stubs={"a": {"text": "stub"}})
        assert run.outputs == {"a": {"text": "stub"}, "b": {"text": "Hello, b!"}}

    def test_a_failure_that_is_final(self) -> None:
        run = run_workflow(
            document(GREETING),
            {"name": "Ada"},
            handlers=[Greet],
            stubs={"greeting": Stub(fail=NodeError("Gone", "no more", status=410))},
        )
        assert run.errors["greeting"] == {
            "type": "Gone",
            "message": "no more",
            "retryable": False,
            "status": 410,
        }
        assert run.attempts == {"greeting": 1}

    def test_a_stub_can_take_virtual_time(self) -> None:
        node = GREETING | {"timeout": 60, "retry": {"max_attempts": 1}}
        stubs = {"greeting": Stub(output={"text": "late"}, seconds=61)}
        run = run_workflow(document(node), {"name": "A"}, handlers=[Greet], stubs=stubs)
        assert run.errors["greeting"]["type"] == "Timeout"

    def test_a_stub_for_no_node_is_an_error(self) -> None:
        with pytest.raises(ValueError, match='did you mean "greeting"'):
            run_workflow(document(GREETING), handlers=[Greet], stubs={"greting": {}})

    def test_what_is_no_stub_is_refused(self) -> None:
        with pytest.raises(TypeError, match="not 3"):
            run_workflow(document(GREETING), handlers=[Greet], stubs={"greeting": 3})  # type: ignore[dict-item]

    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"output": {}, "fail": BUSY},
            {"fail": BUSY, "times": 2},
            {"fail": BUSY, "then": {}},
            {"output": {}, "times": 2, "then": {}},
        ],
    )
    def test_a_stub_that_contradicts_itself_is_refused(self, given: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"stub|times"):
            Stub(**given)


def test_settings_and_secrets_reach_the_handlers() -> None:
    @handler
    async def asks(context: NodeContext) -> dict[str, Any]:
        return {"setting": context.setting("colour")}

    run = run_workflow(
        document({"id": "a", "handler": "asks"}), handlers=[asks], settings={"colour": "red"}
    )
    assert run.outputs == {"a": {"setting": "red"}}
