"""The fast path: text in which only plain paths stand is read without Jinja.

Most templates are such: `Summarize {{ get_posts.output.data }} now`. What is read here means the
same to Jinja; what might not is left to it.
"""

import re
from collections.abc import Collection
from typing import Final

from wfcore.templating.access import Step
from wfcore.templating.reference import Reference, names_secret
from wfcore.templating.scope import OTHER_ROOTS, SECRETS
from wfcore.templating.template import PlainTemplate

__all__ = ["EACH_STEP", "NAME", "NO_ROOTS", "STEP", "has_marks", "read_plain"]

NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
STEP: Final = rf"\.{NAME}|\[(?:0|[1-9][0-9]{{0,8}})\]|\['[^'\\]*'\]|\[\"[^\"\\]*\"\]"
_PATH: Final = re.compile(rf"\{{\{{[ \n\t]*({NAME})((?:{STEP})*)[ \n\t]*\}}\}}")
EACH_STEP: Final = re.compile(rf"\.({NAME})|\[([0-9]+)\]|\['([^'\\]*)'\]|\[\"([^\"\\]*)\"\]")
NO_ROOTS: Final = frozenset({"true", "false", "none", "True", "False", "None", "not", "loop"})


def has_marks(text: str) -> bool:
    """Whether a text holds anything of a template."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


def read_plain(source: str, words: Collection[str], max_parts: int) -> PlainTemplate | None:
    """Read a template of plain paths; None: it is more than that.

    `words` are the functions and values that a name could mean instead of a node.
    """
    if "{%" in source or "{#" in source:
        return None
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    pieces: list[str | Reference] = []
    parts = end = 0
    for match in _PATH.finditer(source):
        start = match.start()
        if start > end:
            text = source[end:start]
            if "{" in text and ("{{" in text or text[-1] == "{"):
                return None
            pieces.append(text)
        root, steps = match.groups()
        reference = _reference(root, steps) if root not in words else None
        if reference is None:
            return None
        parts += 2 + len(reference.path)
        pieces.append(reference)
        end = match.end()
    tail = source[end:]
    if "{{" in tail or parts > max_parts:
        return None
    if tail:
        pieces.append(tail)
    return PlainTemplate(pieces)


def _reference(root: str, written: str) -> Reference | None:
    if root in NO_ROOTS:
        return None
    steps = _steps(written)
    if root == SECRETS and not names_secret(steps):
        return None
    if root != "nodes":
        return Reference(root, steps, is_node=root not in OTHER_ROOTS)
    if not steps or not isinstance(steps[0], str) or steps[0] in OTHER_ROOTS:
        return None
    return Reference(steps[0], steps[1:])


def _steps(written: str) -> tuple[Step, ...]:
    if "[" not in written:
        return tuple(written[1:].split(".")) if written else ()
    return tuple(
        name or (int(index) if index else single or double)
        for name, index, single, double in EACH_STEP.findall(written)
    )
