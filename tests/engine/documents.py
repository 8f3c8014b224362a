"""Workflow documents in few words."""

from typing import Any

__all__ = ["Json", "chain", "fan", "node", "workflow"]

Json = dict[str, Any]


def node(key: str, handler: str = "noop", *after: str, **fields: Any) -> Json:
    """A node; what is not a field of nodes is its config."""
    known = ("when", "join", "on_error", "retry", "timeout", "description")
    built: Json = {"id": key, "handler": handler, "dependencies": list(after)}
    built |= {name: value for name, value in fields.items() if name in known}
    built["config"] = {name: value for name, value in fields.items() if name not in known}
    return built


def workflow(*nodes: Json, **fields: Any) -> Json:
    return {"name": "tested", "dag": {"nodes": list(nodes)}, **fields}


def chain(length: int, handler: str = "noop", **first: Any) -> Json:
    nodes = [node("n0", handler, **first)]
    nodes += [node(f"n{at}", handler, f"n{at - 1}") for at in range(1, length)]
    return workflow(*nodes)


def fan(width: int, handler: str = "noop") -> Json:
    """One node, then `width` beside each other, then one that waits for all of them."""
    leaves = [node(f"leaf{at}", handler, "root") for at in range(width)]
    return workflow(node("root"), *leaves, node("end", "noop", *(leaf["id"] for leaf in leaves)))
