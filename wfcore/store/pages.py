"""Reading the results of many nodes some at a time."""

from collections.abc import Awaitable, Callable, Sequence

from wfcore.store.contract import NodeResults

__all__ = ["in_pages"]


async def in_pages(
    keys: Sequence[str], size: int, read: Callable[[Sequence[str]], Awaitable[NodeResults]]
) -> NodeResults:
    """Read `size` keys at a time; all anew where the id came to stand for another execution."""
    while True:
        pages = [
            await read(keys[start : start + size]) for start in range(0, max(len(keys), 1), size)
        ]
        first = pages[0]
        if len(pages) == 1:
            return first
        if all(page.number == first.number for page in pages):
            nodes = {key: result for page in pages for key, result in page.nodes.items()}
            return NodeResults(first.number, nodes)
