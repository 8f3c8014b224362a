"""From a URL to clients of one Redis, of a Sentinel's master, or of a Redis Cluster."""

import random
import re
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncNode
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry
from redis.sentinel import Sentinel

from wfcore.errors import StoreError

__all__ = ["RedisServers"]

_SCHEME: Final = re.compile(r"(rediss?)(?:\+(sentinel|cluster))?")
_FORMS: Final = (
    "redis://host:6379/0, redis+sentinel://host:26379,host2:26379/master/0 "
    "or redis+cluster://host:7000,host2:7001"
)
_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 5.0
_RETRIES: Final = 3
_SENTINEL_PORT: Final = 26_379
_PORT: Final = 6_379


@dataclass(frozen=True, slots=True)
class RedisServers:
    """Where a Redis is, and how to log in; `name` may be told to anyone."""

    kind: str
    """`single`, `sentinel` or `cluster`."""
    hosts: tuple[tuple[str, int], ...]
    tls: bool
    username: str | None
    password: str | None
    master: str
    db: int

    @classmethod
    def read(cls, url: str) -> Self:
        """Read a URL; raises `StoreError`, which does not repeat the password in it."""
        parts = urlsplit(url)
        scheme = _SCHEME.fullmatch(parts.scheme)
        path = [unquote(part) for part in parts.path.split("/") if part]
        if scheme is None:
            raise StoreError(f"this is no address of a Redis: write {_FORMS}")
        kind = scheme[2] or "single"
        login, _, places = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        master = path.pop(0) if kind == "sentinel" and path else ""
        try:
            port = _SENTINEL_PORT if kind == "sentinel" else _PORT
            hosts = tuple(_host(place, port) for place in places.split(","))
            db = int(path.pop(0)) if path else 0
        except ValueError:
            hosts, db = (), 0
        is_whole = (kind == "sentinel") == bool(master) and (kind != "cluster" or db == 0)
        if not hosts or path or not is_whole or (kind == "single" and len(hosts) > 1):
            raise StoreError(f"this {parts.scheme}:// address cannot be read: write {_FORMS}")
        return cls(
            kind,
            hosts,
            tls=scheme[1] == "rediss",
            username=unquote(username) or None,
            password=unquote(password) or None,
            master=master,
            db=db,
        )

    @property
    def name(self) -> str:
        """Where it is, without a password."""
        places = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"Redis {self.kind} at {places}" if self.kind != "single" else f"Redis at {places}"

    def client(self, most_connections: int) -> Any:
        """Return an asynchronous client with a pool of its own."""
        options = self._options(AsyncRetry(_backoff(), _RETRIES))
        if self.kind == "cluster":
            nodes = [AsyncNode(host, port) for host, port in self.hosts]
            return redis.asyncio.RedisCluster(
                startup_nodes=nodes, max_connections=most_connections, **options
            )
        options |= {"db": self.db, "max_connections": most_connections}
        if self.kind == "sentinel":
            sentinel: Any = AsyncSentinel
            return sentinel(list(self.hosts), **options).master_for(self.master)
        host, port = self.hosts[0]
        return redis.asyncio.Redis(host=host, port=port, **options)

    def messages_client(self, known: Any) -> Any:
        """Return a client for subscriptions; `known` is one of `client` that is in use.

        Any node of a cluster passes on what all say: one is drawn from those that `known` has
        found, each time anew, since it may be away.
        """
        if self.kind != "cluster":
            return self.client(2)
        nodes = [(node.host, node.port) for node in known.get_nodes()]
        host, port = random.choice(nodes or self.hosts)  # noqa: S311 - whichever
        options = self._options(AsyncRetry(_backoff(), _RETRIES))
        return redis.asyncio.Redis(host=host, port=port, **options)

    def blocking_client(self) -> Any:
        """Return a client for threads."""
        options = self._options(Retry(_backoff(), _RETRIES))
        if self.kind == "cluster":
            node: Any = ClusterNode
            nodes = [node(host, port) for host, port in self.hosts]
            return redis.RedisCluster(startup_nodes=nodes, **options)
        options["db"] = self.db
        if self.kind == "sentinel":
            sentinel: Any = Sentinel
            return sentinel(list(self.hosts), **options).master_for(self.master)
        host, port = self.hosts[0]
        return redis.Redis(host=host, port=port, **options)

    def _options(self, retry: Any) -> dict[str, Any]:
        options: dict[str, Any] = {
            "username": self.username,
            "password": self.password,
            "socket_timeout": _ANSWER_SECONDS,
            "socket_connect_timeout": _CONNECT_SECONDS,
            "socket_keepalive": True,
            "retry": retry,
        }
        return options | ({"ssl": True} if self.tls else {})


def _backoff() -> ExponentialBackoff:
    return ExponentialBackoff(cap=0.3, base=0.02)


def _host(place: str, port: int) -> tuple[str, int]:
    host, colon, given = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, given = place, ""
    if not host:
        raise ValueError(place)
    return host.strip("[]"), int(given) if given else port
