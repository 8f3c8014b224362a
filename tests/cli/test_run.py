"""`wf run`: the result on standard output, the rest on standard error, and the exit code."""

import json

import pytest

from tests.cli.command import EXAMPLES, WAITING, Folder, node, workflow

HELLO = str(EXAMPLES / "hello.json")


def test_the_result_alone_is_on_standard_output(folder: Folder) -> None:
    done = folder.wf("run", HELLO, "--input", '{"name": "Grace"}')

    assert (done.code, done.json()) == (0, {"greet": "Hello, Grace!"})
    assert "greet  COMPLETED" in done.err


def test_json_output_is_the_body_of_the_results(folder: Folder) -> None:
    done = folder.wf("run", HELLO, "--output", "json")

    body = done.json()
    assert done.code == 0
    assert body == {
        "execution_id": folder.notes()[0]["execution"],
        "status": "COMPLETED",
        "completed": True,
        "results": {
            "final_status": "workflow_completed",
            "aggregated_results": {"greet": "Hello, Ada!"},
        },
        "message": "Results retrieved successfully.",
    }


def test_what_handlers_print_does_not_reach_standard_output(folder: Folder) -> None:
    flow = folder.write(workflow(node("talk", "chatter")))

    done = folder.wf("run", flow, "--plugin", WAITING, "--output", "json")

    assert done.json()["results"]["aggregated_results"] == {"talk": {"value": "quiet"}}
    for text in ("printed", "written", "said by a child"):
        assert text in done.err


def test_piped_output_has_no_escape_sequences(folder: Folder) -> None:
    done = folder.wf("run", HELLO, FORCE_COLOR="")

    assert "\x1b" not in done.out + done.err


def test_a_failed_node_is_named_with_its_error_and_the_way_to_run_it_again(folder: Folder) -> None:
    fetch = node(
        "fetch", "call_external_service", url="http://127.0.0.1:9/", retry={"max_attempts": 1}
    )
    flow = folder.write(workflow(fetch, node("after", dependencies=("fetch",))))

    done = folder.wf("run", flow, "--allow", "127.0.0.1:9")

    assert (done.code, done.out) == (1, "")
    assert "fetch  ConnectionFailed" in done.err
    assert "after  SKIPPED" in done.err
    assert f"wf run {flow}" in done.err


def test_a_failed_execution_has_its_errors_in_the_json(folder: Folder) -> None:
    fetch = node(
        "fetch", "call_external_service", url="http://127.0.0.1:9/", retry={"max_attempts": 1}
    )
    flow = folder.write(workflow(fetch))

    done = folder.wf("run", flow, "--allow", "127.0.0.1:9", "--output", "json")

    assert done.code == 1
    assert done.json()["status"] == "FAILED"
    assert done.json()["errors"]["fetch"]["type"] == "ConnectionFailed"


def test_a_retry_is_told_with_its_reason(folder: Folder) -> None:
    retry = {"max_attempts": 2, "initial_interval": 0.01}
    fetch = node("fetch", "call_external_service", url="http://127.0.0.1:9/", retry=retry)
    flow = folder.write(workflow(fetch))

    done = folder.wf("run", flow, "--allow", "127.0.0.1")

    assert "fetch  WAITING" in done.err
    assert "attempt 2" in done.err


def test_a_notice_stands_with_the_result(folder: Folder) -> None:
    flow = folder.write(workflow(node("ask", "call_llm_service", prompt="Hi")))

    text = folder.wf("run", flow)
    as_json = folder.wf("run", flow, "--output", "json")

    assert "[echo provider: no model was called]" in text.out
    assert "[echo provider: no model was called]" in as_json.err
    assert as_json.json()["completed"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "which workflow?"),
        (["run", HELLO, "--no-such-option"], "--no-such-option"),
        (["run", HELLO, "--concurrency", "0"], "--concurrency"),
        (["run", HELLO, "--set", "greet"], "node.key=value"),
        (["run", HELLO, "--plugin", "nowhere.py"], "nowhere.py"),
        (["run", HELLO, "--allow", "http://localhost:80"], "host:port"),
        (["run", "--resume", "--set", "greet.value=1"], "--set"),
        (["validate"], "which documents?"),
        (["dev", "--port", "70000"], "--port"),
        (["no-such-command"], "no-such-command"),
    ],
)
def test_a_command_line_that_cannot_be_used_exits_with_2(
    folder: Folder, arguments: list[str], said: str
) -> None:
    done = folder.wf(*arguments)

    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_wrong_setting_exits_with_2_and_is_named(folder: Folder) -> None:
    done = folder.wf("run", HELLO, APP_MAX_RETRIES="many")

    assert done.code == 2
    assert "APP_MAX_RETRIES" in done.err


def test_a_refused_document_exits_with_3_and_leaves_nothing(folder: Folder) -> None:
    ask = node("ask", "call_llm_service", prompt="Hi")
    flow = folder.write(workflow(ask, node("end", dependencies=("aks",))))

    done = folder.wf("run", flow)

    assert (done.code, done.out) == (3, "")
    assert "/dag/nodes/1/dependencies/0" in done.err
    assert 'did you mean "ask"?' in done.err
    line = [number for number, text in enumerate(_lines(folder, flow), 1) if '"aks"' in text]
    assert f"{flow}:{line[0]}" in done.err
    assert list(folder.runs.iterdir()) == []


def test_a_refused_document_is_json_too(folder: Folder) -> None:
    flow = folder.write(workflow(node("ask", "call_lm_service", prompt="Hi")))

    done = folder.wf("run", flow, "--output", "json")

    assert done.code == 3
    (problem,) = done.json()["problems"]
    assert problem["pointer"] == "/dag/nodes/0/handler"
    assert "call_llm_service" in problem["hint"]


def test_what_is_no_json_exits_with_3(folder: Folder) -> None:
    (folder.path / "flow.json").write_text("{", encoding="utf-8")

    done = folder.wf("run", "flow.json")

    assert (done.code, "line 1" in done.err) == (3, True)


def test_an_input_that_does_not_match_is_refused(folder: Folder) -> None:
    done = folder.wf("run", HELLO, "--input", '{"name": 1}')

    assert done.code == 3
    assert "--input: 1 problem" in done.err
    assert "/input/name" in done.err
    assert list(folder.runs.iterdir()) == []


def test_a_replacement_that_does_not_fit_is_refused(folder: Folder) -> None:
    done = folder.wf("run", HELLO, "--set", "greet.vlaue=1")

    assert done.code == 3
    assert "/greet/vlaue" in done.err
    assert list(folder.runs.iterdir()) == []


def test_a_missing_file_exits_with_4_and_the_nearest_name(folder: Folder) -> None:
    folder.write(workflow(node("a")), "flow.json")

    done = folder.wf("run", "flo.json")

    assert done.code == 4
    assert 'did you mean "flow.json"?' in done.err


def test_replacements_are_json_or_text_and_ids_may_have_dots(folder: Folder) -> None:
    flow = folder.write(workflow(node("a.b", value=1), node("c", value=1)))

    done = folder.wf("run", flow, "--set", "a.b.value=[1, 2]", "--set", "c.value=Hello, you")

    assert done.json() == {"a.b": [1, 2], "c": "Hello, you"}


def test_the_input_comes_from_a_file_or_from_beside_the_dag(folder: Folder) -> None:
    start = node("start", "input")
    flow = folder.write(workflow(start, input={"from": "the document"}))
    folder.write({"from": "a file"}, "input.json")

    assert folder.wf("run", flow).json() == {"start": {"from": "the document"}}
    given = folder.wf("run", flow, "--input", "@input.json")
    assert given.json() == {"start": {"from": "a file"}}


def test_every_execution_has_a_store_and_a_note_of_its_own(folder: Folder) -> None:
    ids = [folder.wf("run", HELLO, "--output", "json").json()["execution_id"] for _ in range(2)]

    assert len(set(ids)) == 2
    assert {path.stem for path in folder.runs.glob("*.db")} == set(ids)
    assert {note["status"] for note in folder.notes()} == {"COMPLETED"}


def test_ten_run_side_by_side(folder: Folder) -> None:
    started = [
        folder.started("run", HELLO, "--input", json.dumps({"name": f"Ada {number}"}))
        for number in range(10)
    ]
    processes = [each.__enter__() for each in started]
    try:
        outputs = [process.communicate(timeout=50)[0] for process in processes]
    finally:
        for each in started:
            each.__exit__(None, None, None)

    assert [process.returncode for process in processes] == [0] * 10
    assert [json.loads(text)["greet"] for text in outputs] == [
        f"Hello, Ada {number}!" for number in range(10)
    ]
    assert len(folder.notes()) == 10


def _lines(folder: Folder, name: str) -> list[str]:
    return (folder.path / name).read_text(encoding="utf-8").splitlines()
