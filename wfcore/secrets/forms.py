"""The forms in which a secret's value may stand in a text, besides escaped."""

import base64
import json
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

from wfcore.secrets.escapes import unescape

__all__ = ["LEVELS", "Encoded", "encoded_forms", "text_forms"]

LEVELS: Final = 4
"""How many times over a value may have been escaped: a URL in a URL in JSON in JSON."""


class Encoded(NamedTuple):
    """What every base64 text has in it, whatever stands around the value that it encodes."""

    core: bytes
    """The characters that the value alone decides."""
    before: bool = False
    """Whether the character before has some of its bits."""
    after: bool = False
    """Whether the character after has."""


def text_forms(value: str) -> Iterator[bytes]:
    """Yield the value itself, in UTF-8 and as UTF-8 read as Latin-1, and what escapes in it mean.

    The last of these: a text is searched at every level of escaping, where a value that looks
    escaped itself is read like the text around it.
    """
    for text in (value, value.encode().decode("latin-1")):
        form = text.encode()
        yield form
        for _ in range(LEVELS):
            step = unescape(form)
            if step is None:
                break
            form = step.data
            yield form


def encoded_forms(value: str) -> Iterator[Encoded]:
    """Yield the base64 of the value, alone or within more, plain or escaped before."""
    as_utf8 = json.dumps(value, ensure_ascii=False)[1:-1]
    inner = [
        value,
        as_utf8,
        _json(value),
        _json(_json(value)),
        _json(as_utf8),
        quote(value, safe=""),
        quote_plus(value),
    ]
    for data in dict.fromkeys(text.encode() for text in inner):
        for offset in range(3):
            core = _core(data, offset)
            before, after = offset != 0, (offset + len(data)) % 3 != 0
            yield Encoded(core, before, after)
            url_safe = core.translate(bytes.maketrans(b"+/", b"-_"))
            if url_safe != core:
                yield Encoded(url_safe, before, after)


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _core(data: bytes, offset: int) -> bytes:
    """Return the base64 characters of `data` behind `offset` bytes that are wholly its own."""
    written = base64.b64encode(bytes(offset) + data)
    return written[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6]
