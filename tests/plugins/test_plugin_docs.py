"""`docs/plugins.md` is true: its code runs, and it names every hook, member and argument."""

import inspect
import re
from pathlib import Path

import pytest

from wfcore import (
    EventSink,
    Handler,
    HttpResponse,
    LlmAnswer,
    LlmQuestion,
    NodeContext,
    NodeError,
    load_file,
)
from wfcore.plugins import hookspecs
from wfcore.plugins.manager import load_plugins

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "plugins.md").read_text()
HOOKS = (ROOT / "docs" / "hooks.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS + HOOKS, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_block_of_code_is_a_plugin_that_loads(number: int, tmp_path: Path) -> None:
    path = tmp_path / "block.py"
    path.write_text(BLOCKS[number])
    registry = load_plugins(plugins=[load_file(path)], discover=False)
    assert [report.status for report in registry.reports] == ["loaded"]


def test_the_first_block_is_the_example() -> None:
    example = (ROOT / "examples" / "shout.py").read_text()
    code = re.sub(r'^""".*?"""\n\n', "", example, count=1, flags=re.DOTALL)
    assert BLOCKS[0] == code.replace('    """Register the handler."""\n', "")


def test_every_hook_is_documented_with_its_signature() -> None:
    hooks = [name for name in vars(hookspecs) if name.startswith("wfcore_register_")]
    assert len(hooks) == 10
    for name in hooks:
        found = re.search(rf"def {name}\((.*)\) -> (.+):\n", inspect.getsource(hookspecs))
        assert found is not None
        arguments = found[1].replace(": Any", "")
        assert f"### `{name}({arguments}) -> {found[2]}`" in HOOKS


@pytest.mark.parametrize("kind", [EventSink, LlmAnswer, LlmQuestion])
def test_every_member_of_what_hooks_return_is_documented(kind: type) -> None:
    for member in {*vars(kind), *inspect.get_annotations(kind)}:
        if not member.startswith("_"):
            assert re.search(rf"`[^`]*\b{member}\b[^`]*`", HOOKS), member


@pytest.mark.parametrize("kind", [NodeContext, Handler, HttpResponse])
def test_every_public_member_is_documented(kind: type) -> None:
    members = {*vars(kind), *inspect.get_annotations(kind)}
    for member in members:
        if not member.startswith("_"):
            assert re.search(rf"`[^`]*\b{member}\b[^`]*`", DOCS), member


def test_every_argument_of_a_node_error_is_documented() -> None:
    for name in inspect.signature(NodeError).parameters:
        assert f"| `{name}` |" in DOCS
