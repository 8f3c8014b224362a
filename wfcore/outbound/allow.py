"""What the operator opens in the outbound guard: hosts, hosts with a port, networks."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from wfcore.outbound.address import Address, NotAHost, address_in, is_name, plain

__all__ = ["AllowList", "InvalidAllow"]

Network = IPv4Network | IPv6Network

_FORMS = "write a host, host:port, or a network such as 10.0.0.0/8"


class InvalidAllow(ValueError):
    """An entry of an allow list cannot be read; the message names it."""

    def __init__(self, entry: str, reason: str) -> None:
        super().__init__(f"{entry!r} {reason}")


@dataclass(frozen=True, slots=True)
class AllowList:
    """Entries, read. A port of None opens every port."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def read(cls, entries: Iterable[str]) -> Self:
        """Read entries such as `db.internal`, `127.0.0.1:8123`, `[::1]:80` and `10.0.0.0/8`.

        Raises:
            InvalidAllow: naming the first entry that is none of these.

        """
        if isinstance(entries, str):
            raise InvalidAllow(entries, "is one text: give a list of entries")
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            host, port = _read(entry.strip())
            if isinstance(host, str):
                names.add((host, port))
            else:
                networks.append((host, port))
        return cls(frozenset(names), tuple(networks))

    @property
    def entries(self) -> list[str]:
        """What `read` makes an equal list of."""
        named = [host if port is None else f"{host}:{port}" for host, port in self.names]
        return sorted(named) + [_entry(network, port) for network, port in self.networks]

    def opens_name(self, host: str, port: int) -> bool:
        """Whether this name, whatever it resolves to, may be requested at this port."""
        name = host.removesuffix(".").lower()
        return (name, port) in self.names or (name, None) in self.names

    def opens_address(self, address: Address, port: int) -> bool:
        """Whether this address may be requested at this port."""
        return any(
            network.version == address.version and address in network
            for network, its_port in self.networks
            if its_port in {None, port}
        )


def _read(entry: str) -> tuple[str | Network, int | None]:
    if "://" in entry:
        raise InvalidAllow(entry, f"is a URL: {_FORMS}")
    if "/" in entry:
        return _network(entry), None
    host, port = _divided(entry)
    try:
        address = address_in(host)
    except NotAHost as error:
        raise InvalidAllow(entry, f"is not an address: {_FORMS}") from error
    if address is not None:
        return ip_network(plain(address)), port
    if not is_name(host):
        raise InvalidAllow(entry, f"is neither a name nor an address: {_FORMS}")
    return host.removesuffix(".").lower(), port


def _entry(network: Network, port: int | None) -> str:
    if port is None:
        return str(network)
    address = network.network_address
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _network(entry: str) -> Network:
    try:
        network = ip_network(entry)
    except ValueError as error:
        raise InvalidAllow(entry, f"is not a network: {error}") from error
    inner = plain(network.network_address)
    if inner.version != network.version:
        return IPv4Network((inner.packed, network.prefixlen - 96))
    return network


def _divided(entry: str) -> tuple[str, int | None]:
    """Divide `host`, `host:port`, `[::1]`, `[::1]:port` and `::1`."""
    if entry.startswith("["):
        host, bracket, rest = entry[1:].partition("]")
        colon, number = rest[:1], rest[1:]
        if not bracket or ":" not in host or (rest and colon != ":"):
            raise InvalidAllow(entry, f"is not an address: {_FORMS}")
    elif entry.count(":") == 1:
        host, colon, number = entry.partition(":")
    else:
        host, colon, number = entry, "", ""
    if not colon:
        return host, None
    if not (number.isascii() and number.isdigit()) or not 0 < int(number[:6]) < 65536:
        raise InvalidAllow(entry, f"has no port from 1 to 65535 after the colon: {_FORMS}")
    return host, int(number)
