"""Requests with secrets in them, which may go only where their secrets are bound to."""

from collections.abc import Mapping
from typing import Any

from wfcore.errors import NodeError
from wfcore.outbound.address import address_in, plain
from wfcore.outbound.allow import AllowList
from wfcore.outbound.client import OutboundClient
from wfcore.outbound.http import HttpResponse

__all__ = ["BoundClient"]


class BoundClient:
    """The HTTP client of an attempt whose secrets are bound to hosts, redirects included.

    `bounds` are the hosts of each bound secret, by its name.
    """

    def __init__(self, client: OutboundClient, bounds: Mapping[str, AllowList]) -> None:
        self._client = client
        self.bounds = bounds

    async def request(self, method: str, url: str, **options: Any) -> HttpResponse:
        """Send a request, as `HttpClient.request` says; raises `SecretHost` as well."""
        return await self._client.request(method, url, **options, permit=self._permit)

    def _permit(self, host: str, port: int) -> None:
        """Refuse a host that one of the secrets is not bound to.

        Raises:
            NodeError: `SecretHost`.

        """
        address = address_in(host)
        for name, hosts in self.bounds.items():
            if address is None:
                allowed = hosts.opens_name(host, port)
            else:
                allowed = hosts.opens_address(plain(address), port)
            if not allowed:
                raise NodeError(
                    "SecretHost",
                    f"the secret {name} may not go to {host}:{port}:"
                    f" APP_SECRET_{name}_HOSTS, or its source, does not name it",
                )
