from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.builtin.service import Service
from wfcore import NodeError
from wfcore.outbound.client import OutboundClient


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Callable[..., OutboundClient]]:
    """Makes clients, and closes them."""
    clients: list[OutboundClient] = []

    def make(*allow: str, **options: Any) -> OutboundClient:
        clients.append(OutboundClient(allow, **options))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def failure() -> Callable[[Any], Any]:
    async def of(awaited: Any) -> NodeError:
        with pytest.raises(NodeError) as caught:
            await awaited
        return caught.value

    return of
