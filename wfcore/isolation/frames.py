"""What a handler's process and its engine say to each other: JSON, each with its length before it.

No pickle: a process that was taken over must not be able to run code in the engine.
"""

import asyncio
import json
import socket
import struct
import threading
from typing import Any, Final

__all__ = ["FrameTooLong", "Line", "Message", "packed", "read_message"]

Message = dict[str, Any]
_LENGTH: Final = struct.Struct(">I")


class FrameTooLong(ValueError):
    """A message is longer than its reader takes."""


def packed(message: Message, most: int = 2**32 - 1) -> bytes:
    """Return the frame of a message; ASCII, so that half surrogate pairs get through."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(body) > most:
        raise FrameTooLong(f"a message of {len(body)} bytes, more than {most}")
    return _LENGTH.pack(len(body)) + body


async def read_message(reader: asyncio.StreamReader, most: int) -> Message:
    """Return the next message; raises `IncompleteReadError` at the end."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > most:
        raise FrameTooLong(f"a message of {length} bytes, more than {most}")
    message: Message = json.loads(await reader.readexactly(length))
    return message


class Line:
    """The process's own end: it is read by one thread, and written to by any."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        # What a handler starts must not hold it: its end tells the engine that we are gone.
        self._socket.set_inheritable(False)
        self._writing = threading.Lock()

    def say(self, message: Message, most: int = 2**32 - 1) -> None:
        """Send a message; raises `ValueError` or `TypeError` for what is not JSON."""
        self.send(packed(message, most))

    def send(self, frame: bytes) -> None:
        """Send what is packed already."""
        with self._writing:
            self._socket.sendall(frame)

    def hear(self) -> Message | None:
        """Wait for the next message; None once the engine is gone."""
        head = self._exactly(_LENGTH.size)
        body = self._exactly(_LENGTH.unpack(head)[0]) if head is not None else None
        if body is None:
            return None
        message: Message = json.loads(body)
        return message

    def _exactly(self, size: int) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            try:
                part = self._socket.recv(min(size - len(data), 1 << 20))
            except OSError:
                return None
            if not part:
                return None
            data += part
        return bytes(data)
