"""Outputs that are too large for Redis, in an object store that all hosts reach.

An output is written there before the Move that names it; what such a Move did not name goes with
its execution.
"""

import hashlib
from typing import Any, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from wfcore.errors import StoreError
from wfcore.store.contract import Move

__all__ = ["Blobs"]

_AT_ONCE: Final = 500


class Blobs:
    """An object store by its URL: `s3://bucket/path`, `gs://`, `az://`, `file:///folder`."""

    def __init__(self, url: str) -> None:
        try:
            self._store: Any = from_url(url)
        except (BaseError, OSError, ValueError) as error:
            scheme = url.partition(":")[0]
            message = f"APP_BLOB_URL ({scheme}://...) cannot be used: {_said(error)}"
            raise StoreError(message) from error

    async def put(self, move: Move, data: bytes) -> str:
        """Keep the output of one attempt; return the name under which it is found."""
        name = hashlib.sha256(move.key.encode()).hexdigest()[:32]
        path = f"{move.execution}/{move.number}/{name}-{move.new_token}"
        try:
            await obstore.put_async(self._store, path, data)
        except (BaseError, OSError) as error:
            message = f"an output could not be written to APP_BLOB_URL: {_said(error)}"
            raise StoreError(message) from error
        return path

    async def get(self, path: str) -> bytes:
        """Return an output."""
        try:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())
        except (BaseError, OSError) as error:
            message = f"an output could not be read from APP_BLOB_URL: {_said(error)}"
            raise StoreError(message) from error

    async def delete(self, execution: str, number: int) -> None:
        """Delete all that an execution has there; what came with its start may have no number."""
        try:
            for part in (number, 0):
                prefix = f"{execution}/{part}"
                async for page in obstore.list(self._store, prefix=prefix, chunk_size=_AT_ONCE):
                    await obstore.delete_async(self._store, [each["path"] for each in page])
        except (BaseError, OSError) as error:
            message = f"outputs could not be deleted at APP_BLOB_URL: {_said(error)}"
            raise StoreError(message) from error


def _said(error: Exception) -> str:
    # The rest is the library's own debugging.
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
