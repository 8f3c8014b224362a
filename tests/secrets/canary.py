"""Secrets that are easy to find: where they lie, and a search that knows nothing of masking."""

import base64
from pathlib import Path
from typing import Final

_CORE: Final = "c4n4ryK7qZ9Xw2Vt5Rb8Yp3"

PLAIN: Final = f"sk-{_CORE}-1"
"""May stand in a header."""
AWKWARD: Final = f"a\"b\\c/d e+f%41&<é😀>{_CORE}'\n2nd line"
"""Looks different in everything that escapes."""

SECRETS: Final = {"PLAIN": PLAIN, "AWKWARD": AWKWARD, "PLAIN_HOSTS": "127.0.0.1"}
ENVIRONMENT: Final = {f"APP_SECRET_{name}": value for name, value in SECRETS.items()}


def _pieces() -> list[bytes]:
    """Return what is in every form of both canaries, in lower case: any ten characters of them."""
    spelt = [_CORE[at : at + 10] for at in range(len(_CORE) - 9)]
    encoded = []
    for offset in range(3):
        text = base64.b64encode(b"x" * offset + _CORE.encode()).decode()
        # The ends depend on what stands around.
        kept = text[4:-4]
        encoded += [kept[at : at + 12] for at in range(len(kept) - 11)]
    return [piece.lower().encode() for piece in [*spelt, *encoded]]


_PIECES: Final = _pieces()


def leaks(artefact: object) -> list[str]:
    """Return the pieces of canaries in a text, bytes, or the text of any value."""
    data = artefact if isinstance(artefact, bytes) else str(artefact).encode(errors="replace")
    data = data.lower()
    return [piece.decode() for piece in _PIECES if piece in data]


def leaks_in(folder: Path) -> dict[str, list[str]]:
    """Return what is found, by file, in all files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    found = {str(path.relative_to(folder)): leaks(path.read_bytes()) for path in files}
    return {name: pieces for name, pieces in found.items() if pieces}
