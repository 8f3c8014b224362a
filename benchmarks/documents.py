"""The workflows that are measured. Every node renders a template that names its dependency."""

from typing import Any

__all__ = ["chain", "fan", "layers", "prompts", "three"]

Document = dict[str, Any]


def _node(identifier: str, *dependencies: str) -> Document:
    named = dependencies[0] if dependencies else None
    value = f"{{{{ {named}.output.value }}}}" if named else 1
    return {
        "id": identifier,
        "handler": "noop",
        "dependencies": list(dependencies),
        "config": {"value": value},
    }


def _workflow(name: str, nodes: list[Document]) -> Document:
    return {"name": name, "dag": {"nodes": nodes}}


def chain(length: int) -> Document:
    """One node after the other."""
    nodes = [_node("n0")]
    nodes += [_node(f"n{i}", f"n{i - 1}") for i in range(1, length)]
    return _workflow("chain", nodes)


def fan(width: int) -> Document:
    """1 -> width -> 1."""
    middle = [f"m{i}" for i in range(width)]
    nodes = [_node("first"), *(_node(each, "first") for each in middle), _node("last", *middle)]
    return _workflow("fan", nodes)


def layers(count: int, width: int = 10) -> Document:
    """Layers of `width` nodes, each of which depends on one node of the layer before."""
    nodes = [_node(f"l0_{column}") for column in range(width)]
    for layer in range(1, count // width):
        nodes += [_node(f"l{layer}_{i}", f"l{layer - 1}_{(i + 1) % width}") for i in range(width)]
    return _workflow("layers", nodes)


def three() -> Document:
    """Three nodes in a row."""
    return chain(3)


def prompts(count: int, salt: int) -> Document:
    """Distinct templates: three quarters paths in running text, the rest filters and conditions."""
    nodes = [{"id": "n0", "handler": "noop", "config": {"value": salt}}]
    for i in range(1, count):
        before = f"n{i - 1}"
        if i % 8 == 3:
            text = f"Item {salt}-{i}: {{{{ {before}.output.value | upper }}}} and so on"
        elif i % 8 == 7:
            condition = f"{{% if {before}.output.value %}}yes {i}{{% else %}}no{{% endif %}}"
            text = f"Item {salt}-{i}: {condition}"
        else:
            text = f"Summarize item {salt}-{i}: {{{{ {before}.output.value }}}} in one sentence."
        node = {"id": f"n{i}", "handler": "noop", "dependencies": [before]}
        nodes.append({**node, "config": {"value": text}})
    return _workflow("prompts", nodes)
