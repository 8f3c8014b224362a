"""Where sockets are opened: only to addresses that the guard has checked.

The pool keeps its connections by the URL's own scheme, host and port, so `Host` and the name that
TLS asks for and verifies are the URL's, and no connection made for one name serves another.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import httpcore

from wfcore.outbound.address import Address
from wfcore.outbound.guard import Guard

__all__ = ["GuardedBackend"]

_HEAD_START: Final = 0.25
# A name with a thousand addresses must not make a thousand connections.
_MOST_ADDRESSES: Final = 8

Connect = Callable[[Address], Awaitable[httpcore.AsyncNetworkStream]]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does, but for the resolving."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # To a type checker it is also the empty class that stands in where anyio is missing.
        self._sockets: Any = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that answers."""
        try:
            addresses = await self._guard.addresses(host, port)
        except (OSError, ValueError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error

        def connect(address: Address) -> Awaitable[httpcore.AsyncNetworkStream]:
            connecting: Awaitable[httpcore.AsyncNetworkStream] = self._sockets.connect_tcp(
                str(address), port, timeout, local_address, socket_options
            )
            return connecting

        return await _first(addresses[:_MOST_ADDRESSES], connect)


async def _first(addresses: Sequence[Address], connect: Connect) -> httpcore.AsyncNetworkStream:
    """Try one address after another, each with a head start before the next (RFC 8305)."""
    if len(addresses) == 1:
        return await connect(addresses[0])
    waiting = deque(addresses)
    racing: set[asyncio.Future[httpcore.AsyncNetworkStream]] = set()
    failure: BaseException = httpcore.ConnectError("the name has no address")
    try:
        while waiting or racing:
            if waiting:
                racing.add(asyncio.ensure_future(connect(waiting.popleft())))
            done, _ = await asyncio.wait(
                racing,
                timeout=_HEAD_START if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for attempt in done:
                racing.discard(attempt)
                error = attempt.exception()
                if error is None:
                    return attempt.result()
                failure = error
    finally:
        await _abandon(racing)
    raise failure


async def _abandon(racing: set[asyncio.Future[httpcore.AsyncNetworkStream]]) -> None:
    for attempt in racing:
        attempt.cancel()
    for ended in await asyncio.gather(*racing, return_exceptions=True):
        if isinstance(ended, httpcore.AsyncNetworkStream):
            await ended.aclose()
