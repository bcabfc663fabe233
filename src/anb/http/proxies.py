"""Who is at the other end, where proxies stand between. Only a proxy that is named in the settings is believed."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)

Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(text: str) -> Networks:
    """`127.0.0.1, 10.0.0.0/8`. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Networks) -> str:
    """The right-most address that no trusted proxy has: whatever stands left of it, anybody may have written.

    `forwarded_for` are the values of X-Forwarded-For in their order; each proxy adds its own peer at the right.
    """
    address = peer
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    while hops and _is_trusted(address, trusted):
        hop = _parsed(hops.pop())
        if hop is None:
            break
        address = str(hop)
    return address


class BehindProxies:
    """Puts the client's address, and the scheme that the client used, where ASGI has those of the peer."""

    def __init__(self, app: ASGIApp, trusted: Networks) -> None:
        self.app = app
        self.trusted = trusted
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            self._look_behind(scope)
        await self.app(scope, receive, send)

    def _look_behind(self, scope: Scope) -> None:
        peer, port = scope["client"]
        if not _is_trusted(peer, self.trusted):
            self._warn_once(scope)
            return
        forwarded_for = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        scope["client"] = (client_address(peer, forwarded_for, self.trusted), port)
        schemes = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        if schemes in ([b"http"], [b"https"]):
            scope["scheme"] = schemes[0].decode()

    def _warn_once(self, scope: Scope) -> None:
        """Behind a proxy that nobody named, all people would share one address, and its limits."""
        if self._has_warned or not any(name == b"x-forwarded-for" for name, _ in scope["headers"]):
            return
        peer = _parsed(scope["client"][0])
        if peer is not None and peer.is_private:
            self._has_warned = True
            log.warning("forwarded_header_ignored", peer=str(peer), fix="name your proxy in ANB_TRUSTED_PROXIES")


@lru_cache(1024)
def _is_trusted(address: str, trusted: Networks) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, perhaps with a port as some proxies write it; IPv4 inside IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
