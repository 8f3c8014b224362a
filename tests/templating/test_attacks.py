"""Every attack ends as an error, in the time and memory that are promised."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.templating.corpus import ESCAPES, FLOODS, REFUSED_FLOODS
from wfcore.templating import RenderError, Scope, TemplateLimits, TemplateProblems, Templating

SECONDS = 0.5
BYTES = 64 * 1024 * 1024

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def results() -> Results:
    """What became of each attack, tried in a process of its own."""
    sources = [*FLOODS.values(), *REFUSED_FLOODS.values(), *ESCAPES]
    done = subprocess.run(
        [sys.executable, "-m", "tests.templating.victim"],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return dict(zip(sources, json.loads(done.stdout), strict=True))


def _check_bounds(result: dict[str, Any]) -> None:
    assert result["seconds"] < SECONDS, result
    assert result["bytes"] < BYTES, result


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_as_a_node_error_within_its_bounds(name: str, results: Results) -> None:
    result = results[FLOODS[name]]
    assert result["end"] == "failed", result
    _check_bounds(result)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", REFUSED_FLOODS)
def test_a_flood_of_syntax_is_refused_within_its_bounds(name: str, results: Results) -> None:
    result = results[REFUSED_FLOODS[name]]
    assert result["end"] == "refused", result
    _check_bounds(result)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("source", ESCAPES)
def test_an_escape_from_the_sandbox_ends_as_an_error(source: str, results: Results) -> None:
    result = results[source]
    assert result["end"] in ("refused", "failed"), result
    _check_bounds(result)


def test_the_process_serves_others_after_an_attack(templating: Templating) -> None:
    scope = Scope({"a": {"output": {"b": "fine"}}})
    for source in (FLOODS["shared lists as json"], FLOODS["loops in loops"], ESCAPES[2]):
        with pytest.raises((RenderError, TemplateProblems)):
            templating.compile(source, "").render(scope)
        assert templating.compile("{{ a.output.b | upper }}", "").render(scope) == "FINE"


def test_the_bounds_hold_for_all_templates_of_a_config_together() -> None:
    templating = Templating(TemplateLimits(max_cpu_seconds=60))
    scope = Scope({"a": {"output": {"text": "x" * 500_000}}})
    one = templating.compile("{{ a.output.text }}", "")
    assert len(str(one.render(scope))) == 500_000
    with pytest.raises(RenderError, match="the rendered values are larger than"):
        templating.compile(["{{ a.output.text }}"] * 5, "").render(scope)
    loop = "{% for i in range(50000) %}{{ i and '' }}{% endfor %}"
    assert templating.compile(loop, "").render(scope) == "0"
    with pytest.raises(RenderError, match="the templates take more than"):
        templating.compile([loop] * 10, "").render(scope)


def test_no_template_becomes_python_code(templating: Templating) -> None:
    with pytest.raises(NotImplementedError):
        templating._sandbox.from_string("{{ 1 }}")
