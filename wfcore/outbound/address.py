"""What the host of a URL is: a name, or an address in one of the many spellings of addresses."""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

__all__ = ["Address", "NotAHost", "address_in", "is_name", "place", "plain"]

Address: TypeAlias = IPv4Address | IPv6Address

# Beside what DNS allows, the underscore: container networks use it in names.
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)


class NotAHost(ValueError):
    """A host is neither a name nor an address."""


def address_in(host: str) -> Address | None:
    """Return the address that a host spells, None for a name.

    What ends in a number is an address, as browsers and resolvers read it: `127.1`, `0x7f.1`,
    `017700000001` and `2130706433` are all 127.0.0.1.

    Raises:
        NotAHost: for what looks like an address and is none, and for zones (`fe80::1%eth0`).

    """
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError as error:
            raise NotAHost(host) from error
        if address.scope_id is not None:
            raise NotAHost(host)
        return address
    parts = host.removesuffix(".").split(".")
    return _ipv4(parts, host) if _NUMBER.fullmatch(parts[-1]) else None


def is_name(host: str) -> bool:
    """Whether DNS could know this name; it may end in a dot."""
    name = host.removesuffix(".")
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in name.split("."))


def plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv4-mapped one stands for, else the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def place(host: str | Address, port: int) -> str:
    """Return `host:port`, with the brackets that IPv6 needs."""
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _ipv4(parts: list[str], host: str) -> IPv4Address:
    """Read up to four numbers, in decimal, octal or hexadecimal; the last fills what is left."""
    if len(parts) > 4:
        raise NotAHost(host)
    *leading, last = [_number(part, host) for part in parts]
    left = 4 - len(leading)
    if any(number > 255 for number in leading) or last >= 256**left:
        raise NotAHost(host)
    return IPv4Address(int.from_bytes(bytes(leading)) * 256**left + last)


def _number(part: str, host: str) -> int:
    if not _NUMBER.fullmatch(part) or len(part) > 16:
        raise NotAHost(host)
    try:
        if part[:2].lower() == "0x":
            return int(part[2:] or "0", 16)
        return int(part, 8 if part.startswith("0") else 10)
    except ValueError as error:
        raise NotAHost(host) from error
