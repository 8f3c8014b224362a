"""The outbound guard: from a host and a port to addresses that may be connected to.

Every connection asks it, whoever named the host: a document, a template, a redirect. What it
returns is what is connected to, so that nothing can change between the check and the connection.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from wfcore.errors import NodeError
from wfcore.outbound.address import Address, address_in, place, plain
from wfcore.outbound.allow import AllowList
from wfcore.outbound.special import rule_against

__all__ = ["Guard", "Permit", "Resolver", "anywhere", "resolve"]

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to its addresses; raises OSError where there are none."""

Permit: TypeAlias = Callable[[str, int], None]
"""Asked before every hop of a request, with its host and port; raises NodeError to refuse it."""


def anywhere(_host: str, _port: int) -> None:
    """Permit a request to go anywhere that the guard lets it."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, as any other program would."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Lets global addresses through, and what the operator allows."""

    def __init__(self, allow: AllowList, resolver: Resolver) -> None:
        self._allow = allow
        self._resolver = resolver

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host, every one of them checked.

        Raises:
            NodeError: `OutboundRefused`.
            OSError: where the name has no address.

        """
        literal = address_in(host)
        if literal is not None:
            found = [plain(literal)]
        else:
            found = [plain(ip_address(each)) for each in await self._resolver(host, port)]
        if literal is None and self._allow.opens_name(host, port):
            return found
        for address in found:
            if not self._allow.opens_address(address, port):
                rule = rule_against(address)
                if rule is not None:
                    raise _refusal(literal or host.removesuffix("."), port, address, rule)
        return found


def _refusal(host: str | Address, port: int, address: Address, rule: str) -> NodeError:
    entry = place(plain(host) if not isinstance(host, str) else host, port)
    resolved = f" resolves to {address}, which" if isinstance(host, str) else ""
    return NodeError(
        "OutboundRefused",
        f"{entry}{resolved} is refused by the outbound guard: {rule}. "
        f"Whoever runs this process can open it: --allow {entry} on the command line, "
        f"APP_OUTBOUND_ALLOW={entry} in the environment",
        details={"allow": entry, "address": str(address), "rule": rule},
    )
