"""A handler's fields as tables, and its page in Markdown."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from wfcore import Handler, NodeContext, Raw, Secret
from wfcore.plugins.catalog import handler_view
from wfcore.plugins.config_schema import config_schema
from wfcore.plugins.fields import field_tables
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.page import example_node, handler_index, handler_page


class Tone(Enum):
    LOUD = "loud"
    LOW = "low"


class Tree(BaseModel):
    leaf: str
    branches: "list[Tree]" = []


class Saying(BaseModel):
    text: Annotated[str, Field(min_length=1), Secret]
    """What to say,
    and how."""
    shape: Annotated[dict[str, Any] | None, Raw] = None
    tone: Tone = Tone.LOUD
    tree: Tree | None = None


class Say(Handler):
    """Say | a text.

    More of it.
    """

    name = "say"
    queue = "slow"
    cpu_bound = True
    gives_result = True
    example = {"text": "{{ a.output.text }}"}  # noqa: RUF012 - as authors write it
    errors = {"Busy": "not now | later"}  # noqa: RUF012

    class Config(Saying):
        pass

    class Output(BaseModel):
        text: str = Field(description="What was said.")

    def run(self, config: Config, context: NodeContext) -> Output:
        return self.Output(text=config.text)


class Silent(Handler):
    name = "silent"

    def run(self, config: Any, context: NodeContext) -> None: ...


class Open(Silent):
    name = "open"

    class Config(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Output(BaseModel):
        pass


REGISTRY = load_plugins(handlers=[Say, Silent, Open], discover=False)
PAGE = """\
# `say`

Say | a text.

More of it.

Its nodes wait in the queue `slow`. It keeps a processor busy. Its outputs become part of the \
execution's aggregated results.

## Config

| key | type | default | |
| --- | --- | --- | --- |
| `text` | string (not empty) | required | What to say, and how. May name secrets. |
| `shape` | object | | Not rendered: template marks in it stay text. |
| `tone` | "loud" or "low" | `"loud"` | |
| `tree` | Tree | | |

### Tree

| key | type | default | |
| --- | --- | --- | --- |
| `leaf` | string | required | |
| `branches` | list of Tree | `[]` | |

## Output

| field | type | |
| --- | --- | --- |
| `text` | string | What was said. |

## Example

```json
{
  "id": "example",
  "handler": "say",
  "config": {
    "text": "{{ a.output.text }}"
  }
}
```

## Errors

| type | when |
| --- | --- |
| `Busy` | not now \\| later |
"""


def view(name: str) -> dict[str, Any]:
    return handler_view(REGISTRY.handlers[name], REGISTRY)


def test_a_page_has_all_that_a_handler_says_of_itself() -> None:
    assert handler_page(view("say")) == PAGE


def test_a_page_of_a_handler_that_says_little() -> None:
    page = handler_page(view("silent"))
    assert page == (
        "# `silent`\n\nIts nodes wait in the queue `default`.\n\n## Config\n\nNone.\n\n"
        "## Output\n\nAn object; its shape is not known beforehand.\n"
    )
    assert example_node(view("silent")) is None
    opened = handler_page(view("open"))
    assert "## Config\n\nAny key is taken.\n" in opened
    assert opened.endswith("## Output\n\nAn object.\n")


def test_an_index_links_every_page() -> None:
    assert handler_index([view("say"), view("silent")]) == (
        "| handler | what it does |\n| --- | --- |\n"
        "| [`say`](say.md) | Say \\| a text. |\n| [`silent`](silent.md) | |\n"
    )


class Kinds(BaseModel):
    bounded: Annotated[int, Field(ge=1, le=9, multiple_of=2)] = 2
    above: Annotated[float, Field(gt=0)] = 1.5
    below: Annotated[float, Field(lt=1, ge=0)] = 0.5
    pattern: Annotated[str, Field(pattern="^a|b$", max_length=4)] = "a"
    some: Annotated[list[int | str], Field(min_length=1, max_length=3)]
    few: Annotated[list[int], Field(min_length=2)]
    by_name: dict[str, int | None]
    one: Literal["on"]
    number: int | float | None = None
    anything: Any = None
    json_value: JsonValue = None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bounded", "integer (1 to 9, a multiple of 2)"),
        ("above", "number (above 0)"),
        ("below", "number (at least 0, below 1)"),
        ("pattern", "string (at most 4 characters, pattern `^a|b$`)"),
        ("some", "list (1 to 3 items) of (integer or string)"),
        ("few", "list (at least 2 items) of integer"),
        ("by_name", "object of integer"),
        ("one", '"on"'),
        ("number", "number"),
        ("anything", "any value"),
        ("json_value", "any value"),
    ],
)
def test_a_field_tells_which_values_it_takes(name: str, kind: str) -> None:
    [table] = field_tables(config_schema(Kinds))
    assert {field.name: field.kind for field in table.fields}[name] == kind


def test_what_holds_itself_has_an_end() -> None:
    top, part = field_tables(config_schema(Tree))
    assert (top.title, part.title) == ("", "Tree")
    assert top.fields == part.fields

    endless = {"properties": {"a": {"$ref": "#/$defs/L"}}, "$defs": {"L": {"$ref": "#/$defs/L"}}}
    assert field_tables(endless)[0].fields[0].kind == "L"


def test_a_model_around_another_has_the_fields_of_that() -> None:
    [table] = field_tables(RootModel[Say.Output].model_json_schema())
    assert [field.name for field in table.fields] == ["text"]
