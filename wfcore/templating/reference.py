"""What a template needs, known without rendering it."""

from collections.abc import Sequence
from typing import NamedTuple

from wfcore.workflow.names import is_secret_name

__all__ = ["Reference", "names_secret"]


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


def names_secret(steps: Sequence[str | int]) -> bool:
    """Whether these steps lead from `secrets` to one of them, and no further."""
    return len(steps) == 1 and isinstance(steps[0], str) and is_secret_name(steps[0])
