"""Reading a response's body within a bound, whatever it expands to."""

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from typing import Final

from wfcore.errors import NodeError

__all__ = ["read_beginning", "read_body"]

_BEGINNING: Final = 64 * 1024
_BEGINNING_SECONDS: Final = 5.0
_EXPANDED: Final = 64 * 1024
# Beyond the bound on what comes out: headers, checksums, blocks that expand to nothing.
_OVERHEAD: Final = 64 * 1024
_MOST_MEMBERS: Final = 4096
_GZIP: Final = 16 + zlib.MAX_WBITS


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """Read and decompress a body of at most `limit` bytes.

    Raises:
        NodeError: `ResponseTooLarge`; `InvalidResponse` for a body that cannot be decompressed;
            what `chunks` raises.

    """
    body = bytearray()
    await _fill(body, chunks, encoding, limit)
    if len(body) > limit:
        raise too_large(limit)
    return bytes(body)


async def read_beginning(
    chunks: AsyncIterator[bytes], encoding: str, limit: int, until: float
) -> bytes:
    """Read the beginning of a body that serves an error message: 64 KiB, 5 seconds at most.

    What cannot be read or decompressed, or comes after the loop's time `until`, is left out and
    no error.
    """
    soon = asyncio.get_running_loop().time() + _BEGINNING_SECONDS
    bound = min(limit, _BEGINNING)
    body = bytearray()
    with suppress(NodeError, TimeoutError):
        async with asyncio.timeout_at(min(until, soon)):
            await _fill(body, chunks, encoding, bound)
    return bytes(body[:bound])


def too_large(limit: int) -> NodeError:
    """Return the error of a response that exceeds its bound."""
    return NodeError("ResponseTooLarge", f"the response is larger than {limit} bytes")


async def _fill(body: bytearray, chunks: AsyncIterator[bytes], encoding: str, limit: int) -> None:
    """Append to `body` until it is whole, or longer than `limit`."""
    within = _within(chunks, limit + _OVERHEAD, limit)
    async with aclosing(within), aclosing(_decoded(within, encoding.strip().lower())) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > limit:
                return


async def _within(chunks: AsyncIterator[bytes], most: int, limit: int) -> AsyncGenerator[bytes]:
    """Pass on what arrives, and refuse more of it than a body within the limit needs."""
    arrived = 0
    async for chunk in chunks:
        arrived += len(chunk)
        yield chunk
        if arrived > most:
            raise too_large(limit)


async def _decoded(chunks: AsyncIterator[bytes], encoding: str) -> AsyncGenerator[bytes]:
    if encoding in {"", "identity"}:
        async for chunk in chunks:
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise NodeError("InvalidResponse", f"the response is encoded as {encoding[:64]!r}")
    expander = _Expander(gzip=encoding != "deflate")
    async for chunk in chunks:
        for piece in expander.expand(chunk):
            yield piece
    expander.finish()


class _Expander:
    """Expands a stream of gzip members, or one of deflate, a bounded piece at a time."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._members = 0
        self._head = b""
        self._member = zlib.decompressobj(_GZIP)

    def expand(self, data: bytes) -> Iterator[bytes]:
        if not self._members:
            self._head = data = self._head + data
            if len(data) < 2:
                return
            self._begin(data)
        while data:
            if self._member.eof:
                self._begin(data)
            try:
                yield self._member.decompress(data, _EXPANDED)
            except zlib.error as error:
                message = f"the response cannot be decompressed: {error}"
                raise NodeError("InvalidResponse", message) from error
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def finish(self) -> None:
        if self._head and not self._member.eof:
            raise NodeError("InvalidResponse", "the response ends too early", retryable=True)

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > (_MOST_MEMBERS if self._gzip else 1):
            raise NodeError("InvalidResponse", "the response goes on after its compressed end")
        self._member = zlib.decompressobj(_GZIP if self._gzip else _deflate(data))


def _deflate(data: bytes) -> int:
    """Some services mean the bare algorithm by the name of its container: its head is missing."""
    is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
