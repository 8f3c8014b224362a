from typing import Any

import pytest

from wfcore.templating import Scope, Templating

POSTS: list[Any] = [
    {"id": 1, "title": "Beta", "author": {"name": "Ann"}, "tags": ["x", "y"]},
    {"id": 2, "title": "alpha", "author": {"name": "Bob"}, "tags": []},
]

NAMES: dict[str, Any] = {
    "get_posts": {
        "output": {
            "data": POSTS,
            "items": "the key",
            "title": "Ünï",
            "count": 2,
            "price": 1.5,
            "flag": True,
            "nothing": None,
            "empty": [],
            "object": {"b": 2, "a": 1},
            "quoted key": "q",
        },
        "state": "COMPLETED",
        "error": None,
    },
    "get-posts": {"output": {"x": [1, 2, 3]}},
    "failed": {"state": "FAILED", "error": {"type": "HttpStatus", "status": 404}},
    "execution": {"id": "e-1", "input": {"customer": "Ada"}, "labels": {}},
}


@pytest.fixture(scope="session")
def templating() -> Templating:
    return Templating()


@pytest.fixture(scope="session")
def scope() -> Scope:
    return Scope(NAMES)
