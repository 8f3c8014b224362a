"""A small HTTP client for measuring: connections that stay open, and next to no cost of its own.

A full client takes longer for a request than the server that is to be measured.
"""

import asyncio
import json
from typing import Any

__all__ = ["HttpClient"]


class HttpClient:
    """Up to `most` requests at a time to one server, each on a connection that is used again."""

    def __init__(self, port: int, most: int = 64) -> None:
        self._port = port
        self._slots = asyncio.Semaphore(most)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; return the JSON of a 200, and raise `RuntimeError` for anything else."""
        data = json.dumps(body).encode() if body is not None else b""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        async with self._slots:
            ends = await self._connection()
            reader, writer = ends
            writer.write(head.encode() + data)
            status, answer = await _answer(reader)
            self._idle.append(ends)
        if status != 200:
            raise RuntimeError(f"{status}: {answer[:1_000]!r}")
        return json.loads(answer)

    async def aclose(self) -> None:
        """Close all connections."""
        for _, writer in self._idle:
            writer.close()

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            ends = self._idle.pop()
            if not ends[0].at_eof():
                return ends
            # The server closes what was idle for long.
            ends[1].close()
        return await asyncio.open_connection("127.0.0.1", self._port)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)
