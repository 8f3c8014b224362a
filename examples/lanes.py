"""Write a large workflow: lanes of nodes, each adding one to the node before it.

    python examples/lanes.py 100 200 > .wf/lanes.json
    wf run .wf/lanes.json --plugin examples/count.py

The last node adds up all lanes: the sum is the number of nodes that ran, each once and in order.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Write the workflow of LANES times LENGTH nodes to standard output."""
    lanes, length = (int(argument) for argument in sys.argv[1:] or (100, 200))
    json.dump(workflow(lanes, length), sys.stdout)


def workflow(lanes: int, length: int) -> dict[str, Any]:
    """Return the document."""
    ends = [_id(lane, length - 1) for lane in range(lanes)]
    outputs = ", ".join(f"{end}.output.value" for end in ends)
    total = {
        "id": "total",
        "handler": "output",
        "dependencies": ends,
        "config": {"value": f"{{{{ [{outputs}] | sum }}}}"},
    }
    nodes = [*_nodes(lanes, length), total]
    return {"name": f"{lanes * length:,} nodes that count", "dag": {"nodes": nodes}}


def _nodes(lanes: int, length: int) -> Iterator[dict[str, Any]]:
    for place in range(length):
        for lane in range(lanes):
            before = _id(lane, place - 1) if place else None
            yield {
                "id": _id(lane, place),
                "handler": "plus_one",
                "dependencies": [before] if before else [],
                "config": {"number": f"{{{{ {before}.output.value }}}}" if before else 0},
            }


def _id(lane: int, place: int) -> str:
    return f"lane_{lane}_{place}"


if __name__ == "__main__":
    main()
