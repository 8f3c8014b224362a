"""What docs/secrets.md shows is sound, and what it lists is all."""

import json
import re
from pathlib import Path

import pytest

from tests.secrets.running import engine
from wfcore import NodeError, load_file
from wfcore.plugins.handler import secret_keys
from wfcore.plugins.manager import load_plugins
from wfcore.secrets.source import NamedSecrets

PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


async def test_the_document_is_refused_without_its_secrets_alone() -> None:
    [text] = blocks("json")
    async with engine({"SHOP_PASSWORD": "x-x-x", "SHOP_TENANT": "y-y-y"}) as opened:
        assert await opened.check(text) == []
    async with engine({}) as opened:
        assert {each.code for each in await opened.check(json.loads(text))} == {"secret.unknown"}


def test_the_plugin_loads_and_takes_a_secret_in_one_field(tmp_path: Path) -> None:
    [text] = blocks("python")
    (tmp_path / "chat.py").write_text(text)
    registry = load_plugins(plugins=[load_file(tmp_path / "chat.py")], discover=False)
    assert secret_keys(registry.handler("notify").Config) == {"token"}


def test_the_fields_that_take_secrets_are_those_of_the_page() -> None:
    [listed] = re.findall(r"takes secrets in: (.*?)\.", PAGE, flags=re.DOTALL)
    told = {}
    for part in listed.split(";"):
        name, *fields = re.findall(r"`(\w+)`", part)
        told[name] = set(fields)
    handlers = load_plugins().handlers
    taking = {name: secret_keys(each.Config) for name, each in handlers.items()}
    assert told == {name: fields for name, fields in taking.items() if fields}


def test_the_bounds_of_values_are_those_of_the_page() -> None:
    [bounds] = re.findall(r"text of (\d+) characters to ([\d,]+) bytes", PAGE)
    least, most = (int(bound.replace(",", "")) for bound in bounds)
    for size in (least, most):
        assert NamedSecrets({"A": "x" * size}).read("A") is not None
    for size in (least - 1, most + 1):
        with pytest.raises(NodeError, match="SecretInvalid"):
            NamedSecrets({"A": "x" * size}).read("A")
