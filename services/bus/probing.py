"""How a stopped stage begins again: when an operator says so, or when single messages pass.

While a stage is stopped its workers stay up and read nothing, so that no restart policy burns
through restarts.  In turns, with growing pauses, one of them takes one message and works on it.
It is a real one, the oldest that waits (the next time the one after it, so that one bad article
can't keep the stage stopped), and not a copy of a dead letter: what a handler does with a copy
can't be taken back (the indexer files it, the journal notes it), while a real message that
passes is simply done, exactly once like any other.  One that fails stays pending as it was:
while a stage is stopped nothing is buried.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from services.bus.connect import cancel
from services.bus.envelope import bytes_of
from services.bus.keys import Keys
from services.bus.partitions import named, place_of
from services.bus.patience import Stopping, passes
from services.bus.positions import entry_id, written
from services.bus.scripts import Scripts
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

    from services.bus.budget import Halt
    from services.bus.stage import Stage
    from services.settings import Settings

log = get_logger(__name__)

ENOUGH = 3
"""Messages that must pass in a row: one may be lucky, and with three the stage is back within
seconds of being mended."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds after a message that failed: doubles from the first to the longest. A cause that passes
is often gone within seconds; one that an operator mends is noticed within five minutes."""

NEXT_PAUSE = 1.0
"""Seconds after a message that passed, and after a look that found none."""

START = "0-0"


class Gate:
    """Whether a stage may read. ``begin`` is called once, when it may.

    Look at it every now and then, from one task.
    """

    def __init__(
        self, stage: Stage, settings: Settings, redis: Redis, begin: Callable[[], Awaitable[None]]
    ) -> None:
        self.open = False
        self._stage = stage
        self._redis = redis
        self._begin = begin
        self._keys = Keys.of(settings)
        self._scripts = Scripts(redis, self._keys, settings.marker_ttl)
        self._idle_ms = int(settings.claim_after * 1000)
        self._lease = settings.handler_timeout
        self._probe: asyncio.Task[None] | None = None

    async def look(self) -> bool:
        """Open the gate, or probe while it must stay shut; False where the process must end.

        It must when the gate is open and the stage was stopped.
        """
        if self._stage.facts.halted is not None and self.open:
            return False
        try:
            halt = await self._stage.budget.halt()
        except RedisError as error:
            if isinstance(error, ResponseError) and not passes(error):
                raise
            return True  # a server that is away is the watchdog's to judge
        if self.open:
            return halt is None or self._obey(halt)
        if self._probe is not None and not self._probe.done():
            return True
        await self._go_on(halt)
        return True

    async def close(self) -> None:
        """Stop probing; what was in hand is given back."""
        if self._probe is not None:
            await cancel(self._probe)

    def _obey(self, halt: Halt) -> bool:
        """Another worker stopped the stage while this one had nothing to do."""
        self._stage.facts.halted = halt.reason
        log.error("stage.halt_obeyed", stage=halt.stage, group=halt.group, reason=halt.reason)
        return False

    async def _go_on(self, halt: Halt | None) -> None:
        known = self._stage.facts.halted
        self._stage.facts.halted = None if halt is None else halt.reason
        if halt is None:
            await self._begin()
            self.open = True
            if known is not None:
                log.info("stage.halt_over", stage=self._stage.spec.name, after=known)
            return
        if known is None:
            log.warning("stage.still_halted", stage=halt.stage, reason=halt.reason)
        self._probe = asyncio.create_task(self._turn(halt), name="probe")

    async def _turn(self, halt: Halt) -> None:
        """Try one message, if it is time and this worker's turn."""
        try:
            await self._try(halt)
        except (RedisError, Stopping):
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  (as for any batch: the watchdog ends the process)
            self._stage.facts.fatal = error

    async def _try(self, halt: Halt) -> None:
        after = await self._scripts.next_probe(halt.group, self._lease)
        if isinstance(after, bool):
            return
        found = await self._next(after)
        passed = None if found is None else await self._stage.probe(*found)
        tried = START if found is None else named(self._keys.at(found[2]), found[0])
        pause = NEXT_PAUSE if passed is not False else pause_after(halt.failed)
        if await self._scripts.probed(halt.group, tried, passed=passed, enough=ENOUGH, pause=pause):
            log.warning("stage.probes_passed", stage=halt.stage, passed=ENOUGH, after=halt.reason)

    async def _next(self, after: str) -> tuple[str, bytes, int] | None:
        """A message behind ``after`` in its partition, else the oldest of the next ones.

        Its id, its bytes, and its partition.
        """
        try:
            first, last = place_of(self._keys, after)
        except ValueError:  # of a partition that is there no more
            first, last = self._keys.at(0), START
        for keys in self._keys.each()[first.partition :]:
            found = await self._next_in(keys, last if keys == first else START)
            if found is not None:
                return (*found, keys.partition)
        return None

    async def _next_in(self, keys: Keys, after: str) -> tuple[str, bytes] | None:
        """The oldest message behind ``after`` that nobody works on: pending, else a new one."""
        ms, number = entry_id(after)
        start: Any = written((ms, number + 1))
        consumer, key = self._stage.consumers[1], keys.stream(self._stage.spec.reads)
        while start not in {START, START.encode()}:
            answer: Any = await self._redis.xautoclaim(
                key, self._stage.spec.group, consumer, self._idle_ms, start, count=1
            )
            start = answer[0]
            if answer[1]:
                return _read(answer[1][0])
        new: Any = await self._redis.xreadgroup(
            self._stage.spec.group, consumer, {key: ">"}, count=1
        )
        return _read(new[0][1][0]) if new else None


def pause_after(failed: int) -> float:
    """Seconds until the next trial after one that failed, when ``failed`` had before it."""
    doublings = min(failed, 10)  # 2**10 times the first is far above the longest
    return min(FIRST_PAUSE * 2.0**doublings, LONGEST_PAUSE)


def _read(entry: tuple[bytes, dict[bytes, bytes]]) -> tuple[str, bytes]:
    """An entry's id and bytes, as the stage's own subscribers give them."""
    name, fields = entry
    return name.decode(), bytes_of(fields)
