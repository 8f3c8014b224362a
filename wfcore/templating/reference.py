"""What a template needs, known without rendering it."""

from typing import NamedTuple

__all__ = ["Reference"]


class Reference(NamedTuple):
    """One path that a template names.

    `{{ get_posts.output.data[0] }}` is `Reference("get_posts", ("output", "data", 0))`, and so is
    `{{ nodes['get_posts'].output.data[0] }}`. The path ends before the first step that is computed.
    """

    root: str
    path: tuple[str | int, ...]
    optional: bool = False
    """It may be missing: it stands under `default(...)`, `is defined`, or behind that test."""
    is_node: bool = True
    """False for `execution` and `secrets`."""
