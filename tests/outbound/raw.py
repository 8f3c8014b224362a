"""A service that writes what it likes, byte by byte: services that misbehave are of this kind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Writes = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Raw:
    """`sent` counts the bytes that left it, `connections` who came."""

    port: int = 0
    sent: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def raw_service(writes: Writes) -> AsyncIterator[Raw]:
    """Answer every request by `writes`, and hang up after it."""
    raw = Raw()
    open_tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_tasks.add(task)
        raw.connections += 1
        try:
            raw.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await writes(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            open_tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in list(open_tasks):
            task.cancel()
        await server.wait_closed()


def answering(head: str, *pieces: bytes) -> Writes:
    """Write a head, then the pieces."""

    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return writes


def flooding(head: str, piece: bytes, raw_sent: list[int]) -> Writes:
    """Write a head, then the piece for ever; `raw_sent` gets the bytes that left."""

    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode())
        while True:
            writer.write(piece)
            await writer.drain()
            raw_sent.append(len(piece))

    return writes


def stalling(head: str, beginning: bytes) -> Writes:
    """Write a head and a beginning, then nothing more."""

    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode() + beginning)
        await writer.drain()
        await asyncio.Event().wait()

    return writes
