"""Every example of docs/templates.md, and of the codes in docs/errors.md, does what it says."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from wfcore.templating import (
    RenderError,
    Scope,
    TemplateLimits,
    TemplateProblem,
    TemplateProblems,
    Templating,
)

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "templates.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
SCOPE = Scope(json.loads(BLOCKS[0][1]))
EXAMPLES = [
    (source, *BLOCKS[index + 1])
    for index, (language, source) in enumerate(BLOCKS)
    if language == "jinja"
]


def _rows(page: str) -> list[list[str]]:
    return [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in page.splitlines()
        if line.startswith("| `")
    ]


ROWS = _rows(PAGE)


def _code(cell: str) -> str:
    return cell.strip("`")


APPLIED = [
    (_code(row[1]), _code(row[2]))
    for row in ROWS
    if len(row) == 3 and row[2].startswith("`") and "{" in row[1]
]
CODES = [
    (_code(row[0]), _code(row[2]))
    for row in _rows((DOCS / "errors.md").read_text(encoding="utf-8"))
    if row[0].startswith("`template.")
]


@pytest.mark.parametrize(("source", "kind", "wanted"), EXAMPLES)
def test_an_example_gives_what_stands_below_it(source: str, kind: str, wanted: str) -> None:
    templating = Templating(TemplateLimits(max_cpu_seconds=60))
    compiled = templating.compile(source, "/config")
    if kind == "json":
        assert compiled.render(SCOPE) == json.loads(wanted)
        return
    assert kind == "text"
    with pytest.raises(RenderError) as caught:
        compiled.render(SCOPE)
    assert caught.value.message == wanted


@pytest.mark.parametrize(("source", "wanted"), APPLIED)
def test_a_row_gives_what_stands_beside_it(
    source: str, wanted: str, templating: Templating
) -> None:
    assert templating.compile(source, "").render(SCOPE) == json.loads(wanted)


@pytest.mark.parametrize(("code", "source"), [pair for pair in CODES if pair[1]])
def test_an_error_has_the_code_that_stands_beside_it(
    code: str, source: str, templating: Templating
) -> None:
    with pytest.raises(TemplateProblem) as caught:
        templating.parse(source, "/config")
    assert caught.value.problem.code == code


def test_every_code_that_the_source_has_is_on_the_page() -> None:
    package = Path(__file__).parents[2] / "wfcore" / "templating"
    source = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"', source)) | {"filter", "test", "function"}
    assert {f"template.{code}" for code in codes} == {code for code, _ in CODES} - {
        "template.not_an_expression"
    }


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    for field in fields(TemplateLimits):
        row = next(row for row in ROWS if row[0].startswith(f"`{field.name}`"))
        assert float(row[1]) == field.default


def test_the_python_example_works() -> None:
    (source,) = [text for language, text in BLOCKS if language == "python"]
    namespace: dict[str, Any] = {}
    exec(compile(source, "docs/templates.md", "exec"), namespace)
    assert namespace["TemplateProblems"] is TemplateProblems


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) >= 15
    assert len(APPLIED) >= 40
    assert len([pair for pair in CODES if pair[1]]) >= 15
