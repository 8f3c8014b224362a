"""`GET /handlers/X` of a handler whose plugin is not loaded says so."""

from pathlib import Path

import pytest

from tests.server.serving import serving
from wfcore import Discovery, Engine


@pytest.mark.parametrize("name", ["packed", "said"])
async def test_a_handler_of_a_broken_plugin_is_said_to_be_installed(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "packed.py").write_text("if True:\n    1 / 0\n@handler\ndef said(): ...\n")
    async with Engine(discover=Discovery(folders=(tmp_path,))) as engine, serving(engine) as client:
        answer = await client.get(f"/handlers/{name}")
    assert answer.status_code == 404
    [problem] = answer.json()["problems"]
    assert problem["code"] == "handler.broken"
    assert f"the handler {name!r} is installed but broken: " in problem["message"]
    assert "ZeroDivisionError" in problem["message"]
