from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.server.posts import Posts
from tests.server.serving import Json, serving
from wfcore import Engine, Limits, RetryDefaults

BODY_LIMIT = 256 * 1024


@pytest.fixture
def posts() -> Iterator[Posts]:
    with Posts() as service:
        yield service


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    limits = Limits(max_document_bytes=BODY_LIMIT)
    retry = RetryDefaults(max_retries=0)
    async with Engine(
        limits=limits, retry=retry, drain_seconds=0.1, outbound_allow=["127.0.0.1"]
    ) as opened:
        yield opened


@pytest_asyncio.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(engine) as served:
        yield served


@pytest.fixture
def seed(posts: Posts) -> Json:
    """The workflow of the seed, with its service where it can be reached."""
    return {
        "name": "Simple LLM Workflow",
        "dag": {
            "nodes": [
                {
                    "id": "get_posts",
                    "handler": "call_external_service",
                    "config": {"url": posts.url("/posts")},
                },
                {
                    "id": "summarize_posts",
                    "handler": "call_llm_service",
                    "dependencies": ["get_posts"],
                    "config": {
                        "prompt": "Summarize the following posts: {{ get_posts.output.data }}"
                    },
                },
                {"id": "output", "handler": "output", "dependencies": ["summarize_posts"]},
            ]
        },
    }
