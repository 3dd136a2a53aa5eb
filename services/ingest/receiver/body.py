"""The body of a request as it comes: piece by piece, and only as long as enough of it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol

from services.ingest.receiver.refused import CutOff, Refused

if TYPE_CHECKING:
    from services.ingest.receiver.digests import Declared

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MIN_BYTES = 16 * 1024
"""Bytes that must come within each ``drop_timeout``: with its 30 s about 4 kbit/s."""

LINGER_BYTES = 4 * 1024 * 1024
"""Bytes of a refused upload that are read and thrown away, so that its sender, who may still be
sending, gets to read why: closing on what nobody has read would take the answer away."""

LINGER_SECONDS = 2.0
"""Seconds that this may take."""


class Pieces(Protocol):
    """The bytes of a file on their way. ``late``: digests that came behind them."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces, in order."""

    def late(self) -> list[Declared]:
        """What the sender said of the file after it; known once the pieces have ended."""


class Body:
    """A request's body. Iterating raises :class:`Refused` for a slow sender, :class:`CutOff`."""

    def __init__(
        self,
        receive: Receive,
        timeout: float,
        *,
        expects_continue: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive = receive
        self._timeout = timeout
        self._clock = clock
        self._waits_for_us = expects_continue
        self._ended = False
        self._gone = False

    def late(self) -> list[Declared]:
        """Nothing comes behind a plain body."""
        return []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left, got = self._timeout, 0
        while not self._ended:
            began = self._clock()
            piece = await self._next(left)
            # Only waiting counts: a disk that is slow is no fault of the sender's.
            left -= self._clock() - began
            got += len(piece)
            if got >= MIN_BYTES:
                left, got = self._timeout, 0
            if piece:
                yield piece

    async def _next(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408,
                "too-slow",
                f"less than {MIN_BYTES} bytes of the file came in {self._timeout:g} s",
            ) from None
        self._waits_for_us = False
        if message["type"] == "http.disconnect":
            self._ended = self._gone = True
            raise CutOff
        self._ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def linger(self) -> None:
        """Read what a refused sender still sends, some of it and for a short time.

        Not where it waits for our word before it sends anything.
        """
        if self._ended or self._waits_for_us:
            return
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0 and not self._ended:
                    left -= len(await self._next(LINGER_SECONDS))
        except (TimeoutError, Refused, CutOff):
            return
