"""Where the API listens: which address is allowed, and taking its port."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.observability import get_logger
from services.serving.hosts import is_loopback
from services.serving.sockets import Place

if TYPE_CHECKING:
    import asyncio
    import socket

    from services.bus.listening import Address
    from services.settings import Settings

log = get_logger(__name__)


def check_address(settings: Settings, *, tokens: bool) -> Address:
    """Where to listen; :class:`StopWorking` where others could reach it and need no token."""
    family, address = _place(settings).address()
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
    return await _place(settings).listening(address, stop, partial(_say_taken, settings))


def _place(settings: Settings) -> Place:
    return Place("the API", settings.api_host, settings.api_port, "WIREDESK_API_HOST")


def _say_taken(settings: Settings) -> None:
    log.warning(
        "api.port_taken",
        host=settings.api_host,
        port=settings.api_port,
        advice="another program has the port. Everything else goes on; the API follows "
        "once it is free. Or set WIREDESK_API_PORT (0: any free one)",
    )
