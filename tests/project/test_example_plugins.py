"""The example plugins, built as wheels and installed: used through the API, and taken out again."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.project.environments import environment, install, run
from tests.project.tree import ROOT, clean_environment
from wfcore.testing import HttpService

EXAMPLES = ROOT / "plugins-example"
NAMES = ("jmespath", "ops", "text-tools")

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with wfcore and the three plugins, each from its wheel."""
    folder = tmp_path_factory.mktemp("examples")
    python = environment(folder, f"{wheel}[server,testing]", "pytest-asyncio")
    for name in NAMES:
        build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder))
        run(sys.executable, *build, str(EXAMPLES / name))
    install(python, *map(str, folder.glob("*.whl")))
    return folder


@contextlib.contextmanager
def dev(place: Path, folder: Path, **settings: str) -> Iterator[httpx.Client]:
    """Run the `wf dev` of the environment, and talk to it."""
    process = subprocess.Popen(
        [str(place / "venv/bin/wf"), "dev", "--port", "0"],
        cwd=folder,
        env=clean_environment() | settings,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    drain = threading.Thread(target=process.stderr.read)
    try:
        said = ""
        while "API keys" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        drain.start()
        url = next(word for word in said.split() if word.startswith("http://"))
        with httpx.Client(base_url=url, timeout=40) as client:
            yield client
    finally:
        process.terminate()
        process.wait(30)
        if drain.ident is not None:
            drain.join()
        process.stderr.close()


def ended(client: httpx.Client, document: dict[str, Any]) -> dict[str, Any]:
    started = client.post("/workflow?trigger=true&wait=30", json=document)
    assert started.status_code < 300, started.text
    execution = started.json()["execution_id"]
    body: dict[str, Any] = client.get(f"/workflows/{execution}/results").json()
    return body


def aggregated(body: dict[str, Any]) -> Any:
    return body["results"]["aggregated_results"]


def counting(text: str) -> dict[str, Any]:
    config = {"text": text, "most": 1}
    node = {"id": "words", "handler": "count_words", "config": config}
    return {"name": "Count", "dag": {"nodes": [node]}}


@pytest.mark.parametrize("name", NAMES)
def test_their_own_tests_pass(place: Path, name: str) -> None:
    run(str(place / "venv/bin/python"), "-m", "pytest", "-q", str(EXAMPLES / name))


def test_a_handler_a_filter_and_a_validator_are_there_and_go(place: Path, tmp_path: Path) -> None:
    with dev(place, tmp_path) as client:
        listed = {each["name"]: each for each in client.get("/handlers").json()["handlers"]}
        assert listed["count_words"]["plugin"]["distribution"] == "wfcore-text-tools"
        assert "count_words" in client.get("/schema").text
        result = ended(client, counting("to be or not to be"))
        assert aggregated(result) == {"words": {"words": 6, "most": {"to": 2}}}
        slugged = counting("{{ 'Über uns' | slug }}") | {"labels": {"slug": "Über uns"}}
        refused = client.post("/workflow", json=slugged)
        [problem] = refused.json()["problems"]
        assert (problem["code"], problem["pointer"]) == ("text.slug", "/labels/slug")
        assert problem["hint"] == "write 'uber-uns'"
        reports = {each["name"]: each for each in client.get("/plugins").json()["plugins"]}
        assert reports["text"]["api"] == "1.0"
    python = str(place / "venv/bin/python")
    run(sys.executable, "-m", "pip", "--python", python, "uninstall", "-y", "wfcore-text-tools")
    try:
        with dev(place, tmp_path) as client:
            answer = client.post("/workflow", json=counting("x"))
            assert answer.status_code == 422
            [problem] = answer.json()["problems"]
            assert problem["code"] == "handler.unknown"
            assert problem["pointer"] == "/dag/nodes/0/handler"
            assert "there is no handler" in problem["message"]
            # What ran before can still be read.
            assert client.get("/workflows").json()["executions"][0]["status"] == "COMPLETED"
    finally:
        install(python, *map(str, place.glob("*text_tools*.whl")))


def test_an_event_sink_and_a_middleware_do_their_work(place: Path, tmp_path: Path) -> None:
    failing = {
        "name": "Nightly",
        "dag": {"nodes": [{"id": "a", "handler": "fail", "config": {"message": "no data"}}]},
    }
    logs = [{"id": f"n{at}", "handler": "log", "config": {"message": str(at)}} for at in range(5)]
    with HttpService() as service:
        service.reply("/hook", status=200)
        settings = {
            "APP_OPS_WEBHOOK_URL": f"{service.url}/hook",
            "APP_OPS_RATES": json.dumps({"log": 10}),
        }
        with dev(place, tmp_path, **settings) as client:
            failed = ended(client, failing)
            paced = ended(client, {"name": "Paced", "dag": {"nodes": logs}})
            view = client.get(f"/workflows/{paced['execution_id']}").json()
            shown = client.get("/plugins").text
        [request] = service.requests_to("/hook")
    assert request.json() == {"text": f"execution {failed['execution_id']} FAILED"}
    assert service.url not in shown
    assert view["status"] == "COMPLETED"


def test_a_template_engine_reads_documents_that_choose_it(place: Path, tmp_path: Path) -> None:
    readme = (EXAMPLES / "jmespath/README.md").read_text(encoding="utf-8")
    document = json.loads(readme.partition("```json\n")[2].partition("```")[0])
    posts = [{"title": "a", "stars": 1}, {"title": "b", "stars": 4}]
    with dev(place, tmp_path) as client:
        result = ended(client, document | {"input": {"items": posts}})
        assert aggregated(result) == {"titles": "b"}
        document["dag"]["nodes"][1]["config"] = {"value": "${post.output.items}"}
        [problem] = client.post("/workflow", json=document).json()["problems"]
    assert problem["code"] == "reference.unknown_node"
    assert 'did you mean "posts"?' in problem["hint"]
