"""The document's JSON Schema takes what the engine takes, and says which fields there are."""

import copy
import json
import re
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from pydantic import BaseModel, ConfigDict, Field

from wfcore import Handler, NodeContext, Raw
from wfcore.engine.schema import workflow_schema
from wfcore.plugins.file import load_file
from wfcore.plugins.manager import load_plugins
from wfcore.workflow.document import Dag, Node, Retry, Workflow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *((path.name, path.read_text()) for path in sorted((ROOT / "examples").glob("*.json"))),
    *(
        (f"workflow.md-{number}", text)
        for number, text in enumerate(
            re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        )
    ),
]
INSTALLED = load_plugins(plugins=[load_file(ROOT / "examples/shout.py")])


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    loud: bool


class Tree(BaseModel):
    children: "list[Tree]" = []
    size: int = 0


class Choosy(Handler):
    """Takes everything that a config can have."""

    name = "choosy"

    class Config(BaseModel):
        """What it takes."""

        number: int
        """How many."""
        colour: Colour = Colour.RED
        pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
        numbers: Annotated[list[int], Field(max_length=2)] = []
        named: dict[str, int] = {}
        tree: Tree | None = None
        raw: Annotated[list[int] | Tree | None, Raw] = None
        limit: Annotated[int, Field(alias="max")] = 1

    def run(self, config: Config, context: NodeContext) -> None: ...


class Open(Handler):
    name = "open"

    class Config(BaseModel):
        model_config = ConfigDict(extra="allow", populate_by_name=True)

        key: Annotated[str, Field(alias="Key", min_length=2)]

    def run(self, config: Config, context: NodeContext) -> None: ...


OWN = load_plugins(handlers=[Choosy, Open], discover=False)


def validator(registry: Any = OWN, *, with_input: bool = False) -> jsonschema_rs.Validator:
    schema = json.loads(json.dumps(workflow_schema(registry, with_input=with_input)))
    jsonschema_rs.meta.validate(schema)
    return jsonschema_rs.Draft202012Validator(schema)


def document(handler: str = "choosy", **config: Any) -> dict[str, Any]:
    node = {"id": "a", "handler": handler, "config": config}
    return {"name": "w", "dag": {"nodes": [node]}}


@pytest.mark.parametrize(
    "text", [text for _, text in DOCUMENTS], ids=[name for name, _ in DOCUMENTS]
)
def test_every_document_of_examples_and_docs_fits(text: str) -> None:
    validator(INSTALLED).validate(json.loads(text))


def test_there_are_documents_to_be_tried() -> None:
    assert len(DOCUMENTS) > 12


def test_its_fields_are_exactly_those_of_the_models() -> None:
    schema = workflow_schema(INSTALLED)
    parts: dict[str, type[BaseModel]] = {"Dag": Dag, "Node": Node, "Retry": Retry}

    assert set(schema["properties"]) == set(Workflow.model_fields)
    for name, model in parts.items():
        assert set(schema["$defs"][name]["properties"]) == set(model.model_fields)
        assert schema["$defs"][name]["additionalProperties"] is False
    for name, handler in INSTALLED.handlers.items():
        config = schema["$defs"][f"config:{name}"]
        assert set(config.get("properties", ())) == set(handler.Config.model_fields)


def test_every_field_says_what_it_means() -> None:
    schema = workflow_schema(OWN)
    fields = [*schema["properties"].items()]
    for name in ("Node", "Dag", "Retry"):
        fields += schema["$defs"][name]["properties"].items()

    unsaid = {name for name, each in fields if not each.get("description")}
    assert unsaid == set()
    assert schema["$defs"]["config:choosy"]["properties"]["number"]["description"] == "How many."


WRONG: dict[str, Any] = {
    "unknown field of the workflow": ("", {"nmae": "w"}),
    "unknown field of the dag": ("/dag", {"edges": []}),
    "unknown field of a node": ("/dag/nodes/0", {"depends": []}),
    "unknown field of retry": ("/dag/nodes/0", {"retry": {"attempts": 2}}),
    "unknown handler": ("/dag/nodes/0", {"handler": "chosy"}),
    "unknown config key": ("/dag/nodes/0/config", {"nubmer": 1}),
    "wrong literal": ("/dag/nodes/0/config", {"number": "many"}),
    "wrong literal in a list": ("/dag/nodes/0/config", {"numbers": [1, "two"]}),
    "too many in a list": ("/dag/nodes/0/config", {"numbers": [1, 2, 3]}),
    "wrong literal in an object": ("/dag/nodes/0/config", {"named": {"a": True}}),
    "wrong choice": ("/dag/nodes/0/config", {"colour": "blue"}),
    "wrong branch": ("/dag/nodes/0/config", {"pet": {"kind": "dog", "loud": "no"}}),
    "template in what is raw": ("/dag/nodes/0/config", {"raw": ["{{ 1 }}"]}),
    "template deep in what is raw": ("/dag/nodes/0/config", {"raw": {"size": "{{ 1 }}"}}),
    "a reserved id": ("/dag/nodes/0", {"id": "secrets"}),
    "a condition that is text": ("/dag/nodes/0", {"when": "yes"}),
    "a timeout of nothing": ("", {"timeout": 0}),
    "no node": ("/dag", {"nodes": []}),
    "a key that is missing": ("/dag/nodes/0", {"config": {}}),
    "no config where one is needed": ("/dag/nodes/0", {"config": None}),
    "an input in a workflow": ("", {"input": {}}),
}


def changed(place: str, fields: dict[str, Any]) -> Any:
    made = copy.deepcopy(document(number=1))
    target: Any = made
    for part in place.split("/")[1:]:
        target = target[int(part)] if isinstance(target, list) else target[part]
    target.update(fields)
    return made


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused(what: str) -> None:
    assert validator().is_valid(document(number=1))
    assert not validator().is_valid(changed(*WRONG[what]))


RIGHT: list[dict[str, Any]] = [
    {"number": "{{ execution.input }}"},
    {"number": "{% if a %}1{% else %}2{% endif %}"},
    {"number": 1, "colour": "{{ x }}", "pet": "{{ x }}", "numbers": "{{ x }}", "tree": "{{ x }}"},
    {"number": 1, "numbers": [1, "{{ x }}"], "named": {"a": "{{ x }}"}},
    {"number": 1, "pet": {"kind": "cat", "lives": "{{ x }}"}},
    {"number": 1, "pet": {"kind": "{{ x }}", "lives": 9}},
    {"number": 1, "tree": {"children": [{"size": "{{ x }}"}, "{{ x }}"]}},
    {"number": 1, "raw": [1], "max": 2},
    {"number": 1, "raw": {"children": [{"size": 1}]}},
]


@pytest.mark.parametrize("config", RIGHT, ids=json.dumps)
def test_a_template_may_stand_where_a_value_is_expected(config: dict[str, Any]) -> None:
    validator().validate(document(**config))


def test_an_open_config_takes_other_keys_and_both_names_of_a_field() -> None:
    check = validator()

    assert check.is_valid(document("open", Key="ab", other=1))
    assert check.is_valid(document("open", key="ab"))
    assert not check.is_valid(document("open", key="a"))
    assert not check.is_valid(document("open", other=1))


def test_an_input_beside_dag_is_taken_where_it_is_asked_for() -> None:
    given = {**document(number=1), "input": {"any": "thing"}}

    assert validator(with_input=True).is_valid(given)
    assert not validator().is_valid(given)


def test_handlers_with_one_config_share_one_rule() -> None:
    made = [
        type(f"H{number}", (Handler,), {"name": f"h{number}", "run": lambda self, c, x: None})
        for number in range(300)
    ]
    schema = workflow_schema(load_plugins(handlers=made, discover=False))

    assert len(schema["$defs"]["Node"]["allOf"]) == 1
    assert len(schema["$defs"]["Node"]["properties"]["handler"]["enum"]) == 300
    assert len(json.dumps(schema)) < 30_000


def test_asking_twice_gives_the_same_and_changes_nothing_shared() -> None:
    first = json.dumps(workflow_schema(OWN, with_input=True))

    assert "input" not in workflow_schema(OWN)["properties"]
    assert json.dumps(workflow_schema(OWN, with_input=True)) == first
