"""The socket that the server listens on, taken before anything else is opened."""

import errno
import socket
from ipaddress import ip_address
from typing import Final

from wfcore.errors import WfError

__all__ = ["CannotListen", "address_of", "is_loopback", "listen"]

_BACKLOG: Final = 2048
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names, nothing is bound


class CannotListen(WfError):
    """The server cannot listen on the address that it was given."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. Raises `CannotListen`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, OverflowError, UnicodeError) as error:
        raise CannotListen(f"{host}:{port} is no address to listen on: {error}") from error
    # `localhost` is two addresses. Clients try both; tools that try one try IPv4.
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(_message(host, port, error)) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the URL under which this machine reaches a listening socket."""
    bound, port = listener.getsockname()[:2]
    host = str(_EVERYWHERE.get(bound, bound))
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine reaches a listening socket."""
    return ip_address(str(listener.getsockname()[0]).partition("%")[0]).is_loopback


def _message(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; stop what uses it, or choose another with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; choose another with --host"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights; choose one above 1023 with --port"
    return f"cannot listen on {host}:{port}: {error.strerror}"
