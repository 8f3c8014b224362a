"""`docs/workflow.md` says what the code does: its documents, its tables."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import wfplugins_builtin
from wfcore.engine.decide import verdict
from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.errors import DocumentRefused
from wfcore.plugins.manager import load_plugins
from wfcore.templating import Templating
from wfcore.workflow.document import Join, Node, Retry, Workflow
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import RESERVED
from wfcore.workflow.source import parse
from wfcore.workflow.yaml_source import parse_yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```json ?(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROVER = Prover(load_plugins(plugins=[wfplugins_builtin], discover=False), Templating(), Limits())


def blocks(kind: str) -> list[str]:
    return [text for each, text in BLOCKS if each == kind]


def prove(text: str) -> Plan:
    return PROVER.prove(parse(text, Limits()), "hash")


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table after a heading, without its head."""
    after = PAGE.partition(f"\n{heading}\n")[2]
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), after.splitlines())
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows][2:]


def test_the_yaml_on_the_page_is_sound() -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert list(PROVER.prove(parse_yaml(text, Limits()), "hash").nodes) == ["review", "length"]


@pytest.mark.parametrize("row", table("## YAML"), ids=lambda row: row[2])
def test_what_the_page_says_of_yaml_is_refused(row: list[str]) -> None:
    text = row[1].strip("`").replace("\\n", "\n")
    with pytest.raises(DocumentRefused) as caught:
        parse_yaml(text, Limits())
    assert [each.code for each in caught.value.problems] == [row[2].strip("`")]


def fields(heading: str) -> set[str]:
    return {row[0].strip("`") for row in table(heading)}


@pytest.mark.parametrize("text", blocks(""))
def test_every_document_on_the_page_is_sound(text: str) -> None:
    assert prove(text).nodes


def test_every_block_of_the_page_is_of_a_kind_that_is_tested() -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert set(kinds) == {"", "override", "refused", "problems"}
    assert len(BLOCKS) == PAGE.count("```json")


def test_the_override_on_the_page_fits_the_first_document() -> None:
    [text] = blocks("override")
    assert PROVER.override(prove(blocks("")[0]), json.loads(text)).hash != "hash"


def test_the_refused_document_on_the_page_has_the_problems_that_the_page_shows() -> None:
    [refused], [shown] = blocks("refused"), blocks("problems")
    with pytest.raises(DocumentRefused) as caught:
        prove(refused)
    assert [each.as_dict() for each in caught.value.problems] == json.loads(shown)


def test_the_tables_name_every_field() -> None:
    assert fields("## Fields of a workflow") == set(Workflow.model_fields)
    assert fields("## Fields of a node") == set(Node.model_fields)
    assert fields("### `retry`") == set(Retry.model_fields)


def test_the_documents_on_the_page_use_every_field() -> None:
    used: set[str] = set()
    for text in blocks(""):
        document = json.loads(text)
        used.update(document)
        for node in document["dag"]["nodes"]:
            used.update(node, node.get("retry", {}))
    everything = {*Workflow.model_fields, *Node.model_fields, *Retry.model_fields}
    assert everything - used == set()


def test_the_page_names_the_reserved_ids() -> None:
    sentence = PAGE.partition("The ids `nodes`, `execution` and `secrets` are refused")[2]
    words = sentence.partition("`")[2].partition("`")[0].split()
    assert {*words, "nodes", "execution", "secrets"} == RESERVED


def endings(row: str) -> Iterator[dict[str, int]]:
    """Yield how many dependencies ended in each way, for all numbers that a row stands for."""
    ways = row.split(", ")
    for counts in itertools.product([1, 2, 7], repeat=len(ways)):
        yield {"ok": 0, "failed": 0, "skipped": 0, **dict(zip(ways, counts, strict=True))}


def join_of(join: Any, dependencies: int) -> Any:
    nodes = [{"id": f"n{at}", "handler": "input"} for at in range(dependencies)]
    names = [each["id"] for each in nodes]
    last = {"id": "last", "handler": "output", "dependencies": names, "join": join}
    text = json.dumps({"name": "w", "dag": {"nodes": [*nodes, last]}})
    return prove(text).nodes["last"]


ROWS = table("### `join`")


@pytest.mark.parametrize(("column", "join"), list(enumerate(get_args(Join), start=1)))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_join_does_what_the_table_says(row: list[str], column: int, join: str) -> None:
    for counts in endings(row[0]):
        node = join_of(join, sum(counts.values()))
        runs = verdict(node, counts["ok"], counts["failed"]) is None
        assert ("runs" if runs else "SKIPPED") == row[column], counts


def test_the_table_of_joins_is_total() -> None:
    ways = ("ok", "failed", "skipped")
    every = [set(each) for size in (1, 2, 3) for each in itertools.combinations(ways, size)]
    rows = [set(row[0].split(", ")) for row in ROWS]
    assert len(rows) == len(every)
    assert all(each in rows for each in every)


def test_the_page_names_every_limit_of_documents_with_its_default() -> None:
    limits = Limits()
    shown = {row[2].split(",")[0].strip("`"): row[1] for row in table("## Limits")}
    written = {name: getattr(limits, name) for name in shown}
    units = {"": 1, "KiB": 1024, "MiB": 1024**2}
    for name, text in shown.items():
        number, _, unit = text.replace(",", "").partition(" ")
        assert int(number) * units[unit] == written[name]
    assert set(shown) == set(limits.__dataclass_fields__) - {"max_output_bytes"}
