"""A service on loopback that speaks OpenAI's chat completions and Anthropic's messages.

It answers politely unless an `Act` is queued: then the next request gets that.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Act", "Endpoint", "Request", "serving"]


@dataclass(frozen=True)
class Act:
    """How one request is answered."""

    text: str = "Hello."
    finish: str | None = "stop"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    """Sent as it is, in place of an answer."""
    usage: bool = True
    refusal: str | None = None
    held: asyncio.Event | None = None
    """Nothing is sent before this is set."""
    breaks: str = ""
    """`reset` before a word, `cut` within the body, or `silent`: a stream that just ends."""


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: Any


class Endpoint:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.acts: deque[Act] = deque()
        self.by_model: dict[str, Act] = {}
        self.at_once = 0
        self.most_at_once = 0
        self.url = ""

    def queue(self, *acts: Act) -> None:
        self.acts.extend(acts)

    @property
    def prompts(self) -> list[str]:
        return [request.body["messages"][-1]["content"] for request in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(head[0].split()[1], headers, json.loads(raw or b"null"))
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(request, writer)
        finally:
            self.at_once -= 1

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        model = request.body.get("model", "")
        act = self.acts.popleft() if self.acts else self.by_model.get(model, Act())
        if act.held is not None:
            await act.held.wait()
        if act.breaks == "reset":
            writer.transport.abort()
            return False
        streams = request.body.get("stream") and act.status == 200 and act.body is None
        if streams:
            await _stream(writer, act, model)
            return False
        body = (act.body if act.body is not None else _whole(request, act, model)).encode()
        length = len(body) + (100 if act.breaks == "cut" else 0)
        lines = [
            f"HTTP/1.1 {act.status} X",
            "content-type: application/json",
            f"content-length: {length}",
            *(f"{name}: {value}" for name, value in act.headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        return act.breaks != "cut"


def _whole(request: Request, act: Act, model: str) -> str:
    if act.status != 200:
        return json.dumps({"error": {"message": f"status {act.status}", "type": "some_error"}})
    if request.path.endswith("/messages"):
        return json.dumps(
            {
                "id": "m1",
                "type": "message",
                "role": "assistant",
                "model": model,
                "content": [{"type": "text", "text": act.text}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 10, "output_tokens": 5},
            }
        )
    message = {"role": "assistant", "content": act.text, "refusal": act.refusal}
    whole = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": act.finish}],
    }
    return json.dumps(whole | ({"usage": _USAGE} if act.usage else {}))


_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


async def _stream(writer: asyncio.StreamWriter, act: Act, model: str) -> None:
    """Send the text in pieces of three characters, as server-sent events."""
    head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    pieces = [act.text[at : at + 3] for at in range(0, len(act.text), 3)]
    for number, piece in enumerate(pieces):
        if act.breaks and number == len(pieces) // 2:
            break
        _event(writer, _chunk(model, {"content": piece}, None))
        await writer.drain()
    if act.breaks == "cut":
        writer.transport.abort()
        return
    if not act.breaks:
        _event(writer, _chunk(model, {}, act.finish))
        _event(writer, _chunk(model, None, None) | {"usage": _USAGE})
        _send(writer, "data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _chunk(model: str, delta: Any, finish: str | None) -> dict[str, Any]:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "choices": choices,
    }


def _event(writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
    _send(writer, f"data: {json.dumps(data)}\n\n")


def _send(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


@asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    endpoint.url = f"http://{host}:{port}"
    try:
        yield endpoint
    finally:
        server.close()
