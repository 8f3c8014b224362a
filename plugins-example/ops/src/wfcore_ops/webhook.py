"""Posting to a webhook how executions end."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from wfcore import EventSink

__all__ = ["Webhook"]


class Webhook(EventSink):
    """Posts `{"text": ...}`. What cannot be posted is told again by the engine, twice."""

    def __init__(self, url: str, ends: Sequence[str]) -> None:
        self._url = url
        self._types = frozenset(f"wfcore.execution.{end}" for end in ends)
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """Say which host, and no more: who knows the address can post there."""
        return f"webhook at {httpx.URL(self._url).host}"

    async def open(self) -> None:
        """Make the client; it connects at the first post."""
        self._client = httpx.AsyncClient(timeout=5)

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.aclose()

    async def tell(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post the ends; raises where the service does not take one."""
        assert self._client is not None
        for event in events:
            if event["type"] in self._types:
                response = await self._client.post(self._url, json={"text": _text(event)})
                if not response.is_success:
                    raise ConnectionError(f"{self.name} answered {response.status_code}")


def _text(event: Mapping[str, Any]) -> str:
    data = event["data"]
    return f"execution {data['execution_id']} {event['type'].rpartition('.')[2].upper()}"
