"""HTTP/1.1 as uvicorn speaks it, for clients that take their time only as long as is sensible."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 15.0
"""Seconds from a connection's beginning, or from the first byte of a request, to the end of the
request's head.  Without it, whoever opens connections and says nothing holds them for ever."""


class TimedProtocol(H11Protocol):
    """Closes a connection whose request doesn't come.

    uvicorn's own timeout is for the time between two requests only.
    """

    head_timeout = HEAD_TIMEOUT
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected: it is to ask something."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Some bytes: all of a request's head, or a part of it."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect()
        else:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._heard()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._late is None:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(self.head_timeout, self._give_up)

    def _heard(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if not self.transport.is_closing():
            self.transport.close()
