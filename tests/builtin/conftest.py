from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

import wfplugins_builtin
from tests.builtin.service import Service
from wfcore.outbound.client import OutboundClient
from wfcore.plugins.manager import load_plugins
from wfcore.plugins.registry import Registry
from wfcore.testing import FakeContext

MAX_BODY = 1024 * 1024


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest_asyncio.fixture
async def client() -> AsyncIterator[OutboundClient]:
    opened = OutboundClient(["127.0.0.1"], max_body_bytes=MAX_BODY)
    yield opened
    await opened.close()


@pytest.fixture
def context(client: OutboundClient) -> FakeContext:
    return FakeContext(http=client)


@pytest.fixture
def builtins() -> Registry:
    return load_plugins(plugins=[wfplugins_builtin], discover=False)
