"""Where the API listens: which address is allowed, and taking its port."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.bus.listening import Address, address_of, listen
from services.indexer.api.access.hosts import is_loopback
from services.observability import get_logger

if TYPE_CHECKING:
    import socket

    from services.settings import Settings

log = get_logger(__name__)

TRY_EVERY = 3.0
"""Seconds between two tries to take a port that is taken: whoever has it may end at any time."""


def resolved(host: str) -> Address:
    """The address that ``host`` means, IPv4 first; :class:`StopWorking` where it means none."""
    try:
        address = address_of(host)
    except OSError as error:
        raise StopWorking(
            f"the API can't listen on '{host}': {error.strerror}. Set WIREDESK_API_HOST to an "
            "address of this machine"
        ) from error
    if address is None:
        raise StopWorking(f"the API can't listen on '{host}': no IPv4 or IPv6 address")
    return address


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


__all__ = ["Address", "check_address", "listen", "resolved", "take_port"]
