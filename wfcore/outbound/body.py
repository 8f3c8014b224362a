"""Reading a response's body within a bound, whatever it expands to."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Final

from wfcore.errors import NodeError

__all__ = ["read_body"]

_BEGINNING: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_EXPANDED: Final = 64 * 1024


async def read_body(
    chunks: AsyncIterator[bytes], encoding: str, *, limit: int, beginning_only: bool
) -> bytes:
    """Read and decompress a body of at most `limit` bytes.

    With `beginning_only` the body serves an error message: what exceeds 64 KiB, or cannot be
    decompressed, is left out and no error.

    Raises:
        NodeError: `ResponseTooLarge`; `InvalidResponse` for a body that cannot be decompressed.

    """
    bound = min(limit, _BEGINNING) if beginning_only else limit
    body = bytearray()
    try:
        async with aclosing(_decoded(chunks, encoding.strip().lower())) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > bound:
                    break
    except NodeError:
        if not beginning_only:
            raise
    if len(body) > bound and not beginning_only:
        raise NodeError("ResponseTooLarge", f"the response is larger than {limit} bytes")
    return bytes(body[:bound])


async def _decoded(chunks: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[bytes]:
    if encoding in {"", "identity"}:
        async for chunk in chunks:
            yield chunk
    elif encoding in {"gzip", "x-gzip"}:
        gunzip = _Gunzip()
        async for chunk in chunks:
            for piece in gunzip.expand(chunk):
                yield piece
        gunzip.finish()
    else:
        raise NodeError("InvalidResponse", f"the response is encoded as {encoding!r}")


class _Gunzip:
    """Expands a gzip stream of one or more members, a bounded piece at a time."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    def expand(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                yield self._member.decompress(data, _EXPANDED)
            except zlib.error as error:
                raise NodeError("InvalidResponse", f"the response is not gzip: {error}") from error
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        if not self._member.eof:
            raise NodeError("InvalidResponse", "the response ends too early", retryable=True)
