"""The schemes of a Redis's URL, known where its driver is not installed."""

from typing import Final

__all__ = ["REDIS_SCHEMES"]

REDIS_SCHEMES: Final = (
    "redis",
    "rediss",
    "redis+sentinel",
    "redis+cluster",
    "rediss+sentinel",
    "rediss+cluster",
)
