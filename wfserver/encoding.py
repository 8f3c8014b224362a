"""Compressed request bodies, unpacked piece by piece: a small body may unpack to a huge one."""

import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final, Protocol

from wfcore.problems import Problem
from wfserver.problems import RequestRefused

__all__ = ["Decoder", "decoder"]

_PIECE: Final = 256 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_ACCEPTED: Final = {"Accept-Encoding": "gzip, deflate"}


class Decoder(Protocol):
    """Undoes one content encoding."""

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk unpacks to, in pieces of bounded size; raises `RequestRefused`."""

    def end(self) -> None:
        """Take note that the body is whole; raises `RequestRefused` where it is cut off."""


def decoder(content_encoding: str) -> Decoder:
    """Return the decoder for a `Content-Encoding`; raises `RequestRefused` for an unknown one."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    named = [name for name in names if name not in ("", "identity")]
    if not named:
        return _Plain()
    if named in (["gzip"], ["x-gzip"]):
        return _Zlib(_GZIP)
    if named == ["deflate"]:
        return _Zlib(zlib.MAX_WBITS)
    shown = content_encoding[:60].encode("ascii", "backslashreplace").decode()
    problem = Problem(
        "body.encoding_unknown",
        "",
        f"bodies with Content-Encoding {shown!r} are not read",
        "send it plain, or with one of gzip and deflate",
    )
    raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, [problem], _ACCEPTED)


class _Plain:
    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def end(self) -> None: ...


class _Zlib:
    """gzip of one or more members, or deflate with or without the zlib header."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._inflate = zlib.decompressobj(bits)
        self._begun = False

    def unpack(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._inflate.eof:
                self._next_member()
            yield self._piece(chunk)
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data

    def end(self) -> None:
        if not self._inflate.eof:
            raise _broken("it ends too early")

    def _piece(self, chunk: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(chunk, _PIECE)
        except zlib.error as error:
            if self._begun or self._bits != zlib.MAX_WBITS:
                raise _broken("it is damaged, or something else") from error
            # Some clients send deflate without the header that the standard wants.
            self._bits = -zlib.MAX_WBITS
            self._inflate = zlib.decompressobj(self._bits)
            return self._piece(chunk)
        self._begun = True
        return piece

    def _next_member(self) -> None:
        if self._bits != _GZIP:
            raise _broken("something follows its end")
        self._inflate = zlib.decompressobj(_GZIP)


def _broken(how: str) -> RequestRefused:
    message = f"the compressed body cannot be unpacked: {how}"
    return RequestRefused(HTTPStatus.BAD_REQUEST, [Problem("body.encoding", "", message)])
