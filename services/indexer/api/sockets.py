"""Where the API listens: which address is allowed, and taking its port."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.indexer.api.access.hosts import is_loopback
from services.observability import get_logger

if TYPE_CHECKING:
    from services.settings import Settings

log = get_logger(__name__)

TRY_EVERY = 3.0
"""Seconds between two tries to take a port that is taken: whoever has it may end at any time."""

BACKLOG = 512
"""Connections that the system holds until they are taken up; a page opens six at once."""

Address = tuple[socket.AddressFamily, str]


def resolved(host: str) -> Address:
    """The address that ``host`` means, IPv4 first; :class:`StopWorking` where it means none."""
    try:
        found = socket.getaddrinfo(
            host or "0.0.0.0",  # noqa: S104  (empty means every address; is refused without a token)
            None,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
    except OSError as error:
        raise StopWorking(
            f"the API can't listen on '{host}': {error.strerror}. Set WIREDESK_API_HOST to an "
            "address of this machine"
        ) from error
    families = {socket.AF_INET: 0, socket.AF_INET6: 1}
    known = [each for each in found if each[0] in families]
    if not known:
        raise StopWorking(f"the API can't listen on '{host}': no IPv4 or IPv6 address")
    family, _, _, _, address = min(known, key=lambda each: families[each[0]])
    return family, str(address[0])


def check_address(settings: Settings, *, tokens: bool) -> Address:
    """Where to listen; :class:`StopWorking` where others could reach it and need no token."""
    family, address = resolved(settings.api_host)
    if not tokens and not is_loopback(address):
        raise StopWorking(
            f"the API would be open to everybody who can reach {settings.api_host}: there is no "
            "token yet. Make one with `wiredesk tokens add NAME`, or set WIREDESK_API_HOST to "
            "127.0.0.1"
        )
    return family, address


def listen(address: Address, port: int) -> socket.socket:
    """A socket that listens; raises ``OSError``."""
    family, host = address
    # With the protocol said: only then asyncio sets TCP_NODELAY, without it answers wait 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port is free again as soon as its server has ended.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


async def take_port(
    settings: Settings, address: Address, stop: asyncio.Event
) -> socket.socket | None:
    """Listen, as soon as the port is free; None when told to stop before.

    Raises :class:`StopWorking` for what waiting doesn't mend.
    """
    told = False
    while not stop.is_set():
        try:
            return listen(address, settings.api_port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise StopWorking(
                    f"the API can't listen on {settings.api_host} port {settings.api_port}: "
                    f"{error.strerror}"
                ) from error
        if not told:
            told = True
            log.warning(
                "api.port_taken",
                host=settings.api_host,
                port=settings.api_port,
                advice="another program has the port. Everything else goes on; the API follows "
                "once it is free. Or set WIREDESK_API_PORT (0: any free one)",
            )
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TRY_EVERY)
    return None


def url_of(sock: socket.socket) -> str:
    """The address of a listening socket as a browser takes it; from this machine, if it is all."""
    host, port = sock.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (shown, not bound)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
