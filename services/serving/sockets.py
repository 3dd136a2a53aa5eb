"""Where our servers listen: what an address means, and taking a port as soon as it is free."""

from __future__ import annotations

import asyncio
import errno
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.bus.listening import Address, address_of, listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TRY_EVERY = 3.0
"""Seconds between two tries to take a port that is taken: whoever has it may end at any time."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is to listen; ``what`` names it in errors, ``setting`` is its host's."""

    what: str
    host: str
    port: int
    setting: str

    def address(self) -> Address:
        """The address that the host means, IPv4 first; :class:`StopWorking` where it means none."""
        try:
            address = address_of(self.host)
        except OSError as error:
            raise StopWorking(
                f"{self.what} can't listen on '{self.host}': {error.strerror}. Set {self.setting} "
                "to an address of this machine"
            ) from error
        if address is None:
            raise StopWorking(f"{self.what} can't listen on '{self.host}': no IPv4 or IPv6 address")
        return address

    async def listening(
        self, address: Address, stop: asyncio.Event, taken: Callable[[], None]
    ) -> socket.socket | None:
        """Listen, as soon as the port is free; None when told to stop before.

        ``taken`` is called once, where it isn't free at first.  Raises :class:`StopWorking` for
        what waiting doesn't mend.
        """
        told = False
        while not stop.is_set():
            try:
                return listen(address, self.port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise StopWorking(
                        f"{self.what} can't listen on {self.host} port {self.port}: "
                        f"{error.strerror}"
                    ) from error
            if not told:
                told = True
                taken()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), TRY_EVERY)
        return None
