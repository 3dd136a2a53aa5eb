"""The process ends when it can't work: a restart policy can only mend what has ended.

FastStream keeps a process up whose subscriber has died, whose group is gone, or
whose loop hangs.  The watchdog looks at the same facts that readiness reports,
and names the one that failed.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from services.bus.agreement import noted
from services.bus.errors import StopWorking
from services.bus.groups import has_group
from services.bus.keys import Keys, StageSpec
from services.bus.vitals import BEAT_EVERY, LOOP_LIMIT, Pulse, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from services.bus.patience import Facts
    from services.settings import Settings

LOOK_EVERY = BEAT_EVERY
"""Seconds between two looks: a lost group should be back within a second or two."""

LOOK_LIMIT = 10.0
"""Seconds without an answer of the server after which the stage isn't ready: twice the time that
a connection which says nothing is waited for."""

STALL_LOOKS = 60
"""Looks of the thread without a turn of the loop before it is called stalled: about 30 s.
Counted in looks, not on a clock, so that SIGSTOP for a day doesn't count as a stall."""


class Exit(IntEnum):
    """Exit codes (the names of sysexits.h)."""

    OK = 0
    UNAVAILABLE = 69
    SOFTWARE = 70
    TEMPFAIL = 75
    CONFIG = 78


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the process must end."""

    reason: str
    code: Exit
    hangs: bool = False


class Watchdog:
    """Looks whether a stage still can do its work."""

    def __init__(self, spec: StageSpec, settings: Settings, redis: Redis, facts: Facts) -> None:
        self._spec = spec
        self._settings = settings
        self._redis = redis
        self._facts = facts
        self._unreachable_since: float | None = None
        self._answered_at: float | None = None
        self._trouble: str | None = None
        self._failure: Failure | None = None

    async def look(self, subscribers: Sequence[Any]) -> Failure | None:
        """The first thing that keeps the stage from working, or None."""
        # Looked at before the server is asked: a lost group ends the subscribers too, and
        # must be named as the cause even when it is lost between the two looks.
        dead = self._dead(subscribers)
        self._failure = self._fatal() or await self._server() or dead or self._stalled()
        return self._failure

    def working(self) -> Verdict:
        """Whether the last look found nothing that ends the process. From any thread."""
        failure = self._failure
        return Verdict(failure is None, None if failure is None else failure.reason)

    def reached(self) -> Verdict:
        """Whether the server answered lately, with the stage's group there. From any thread."""
        answered, trouble = self._answered_at, self._trouble
        age = None if answered is None else max(0.0, time.monotonic() - answered)
        if trouble is None and age is None:
            trouble = "not asked yet"
        elif trouble is None and age is not None and age > LOOK_LIMIT:
            trouble = f"no answer for more than {LOOK_LIMIT:g} s"
        return Verdict(trouble is None, trouble, age)

    def _fatal(self) -> Failure | None:
        if self._facts.fatal is None:
            return None
        meant = isinstance(self._facts.fatal, StopWorking)
        reason = f"{self._facts.fatal.__class__.__name__}: {self._facts.fatal}"
        return Failure(reason, Exit.CONFIG if meant else Exit.SOFTWARE)

    async def _server(self) -> Failure | None:
        try:
            keys = Keys.of(self._settings)
            there = await has_group(self._redis, keys, self._spec)
            note = await noted(self._redis, keys)
        except RedisError as error:
            self._trouble = f"the server doesn't answer: {error}"
            return self._unreachable(error)
        self._unreachable_since = self._trouble = None
        self._answered_at = time.monotonic()
        if note.change and keys.partitions not in (note.number, note.to):
            return Failure(f"this desk has {note.number} partitions now", Exit.CONFIG)
        if there and note.number == keys.partitions:
            return None
        return Failure(
            f"consumer group {self._spec.group!r} is gone (server emptied?); "
            "a restart creates it anew from the beginning",
            Exit.TEMPFAIL,
        )

    def _unreachable(self, error: RedisError) -> Failure | None:
        now = time.monotonic()
        if self._unreachable_since is None:
            self._unreachable_since = now
        if now - self._unreachable_since < self._settings.connect_timeout:
            return None
        waited = now - self._unreachable_since
        return Failure(f"no server for {waited:.0f} s: {error}", Exit.UNAVAILABLE)

    @staticmethod
    def _dead(subscribers: Sequence[Any]) -> Failure | None:
        for subscriber in subscribers:
            ended = [task for task in subscriber.tasks if task.done()]
            if ended or not subscriber.running or not subscriber.tasks:
                # Asked for here, the error is not shown again by asyncio as one nobody wanted.
                errors = [
                    f"{error.__class__.__name__}: {error}"
                    for task in ended
                    if not task.cancelled() and (error := task.exception()) is not None
                ]
                reason = "; ".join(["a subscriber has died", *errors])
                return Failure(reason, Exit.SOFTWARE)
        return None

    def _stalled(self) -> Failure | None:
        since = self._facts.busy_since
        if since is None or time.monotonic() - since < self._settings.handler_timeout:
            return None
        limit = self._settings.handler_timeout
        reason = f"one batch has been in work for more than {limit:g} s"
        return Failure(reason, Exit.SOFTWARE, hangs=True)


class LoopGuard:
    """Ends the process when the event loop itself no longer turns."""

    def __init__(
        self,
        stall_looks: int = STALL_LOOKS,
        look_every: float = LOOK_EVERY,
        pulse: Pulse | None = None,
    ) -> None:
        """``pulse`` is beaten at each turn, for who asks how the loop does."""
        self._turns = 0
        self._pulse = Pulse("loop", LOOP_LIMIT) if pulse is None else pulse
        self._stall_looks = stall_looks
        self._look_every = look_every
        self._over = threading.Event()

    async def turn(self) -> None:
        """Count turns of the loop until cancelled."""
        while True:
            self._turns += 1
            self._pulse.beat()
            await asyncio.sleep(self._look_every)

    def start(self) -> None:
        """Watch from a thread."""
        threading.Thread(target=self._watch, name="loop-guard", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._over.set()

    def _watch(self) -> None:
        seen, looks = -1, 0
        while not self._over.wait(self._look_every):
            looks = 0 if seen != self._turns else looks + 1
            seen = self._turns
            if looks >= self._stall_looks:
                # Nothing that needs the loop or a lock can be trusted now.
                sys.stderr.write("event loop stalled; ending the process\n")
                faulthandler.dump_traceback(file=sys.stderr)
                os._exit(Exit.SOFTWARE)
