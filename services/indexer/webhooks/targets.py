"""Where a webhook may go: public addresses, and those only, unless the settings allow others.

Whoever may add a webhook could otherwise have this machine call what only it can reach: its own
services, the neighbours in its network, the cloud's metadata.  A name is no proof of where it
leads, and may lead elsewhere a second later ("DNS rebinding").  So the address is checked when
a webhook is added and again for every connection, and the connection goes to the very address
that was checked.

Sources of the table: the IANA registries of special-purpose addresses for IPv4 and IPv6
(RFC 6890 and its updates), IPv4 multicast (RFC 5771), and the IPv6 unicast space in use (2000::/3).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import httpcore
import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
SocketOption: TypeAlias = (
    tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]
)

LOOKUP_THREADS = 32
"""Names looked up at once. Not asyncio's own threads: a name server that hangs would take
those from the indexer's work."""

ADDRESSES_TRIED = 4
"""Addresses of one name that are tried, one after the other: two of each family."""

ADDRESS_TIMEOUT = 3.0
"""Seconds for one of several addresses: a network without IPv6 that says nothing must leave
time for the next one."""

_REFUSED = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier (CGNAT)"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "a cloud's own service"),  # Azure's; public by its number only
        ("169.254.0.0/16", "link-local (where clouds keep their metadata)"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved for protocols"),  # a cloud's metadata is at 192.0.0.192
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a relay of 6to4"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("2001:db8::/32", "for documentation"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved for protocols"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "for documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
)

_IN_USE = ipaddress.ip_network("2000::/3")
"""The part of IPv6 that is given out for public use; all else is refused without a name."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 as a network without IPv4 sees it; what counts is the address within."""


class TargetRefused(ValueError):  # noqa: N818  (named for what became of it)
    """A URL or an address that a webhook may not go to; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: what is connected to, and what is asked for."""

    scheme: bytes
    host: str
    port: int
    path: bytes

    @classmethod
    def parse(cls, url: str) -> Target:
        """A URL as a webhook may have it; :class:`TargetRefused` says what is wrong."""
        try:
            parsed = httpx.URL(url)
            host = parsed.raw_host.decode("ascii")
        except (httpx.InvalidURL, UnicodeError, TypeError) as error:
            raise TargetRefused("this is no URL") from error
        if parsed.scheme not in {"http", "https"}:
            raise TargetRefused("a webhook's URL begins with https:// or http://")
        if parsed.userinfo:
            raise TargetRefused(
                "a name or password in the URL would be shown wherever the URL is; "
                "requests are signed, and the path may hold a token"
            )
        if not host:
            raise TargetRefused("the URL names no host")
        port = (443 if parsed.scheme == "https" else 80) if parsed.port is None else parsed.port
        if not 0 < port < 65536:  # noqa: PLR2004  (sixteen bits)
            raise TargetRefused("a port is a number from 1 to 65535")
        return cls(parsed.raw_scheme, host, port, parsed.raw_path)

    @property
    def url(self) -> httpcore.URL:
        """As httpcore takes it."""
        return httpcore.URL(
            scheme=self.scheme, host=self.host.encode(), port=self.port, target=self.path
        )


def refusal(address: Address) -> str | None:
    """Why a webhook may not go to an address, or None."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return refusal(address.ipv4_mapped)
        if address in _NAT64:
            return refusal(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    for network, what in _REFUSED:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, ipaddress.IPv6Address) and address not in _IN_USE:
        return "not in public use"
    return None


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system gives them; ``OSError`` where it has none."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


_lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="webhook-dns")


class Guard:
    """Finds the addresses of a host, and lets none through that is refused."""

    def __init__(self, *, private: bool, resolve: Resolve = look_up) -> None:
        """``private``: whether every address is allowed."""
        self._private = private
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """Where to connect; :class:`TargetRefused` if one address is refused, or there is none.

        One is enough: a name with a public and a private address is made for getting in.
        """
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise TargetRefused("the host's name leads to no address") from error
        if not found:
            raise TargetRefused("the host's name leads to no address")
        for text in found:
            why = None if self._private else refusal(_address(text))
            if why is not None:
                raise TargetRefused(
                    f"the host's address is {why}; set WIREDESK_WEBHOOK_PRIVATE_TARGETS=true "
                    "to allow addresses that are not public"
                )
        return list(found)


def _address(text: str) -> Address:
    """An address without its zone (``fe80::1%eth0``)."""
    return ipaddress.ip_address(text.partition("%")[0])


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses that a :class:`Guard` let through."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection; :class:`TargetRefused`, or httpcore's errors of the last address."""
        addresses = (await self._guard.addresses(host, port))[:ADDRESSES_TRIED]
        *others, last = addresses
        for address in others:
            try:
                return await self._network.connect_tcp(
                    address, port, ADDRESS_TIMEOUT, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore asks."""
        await asyncio.sleep(seconds)
