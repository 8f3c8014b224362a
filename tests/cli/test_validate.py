"""`wf validate`: all problems of all files, for people and as JSON."""

import pytest

from tests.cli.command import EXAMPLES, Folder, node, workflow

_PLUGINS = {"shout.json": ["--plugin", str(EXAMPLES / "shout.py")]}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_every_example_is_valid(folder: Folder, path: object) -> None:
    name = str(path).rpartition("/")[2]

    done = folder.wf("validate", str(path), *_PLUGINS.get(name, []))

    assert (done.code, done.out.endswith(": valid\n")) == (0, True)


def test_all_problems_of_all_files_are_told_with_pointer_line_and_hint(folder: Folder) -> None:
    bad = folder.write(workflow(node("ask", "call_lm_service"), node("end", dependencies=("aks",))))
    good = folder.write(workflow(node("a")), "good.json")

    done = folder.wf("validate", bad, good, "missing.json")

    assert "flow.json: 2 problems" in done.out
    for text in ("/dag/nodes/0/handler", "/dag/nodes/1/dependencies/0", "good.json: valid"):
        assert text in done.out
    assert 'did you mean "ask"?' in done.out
    assert "flow.json:7" in done.out
    assert "no file 'missing.json'" in done.out
    assert done.code == 4
    assert not folder.runs.exists()


def test_json_output_holds_the_problems_as_the_api_gives_them(folder: Folder) -> None:
    bad = folder.write(workflow(node("ask", "call_lm_service")))
    good = folder.write(workflow(node("a")), "good.json")

    refused = folder.wf("validate", bad, good, "--output", "json")
    accepted = folder.wf("validate", good, "--output", "json")

    (problem,) = refused.json()["problems"]
    assert refused.code == 3
    assert refused.json()["valid"] is False
    assert set(problem) == {"file", "code", "pointer", "message", "hint"}
    assert (problem["file"], problem["pointer"]) == (bad, "/dag/nodes/0/handler")
    assert (accepted.code, accepted.json()) == (0, {"valid": True, "problems": []})
