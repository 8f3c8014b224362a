"""The pages that are made from the code are what the code makes: run `make docs` where not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from wfcore.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = generator().PAGES


@pytest.mark.parametrize("page", MADE)
def test_a_page_is_what_the_code_makes(page: str) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == MADE[page]()


def test_every_page_of_a_handler_is_made() -> None:
    pages = {f"handlers/{path.name}" for path in (DOCS / "handlers").iterdir()}
    assert pages == {page for page in MADE if page.startswith("handlers/")}
    assert len(pages) == 10


def test_every_setting_stands_on_its_page() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert all(f"| `APP_{name.upper()}` |" in page for name in Settings.model_fields)


@pytest.mark.parametrize("command", ["run", "validate", "dev", "config", "executions retry"])
def test_every_command_stands_on_its_page(command: str) -> None:
    page = (DOCS / "cli-reference.md").read_text(encoding="utf-8")
    assert f"# wf {command}\n" in page
    assert f"wf {command} {command}" not in page
