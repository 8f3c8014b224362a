"""Outputs that are too large for Redis: kept in an object store, where one is configured."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wfcore.errors import CommandRefused, StoreError
from wfcore.store.contract import Move
from wfcore.store.redis import codec

if TYPE_CHECKING:
    from wfcore.store.redis.blobs import Blobs

__all__ = ["LargeOutputs"]

_LARGE: Final = 256 * 1024
_LARGEST: Final = 8 * 1024 * 1024


class LargeOutputs:
    """Those of more than 256 KiB, compressed, go to the object store; of more than 8 MiB, have to.

    Without a `url` there is none.
    """

    def __init__(self, url: str | None) -> None:
        self._blobs = _blobs(url) if url is not None else None

    async def put_aside(
        self, moves: Sequence[Move], contents: Sequence[bytes | None]
    ) -> Sequence[bytes | None]:
        """Return what Redis is to keep of what Moves bring."""
        if not any(content is not None and len(content) > _LARGE for content in contents):
            return contents
        pairs = zip(moves, contents, strict=True)
        return [await self._put_aside(move, content) for move, content in pairs]

    async def _put_aside(self, move: Move, content: bytes | None) -> bytes | None:
        if content is None or len(content) <= _LARGE:
            return content
        if self._blobs is not None:
            return codec.reference_to(await self._blobs.put(move, content))
        if len(content) > _LARGEST:
            message = f"{len(content)} bytes are too large for Redis: set APP_BLOB_URL"
            raise CommandRefused(ValueError(message))
        return content

    async def fetched(self, content: str | bool) -> str | bytes | bool:
        """Return what a node left behind, from wherever it is."""
        path = codec.referred(content)
        if path is None:
            return content
        if self._blobs is None:
            raise StoreError("an output is in an object store: set APP_BLOB_URL here too")
        return await self._blobs.get(path)

    async def delete(self, execution: str, number: int) -> None:
        """Delete what an execution has in the object store."""
        if self._blobs is not None:
            await self._blobs.delete(execution, number)


def _blobs(url: str) -> "Blobs":
    try:
        from wfcore.store.redis.blobs import Blobs  # noqa: PLC0415 - an extra of its own
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        raise StoreError("APP_BLOB_URL needs its driver: pip install 'wfcore[blob]'") from error
    return Blobs(url)
