"""Texts as they stand in addresses."""

import re
import unicodedata
from collections.abc import Iterator

from wfcore import Problem, Workflow

__all__ = ["slug", "slugs_in_labels"]


def slug(text: str) -> str:
    """Return a text in small ASCII letters and digits, with `-` between words."""
    if not isinstance(text, str):
        raise TypeError(f"slug takes a text, not {text!r}")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def slugs_in_labels(workflow: Workflow) -> Iterator[Problem]:
    """Yield a problem for a label `slug` that is none."""
    label = workflow.labels.get("slug")
    if label is not None and label != slug(label):
        hint = f"write {slug(label)!r}"
        yield Problem("text.slug", "/labels/slug", "the label is no slug", hint)
