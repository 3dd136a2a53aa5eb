"""A pool of read-only stores: requests read in threads, the event loop never waits.

A store is opened when it is first needed and kept.  It is opened anew after an error, and
when its file was replaced by another one (a backup that was brought back).
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from services.bus.errors import StopWorking, Unavailable
from services.indexer.api.problems import RETRY_AFTER, ProblemError
from services.indexer.store.base import BadQuery
from services.indexer.store.opening import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.indexer.store.base import ArticleStore
    from services.settings import Settings

Result = TypeVar("Result")
Identity = tuple[int, int]

READERS = 4
"""Stores open at once. Reading waits for the disk and SQLite leaves Python's lock while it
works, so a few more than two cores are of use; each takes a few MB."""

MAX_WAITING = 256
"""Reads that may wait for a store. At 5 ms each they are done within a third of a second;
where more wait, the desk is overloaded and says so, before memory grows."""

_HARMLESS = (BadQuery, ProblemError)
"""Errors that are the request's, not the store's."""


@dataclass(frozen=True, slots=True)
class _Opened:
    store: ArticleStore
    identity: Identity | None


class Readers:
    """Read-only stores of the settings; may be used from several event loops."""

    def __init__(self, settings: Settings, size: int = READERS) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="api-reader")
        self._lock = threading.Lock()
        self._idle: list[_Opened] = []
        self._unfinished = 0
        self._most = size + MAX_WAITING
        self._closed = False

    async def read(self, work: Callable[[ArticleStore], Result]) -> Result:
        """What ``work`` makes of a store, in a thread.

        ``ProblemError`` (503) where nothing was stored yet or too many are waiting;
        ``Unavailable`` and ``StopWorking`` where the store can't be read.
        """
        self._enter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, work)
        finally:
            with self._lock:
                self._unfinished -= 1

    def _enter(self) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("the API is stopping")
            if self._unfinished >= self._most:
                raise _busy("Too many requests are being answered. Try again in a few seconds.")
            self._unfinished += 1

    def _work(self, work: Callable[[ArticleStore], Result]) -> Result:
        kept = self._take()
        if kept is not None:
            # What was left open may be of a server that went away meanwhile.
            with suppress(Unavailable, StopWorking):
                return self._use(kept, work)
        return self._use(self._open(), work)

    def _take(self) -> _Opened | None:
        """A store that is open and still the desk's; None where there is none."""
        with self._lock:
            opened = self._idle.pop() if self._idle else None
        if opened is None or opened.identity == self._identity():
            return opened
        opened.store.close()
        return self._take()

    def _use(self, opened: _Opened, work: Callable[[ArticleStore], Result]) -> Result:
        try:
            result = work(opened.store)
        except _HARMLESS:
            self._give_back(opened)
            raise
        except BaseException:
            _close(opened)
            raise
        self._give_back(opened)
        return result

    def _open(self) -> _Opened:
        identity = self._identity()
        if identity is None and self._settings.store_url is None:
            raise _busy("No article has been stored yet.")
        return _Opened(open_store(self._settings, read_only=True), identity)

    def _identity(self) -> Identity | None:
        """Which file the store is; None where it isn't there, or is no file."""
        if self._settings.store_url is not None:
            return None
        try:
            held = self._settings.store.stat()
        except OSError:
            return None
        return held.st_dev, held.st_ino

    def _give_back(self, opened: _Opened) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(opened)
                return
        _close(opened)

    def close(self) -> None:
        """Wait for the reads in work, then close every store; again is harmless."""
        with self._lock:
            self._closed = True
        self._threads.shutdown()
        with self._lock:
            idle, self._idle = self._idle, []
        for opened in idle:
            _close(opened)


def _close(opened: _Opened) -> None:
    # It failed already, or the process ends: the first error is the news.
    with suppress(Unavailable, StopWorking):
        opened.store.close()


def _busy(detail: str) -> ProblemError:
    return ProblemError(503, "unavailable", detail, headers={"retry-after": str(RETRY_AFTER)})
