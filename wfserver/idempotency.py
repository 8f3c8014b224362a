"""`Idempotency-Key`: the same submission, however often it is sent, makes one execution.

The execution's id is worked out from the key, and the store takes an id once. So it holds after a
restart, and for any number of servers on one store.
"""

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Header

from wfcore.errors import Conflict
from wfcore.problems import Problem

__all__ = ["IdempotencyKey", "execution_id_of", "other_body_refused"]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key with the same body makes one execution, however often it comes.",
        min_length=1,
        max_length=255,
        pattern=r"^[\x20-\x7e]+$",
        examples=["order-4711"],
    ),
]


def execution_id_of(key: str | None) -> str | None:
    """Return the id of the execution that a key stands for."""
    if key is None:
        return None
    digest = hashlib.sha256(f"idempotency {key}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


@asynccontextmanager
async def other_body_refused(key: str | None) -> AsyncIterator[None]:
    """Say of a conflict what it means here: the key came before, with another body."""
    try:
        yield
    except Conflict as conflict:
        if key is None or conflict.problem.code != "submit.conflict":
            raise
        message = "this Idempotency-Key came before, with another workflow or input"
        hint = "use a new key for another workflow or input"
        raise Conflict(Problem("idempotency.conflict", "", message, hint)) from conflict
