"""Which addresses are special: not a service on the internet, but a place inside some network.

The tables are ours: what Python calls global differs between its versions, and knows neither the
metadata services that clouds keep on public addresses nor every way to write IPv4 inside IPv6.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, NamedTuple

from wfcore.outbound.address import Address

__all__ = ["rule_against"]

_METADATA: Final = "a cloud's metadata service"

_SPECIAL: Final = tuple(
    (ip_network(network), words)
    for network, words in (
        ("169.254.169.254/32", _METADATA),
        ("169.254.170.2/32", _METADATA),
        ("168.63.129.16/32", _METADATA),
        ("100.100.100.200/32", _METADATA),
        ("192.0.0.192/32", _METADATA),
        ("0.0.0.0/8", "this host itself"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address of a provider's own network"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "an address of protocols"),
        ("192.0.2.0/24", "an address of documentation"),
        ("192.88.99.0/24", "a relay of 6to4"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address of benchmarks"),
        ("198.51.100.0/24", "an address of documentation"),
        ("203.0.113.0/24", "an address of documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("fd00:ec2::254/128", _METADATA),
        ("fd20:ce::254/128", _METADATA),
        ("::/128", "this host itself"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "an address of a network's own NAT64"),
        ("100::/64", "an address that discards"),
        ("2001:db8::/32", "an address of documentation"),
        ("3fff::/20", "an address of documentation"),
        ("5f00::/16", "an address of segment routing"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
# After the forms that hold IPv4: Teredo lies within.
_PROTOCOLS: Final = IPv6Network("2001::/23")
_UNICAST: Final = IPv6Network("2000::/3")
_ISATAP: Final = 0x5EFE


class _Form(NamedTuple):
    """A way to write an IPv4 address inside an IPv6 one; `shift` is where it ends, in bits."""

    network: IPv6Network
    name: str
    shift: int
    in_use: bool
    """Else obsolete: nobody reaches a public service by it."""


_FORMS: Final = (
    _Form(IPv6Network("::ffff:0:0/96"), "IPv4-mapped", 0, in_use=True),
    _Form(IPv6Network("64:ff9b::/96"), "NAT64", 0, in_use=True),
    _Form(IPv6Network("::/96"), "IPv4-compatible", 0, in_use=False),
    _Form(IPv6Network("::ffff:0:0:0/96"), "SIIT", 0, in_use=False),
    _Form(IPv6Network("2002::/16"), "6to4", 80, in_use=False),
    _Form(IPv6Network("2001::/32"), "Teredo", 0, in_use=False),
)


def rule_against(address: Address) -> str | None:
    """Return what kind of special address this is, with its network; None for a global one."""
    rule = _named(address)
    if rule is not None:
        return rule
    if isinstance(address, IPv4Address):
        return None if address.is_global else "no address of the internet"
    for form in _FORMS:
        if address in form.network:
            return _inside(form, address)
    if int(address) >> 32 & 0xFDFF_FFFF == _ISATAP:
        inner = rule_against(IPv4Address(int(address) & 0xFFFF_FFFF))
        if inner is not None:
            return f"{inner} inside an ISATAP address"
    if address in _PROTOCOLS:
        return f"an address of protocols ({_PROTOCOLS})"
    return None if address in _UNICAST else "no address of the internet"


def _named(address: Address) -> str | None:
    for network, words in _SPECIAL:
        if _holds(network, address):
            return words if words is _METADATA else f"{words} ({network})"
    return None


def _holds(network: IPv4Network | IPv6Network, address: Address) -> bool:
    return network.version == address.version and address in network


def _inside(form: _Form, address: IPv6Address) -> str | None:
    bits = int(address) >> form.shift & 0xFFFF_FFFF
    if form.name == "Teredo":
        bits ^= 0xFFFF_FFFF
    rule = rule_against(IPv4Address(bits))
    if rule is not None:
        return f"{rule} inside a form of IPv6 ({form.name}, {form.network})"
    return None if form.in_use else f"an obsolete form of IPv6 ({form.name}, {form.network})"
