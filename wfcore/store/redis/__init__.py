"""The store on Redis: state that the processes of a cluster share."""

from wfcore.store.redis.store import RedisStore

__all__ = ["RedisStore"]
