"""Writes the pages that are made from the code: `make docs`. A test holds them against it."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import wfplugins_builtin
from wfcore.cli.app import app
from wfcore.plugins.catalog import handler_view
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.page import handler_index, handler_page
from wfcore.settings import Settings
from wfcore.workflow.described import field_docs

FOLDER: Final = Path(__file__).parent
_MADE: Final = "<!-- Made by `make docs` from the code; changes belong there. -->\n"
_DOUBLED: Final = re.compile(r"^(wf )((?:[a-z]+ )+)\2", re.MULTILINE)
_SETTINGS: Final = """\
# Settings

Commands read them from the environment, and from a file `.env` in the folder in which they are
started; the environment goes first, and an empty variable counts as not set. An option of a command
goes before both. `wf config` shows each value and where it came from. `Engine(...)` takes arguments
instead and reads no environment.

Beside these: `APP_SECRET_<NAME>` and `APP_SECRET_<NAME>_HOSTS` ([secrets](secrets.md)), the keys of
LLM providers ([models](llm.md)), and whatever else begins with `APP_`, which handlers may ask for
([plugins](plugins.md)).

"""


_HANDLERS: Final = """\
# The built-in handlers, one by one

Config, output, an example and the errors of each, made from its class. They are shown at work in
[the built-in handlers](../handlers.md). `wf handlers show NAME --output markdown` writes such a
page for a handler of [your own](../plugins.md).

"""


def cli_reference() -> str:
    """Return the page of every command and option."""
    made = app.generate_docs(output_format="markdown")
    # The library puts a command's name before a usage line that has it already.
    made = _DOUBLED.sub(r"\1\2", made).replace("# wf\n", "# Every command and option\n", 1)
    # An anchor keeps every hyphen of its heading, `wf --install-completion`.
    made = made.replace("(#wf-install-completion)", "(#wf---install-completion)")
    return f"{_MADE}\n{made.rstrip()}\n"


def settings_page() -> str:
    """Return the page of every setting."""
    schema = Settings.model_json_schema()["properties"]
    rows = "\n".join(_rows(schema))
    head = "| variable | value | default | meaning |\n| --- | --- | --- | --- |"
    return f"{_MADE}\n{_SETTINGS}{head}\n{rows}\n"


def _rows(schema: Mapping[str, Any]) -> Iterator[str]:
    docs = field_docs(Settings)
    for name, field in Settings.model_fields.items():
        default = _default(field.default)
        cells = (f"`APP_{name.upper()}`", _kind(schema[name]), default, docs[name])
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(value: Any) -> str:
    return "" if value in (None, ()) else f"`{value}`"


def _kind(schema: Mapping[str, Any]) -> str:
    """Say what a value looks like."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _kind(choice)
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return "list, by commas"
    named = {
        "boolean": "true or false",
        "integer": "whole number",
        "number": "number",
        "string": "text",
    }[schema["type"]]
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum")
    if least is None or most is None:
        return named
    above = "above " if "exclusiveMinimum" in schema else ""
    return f"{named}, {above}{least:g} to {most:,.0f}"


def _handler_pages() -> dict[str, Callable[[], str]]:
    registry = load_plugins(plugins=[wfplugins_builtin], discover=False)
    views = [handler_view(handler, registry) for handler in registry.handlers.values()]
    pages = {
        f"handlers/{view['name']}.md": partial("{}\n{}".format, _MADE, handler_page(view))
        for view in views
    }
    index = f"{_MADE}\n{_HANDLERS}{handler_index(views)}"
    return {"handlers/README.md": lambda: index, **pages}


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "cli-reference.md": cli_reference,
    "settings.md": settings_page,
    **_handler_pages(),
}


def main() -> None:
    """Write every page."""
    for name, made in PAGES.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(made(), encoding="utf-8")
        sys.stdout.write(f"docs/{name}\n")


if __name__ == "__main__":
    main()
