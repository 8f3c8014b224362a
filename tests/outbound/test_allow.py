"""Reading what an operator allows."""

from ipaddress import ip_address

import pytest

from wfcore.outbound.allow import AllowList, InvalidAllow
from wfcore.outbound.client import OutboundClient


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " ",
        "http://127.0.0.1:8123",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999",
        "127.0.0.1:http",
        "127.0.0.1:８０",
        "127.0.0.256",
        "1.2.3.4.5",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/8:80",
        "host/8",
        "[::1",
        "[::1]80",
        "[::1]:",
        "[host]:80",
        "::1::",
        "fe80::1%eth0",
        "*.example.com",
        "*",
        "a b",
        "-a.example",
        "bücher.example",
        "user@host",
        "a..b",
        "a" * 64,
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_by_its_own_words(entry: str) -> None:
    with pytest.raises(InvalidAllow) as caught:
        OutboundClient(["good.example", entry])
    assert repr(entry.strip()) in str(caught.value)


def test_one_text_is_no_list_of_entries() -> None:
    with pytest.raises(InvalidAllow, match="give a list"):
        AllowList.read("127.0.0.1")


@pytest.mark.parametrize(
    ("entry", "address", "port", "opens"),
    [
        ("[::1]:80", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
        ("[::1]", "::1", 81, True),
        ("::1", "::1", 81, True),
        ("fd00::/8", "fd12::1", 80, True),
        ("fd00::/8", "fe80::1", 80, False),
        ("  10.0.0.0/8  ", "10.9.9.9", 80, True),
        ("10.0.0.0/8", "::10.9.9.9", 80, False),
        ("::ffff:10.0.0.0/104", "10.9.9.9", 80, True),
    ],
)
def test_addresses_are_opened_by_entry_and_port(
    entry: str, address: str, port: int, opens: bool
) -> None:
    assert AllowList.read([entry]).opens_address(ip_address(address), port) is opens


def test_a_service_name_of_a_container_network_is_a_name() -> None:
    allow = AllowList.read(["my_service:8080"])
    assert allow.opens_name("my_service", 8080)
    assert not allow.opens_name("my_service", 8081)
