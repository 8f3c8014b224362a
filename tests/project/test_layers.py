"""The import contracts name every part of wfcore: a new one has no place until it is given one."""

import configparser
import re

from tests.project.tree import ROOT


def test_every_part_of_wfcore_has_a_layer() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    layers = re.findall(r"[\w.]+", contracts["importlinter:contract:layers"]["layers"])

    parts = {
        f"wfcore.{path.stem}"
        for path in (ROOT / "wfcore").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"wfcore.__init__", "wfcore.__main__"}

    assert parts
    assert sorted(parts - set(layers)) == []
