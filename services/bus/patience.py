"""Waiting for what is missing for now, without losing what one has in hand."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from services.bus.errors import StopWorking
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between tries while something is unavailable: doubles from the first to the longest."""

PASSING = ("OOM", "MISCONF", "BUSY ", "NOREPLICAS", "UNBLOCKED")
"""Codes of a server that will take the command later, where redis-py has no class for them."""

DoneT = TypeVar("DoneT")


@dataclass
class Facts:
    """What is known of a running stage; the watchdog and ``status`` look at it.

    ``halted``: why its failure budget keeps it from working, None while it works.
    """

    done: int = 0
    failed: int = 0
    busy_since: float | None = None
    waiting_for: str | None = None
    halted: str | None = None
    fatal: BaseException | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Stopping(Exception):  # noqa: N818  (a signal to unwind, not an error)
    """The process stops while a message waits; it stays pending for another worker."""


class Patience:
    """Waits between tries, says so once, and hears a stop meanwhile."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    async def wait(self, reason: str, pause: float) -> None:
        """Wait ``pause`` seconds; :class:`Stopping` when told to stop meanwhile."""
        if self._facts.waiting_for != reason:
            log.warning("stage.waiting", reason=reason)
            self._facts.waiting_for = reason
        with suppress(TimeoutError):
            await asyncio.wait_for(self._facts.stopping.wait(), pause)
        if self._facts.stopping.is_set():
            raise Stopping

    def over(self) -> None:
        """What was waited for is there again."""
        if self._facts.waiting_for is not None:
            log.info("stage.resumed", after=self._facts.waiting_for)
            self._facts.waiting_for = None

    async def insist(self, step: Callable[[], Awaitable[DoneT]]) -> DoneT:
        """Run a step on Redis until it is done: the server may be away or full for a while.

        Every script may be sent again.  What isn't a passing state (no permission,
        a wrong type) ends the process, by :class:`StopWorking`.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                done = await step()
            except RedisError as error:
                if isinstance(error, ResponseError) and not passes(error):
                    raise StopWorking(f"the server refuses: {error}") from error
                await self.wait(f"server: {error}", pause)
            else:
                self.over()
                return done
            pause = longer(pause)


def passes(error: ResponseError) -> bool:
    """Whether a server that answers so will take the command later."""
    # NoScriptError: it was restarted again between the loading of a script and its call.
    known = NoScriptError | OutOfMemoryError | ReadOnlyError | ClusterDownError | TryAgainError
    return isinstance(error, known) or str(error).startswith(PASSING)


def longer(pause: float) -> float:
    """The pause after ``pause``."""
    return min(2 * pause, LONGEST_PAUSE)
