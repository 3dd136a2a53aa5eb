"""The tokens as a running server knows them: read again and again, so that a change soon holds.

A request is judged by what is in memory: it never waits for the store.  Where the store can't
be read for a while, nobody is let in (a token may have been taken away), and the answer says so.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking, Unavailable
from services.observability import get_logger
from services.serving import tokens
from services.serving.tokens import Holder, TokenBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.serving.tokens import Registry

log = get_logger(__name__)

READ_EVERY = 1.0
"""Seconds between two readings: a token that is added or removed counts after that time, and a
reading is one look into a table of a few rows."""

TRUSTED_FOR = 30.0
"""Seconds that a reading is believed while the store can't be read: a database that restarts is
back sooner; who removes a token from one that is away must not wait long for it to hold."""

NOTE_USE_EVERY = 600.0
"""Seconds between two notes of when a token was last used: enough to find those that nobody
uses, and no write for each request."""


def _now() -> datetime:
    return datetime.now(UTC)


class TokenTable:
    """Knows the valid tokens of one desk.

    ``reader`` gives the registry to read from (kept open between readings);
    ``writer`` one to note uses in, which is closed after it.  ``clock`` tells the time that
    tokens expire by, ``monotonic`` seconds.
    """

    def __init__(
        self,
        reader: Callable[[], Registry],
        writer: Callable[[], Registry] | None = None,
        *,
        clock: Callable[[], datetime] = _now,
        monotonic: Callable[[], float] = time.monotonic,
        every: float = READ_EVERY,
    ) -> None:
        self._open = reader
        self._writer = writer
        self._clock = clock
        self._monotonic = monotonic
        self._every = every
        self._registry: Registry | None = None
        self._book = TokenBook({})
        self._read_at: float | None = None
        self._failing = False
        self._used: dict[str, datetime] = {}
        self._noted_at = monotonic()

    @property
    def trusted(self) -> bool:
        """Whether the tokens were read lately enough to judge by."""
        read_at = self._read_at
        return read_at is not None and self._monotonic() - read_at < TRUSTED_FOR

    @property
    def any(self) -> bool:
        """Whether there is any token: then every request needs one."""
        return bool(self._book)

    def holder(self, text: str) -> Holder | None:
        """Who presents this token; None where it isn't valid."""
        now = self._clock()
        found = self._book.holder(text, now)
        if found is not None:
            self._used[found.id] = now
        return found

    def holds(self, holder: Holder | None) -> bool:
        """Whether a request that was let in as ``holder`` (None: without a token) may go on."""
        if not self.trusted:
            return False
        return not self.any if holder is None else self._book.holds(holder, self._clock())

    def read(self) -> None:
        """Read the tokens. Blocks; raises ``Unavailable`` and ``StopWorking``."""
        if self._registry is None:
            self._registry = self._open()
        self._book = TokenBook(tokens.read(self._registry))
        self._read_at = self._monotonic()

    def close(self) -> None:
        """Release the store."""
        registry, self._registry = self._registry, None
        _close(registry)

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Read again and again while the context lasts."""
        task = asyncio.create_task(self._keep_fresh(), name="tokens")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await asyncio.to_thread(self._end)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.to_thread(self.refresh)
            await asyncio.sleep(self._every)

    def refresh(self) -> None:
        """Read again, and note uses where it is time to; a store that is away is only told of."""
        try:
            self.read()
            if self._monotonic() - self._noted_at >= NOTE_USE_EVERY:
                self._note_use()
        except (Unavailable, StopWorking) as error:
            if not self._failing:
                log.warning("api.tokens_unknown", reason=str(error), trusted_for_s=TRUSTED_FOR)
            self._failing = True
            # A connection that broke is made anew.
            self.close()
        else:
            self._failing = False

    def _note_use(self) -> None:
        self._noted_at = self._monotonic()
        used, self._used = self._used, {}
        if not used or self._writer is None:
            return
        registry = self._writer()
        try:
            tokens.note_use(registry, used)
        finally:
            _close(registry)

    def _end(self) -> None:
        with suppress(Unavailable, StopWorking):
            self._note_use()
        self.close()


def _close(registry: Registry | None) -> None:
    close = getattr(registry, "close", None)
    if close is not None:
        with suppress(Unavailable, StopWorking):
            close()
