"""YAML files where JSON files go: run, validated, drawn, with the lines of their problems."""

from tests.cli.command import EXAMPLES, Folder

REVIEW = EXAMPLES / "review.yaml"


def test_a_document_in_yaml_runs(folder: Folder) -> None:
    done = folder.wf("run", str(REVIEW), "--input", '{"change": "x = 1"}', "--output", "json")
    assert done.code == 0, done.err
    [answer] = done.json()["results"]["aggregated_results"].values()
    assert "Review this change for the team:\n\nx = 1\n" in answer["result"]


def test_a_failed_one_is_taken_up_again_like_any_other(folder: Folder) -> None:
    path = folder.path / "w.yml"
    path.write_text(
        "name: x\ndag:\n  nodes:\n  - id: a\n    handler: call_external_service\n"
        "    retry: {max_attempts: 1}\n    config: {url: 'http://127.0.0.1:9'}\n"
    )
    assert folder.wf("run", str(path)).code == 1
    assert folder.wf("run", "--retry").code == 1


def test_it_is_drawn(folder: Folder) -> None:
    done = folder.wf("graph", str(REVIEW))
    assert done.code == 0
    assert "review  call_llm_service" in done.out


def test_problems_have_the_lines_of_the_yaml(folder: Folder) -> None:
    path = folder.path / "wrong.yaml"
    text = REVIEW.read_text().replace("execution.input.change", "execution.inptu.change")
    path.write_text(text)
    line = next(at for at, each in enumerate(text.splitlines(), 1) if "prompt: |" in each)
    done = folder.wf("validate", str(path))
    assert done.code == 3
    assert "/dag/nodes/0/config/prompt" in done.out
    # A block's value is where its mark is.
    assert f"wrong.yaml:{line}" in done.out


def test_what_is_no_yaml_says_where(folder: Folder) -> None:
    path = folder.path / "wrong.yaml"
    path.write_text("name: x\ndag: {nodes: [\n")
    for command in ("validate", "run", "graph"):
        done = folder.wf(command, str(path))
        assert done.code == 3
        assert "yaml.syntax" in done.out + done.err
        assert "line 3" in done.out + done.err


def test_an_input_may_stand_beside_dag(folder: Folder) -> None:
    path = folder.path / "w.yaml"
    path.write_text(
        "name: x\ninput: {n: 3}\ndag:\n  nodes:\n  - id: o\n    handler: output\n"
        "    config: {value: '{{ execution.input.n }}'}\n"
    )
    done = folder.wf("run", str(path), "--output", "json")
    assert done.json()["results"]["aggregated_results"] == {"o": 3}


def test_a_list_is_no_workflow_in_yaml_either(folder: Folder) -> None:
    path = folder.path / "w.yaml"
    path.write_text("- 1\n")
    done = folder.wf("validate", str(path), "--output", "json")
    assert done.json()["problems"][0]["code"] == "document.type"


def test_an_input_file_may_be_yaml(folder: Folder) -> None:
    (folder.path / "in.yaml").write_text("change: |\n  one\n  two\n")
    done = folder.wf("run", str(REVIEW), "--input", "@in.yaml", "--output", "json")
    [answer] = done.json()["results"]["aggregated_results"].values()
    assert "\n\none\ntwo\n" in answer["result"]
