"""Events for many clients from one reader: live from memory, and from Redis for who is behind.

Each client has a position and nothing else: no queue that could grow.  One that is slow, or
comes back after an hour, reads from Redis in small pieces until it meets the ring of
:class:`services.bus.tail.Tail`; the others don't notice.

What holds:

* Whoever follows positions is given every event that passes its filter once, in one order,
  across reconnections and restarts of this process or of the server.
* Where events behind a position are gone, a :class:`Gap` is given in their place.
* Nothing but the server's trim (:mod:`services.bus.retention`) makes a gap, and a server that
  has lost its data.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from services import metrics
from services.bus.connect import cancel, client, server_url
from services.bus.errors import StopWorking
from services.bus.follower import Delivery, Follower, Gap, Item, Passed
from services.bus.keys import Keys
from services.bus.lines import by_partition, key_of, lines_of
from services.bus.patience import FIRST_PAUSE, longer
from services.bus.positions import (
    FIRST,
    EntryId,
    Position,
    between,
    entry_id,
    just_before,
    written,
)
from services.bus.tail import FEED_STREAMS, Reader, Tail
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from redis.asyncio import Redis

    from services.bus.filters import EventFilter
    from services.bus.keys import Stream
    from services.bus.positions import Start
    from services.settings import Settings

log = get_logger(__name__)

BEAT = 15.0
"""Seconds after which a client that was given nothing is told where it is: half of the 30 s after
which impatient proxies cut a line that is silent."""

BLOCK = 1000
"""Milliseconds that one read waits; well below the socket timeout."""

LONGEST_WAIT = 1.0
"""Seconds between two looks for a server that is away, at most."""

READ_COUNT = 50
"""Entries of each stream read at once for the ring: about 400 kB at 8 kB each."""

READS_AT_ONCE = 8
"""Clients that read from Redis at the same time; the others wait their turn. Each read is a
connection, and takes a millisecond."""

CLOCK_DOUBT_MS = 60_000
"""How far back a point in an empty stream lies: a server's clock may be set back by as much, and
nothing that comes is missed."""


class Feed:
    """Reads the streams once for all clients of this process and this event loop."""

    def __init__(self, settings: Settings, *, beat: float = BEAT) -> None:
        """``beat``: seconds between two signs of life for a client that gets nothing else."""
        self._settings = settings
        self._keys = Keys.of(settings)
        self._parts = by_partition(self._keys, lines_of(self._keys, FEED_STREAMS))
        self._redis: Redis | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(READS_AT_ONCE)
        self.tail = Tail()
        self.reader = Reader()
        self.beat = beat
        self.ending = False
        self.clients = 0
        self.connections = 0
        """How often the server was connected to: after each time, positions are looked at anew."""

    def start(self) -> None:
        """Begin to read; a server that isn't there is waited for. Call it in the loop."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="feed")
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A feed that reads no more must not look as if nothing happened: its clients go."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("feed.failed", reason=repr(error), exc_info=error)
            self.end()

    def end(self) -> None:
        """Let every client's stream end, soon; may be called from another thread, and again."""
        self.ending = True
        if self._loop is not None and not self._loop.is_closed():
            with suppress(RuntimeError):  # the loop was closed just now: nobody waits in it
                self._loop.call_soon_threadsafe(self.tail.wake)

    async def close(self) -> None:
        """End, and stop reading."""
        self.end()
        if self._task is not None:
            await cancel(self._task)
            self._task = None
        await self._disconnect()

    async def _run(self) -> None:
        pause, told = FIRST_PAUSE, False
        while not self.ending:
            try:
                redis = await self._connect()
                pause, told = FIRST_PAUSE, False
                await self._read(redis)
            except (RedisError, OSError, StopWorking) as error:
                if not told:
                    log.warning("feed.waiting", reason=str(error))
                    told = True
                await self._disconnect()
                await self.tail.wait(pause)
                pause = min(longer(pause), LONGEST_WAIT)

    async def _connect(self) -> Redis:
        # Each break must be seen: what the server knows after a restart may be less than before.
        redis = client(server_url(self._settings), retries=0)
        try:
            ends = await self._ends(redis)
        except BaseException:
            await redis.aclose()
            raise
        if any(ends[name] < last and not between(last) for name, last in self.tail.last.items()):
            # The server has lost its last events, or all: the ring's aren't there any more.
            self.tail.begin(ends)
        elif not self.tail.last:
            self.tail.begin(ends)
        self._redis = redis
        self.connections += 1
        self.tail.wake()
        return redis

    async def _disconnect(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(RedisError, OSError):
                await redis.aclose()

    async def _ends(self, redis: Redis) -> dict[str, EntryId]:
        """Where each stream ends now."""
        ends: dict[str, EntryId] = {}
        for _, lines in self._parts:
            async with redis.pipeline(transaction=True) as pipe:
                pipe.time()
                for line in lines:
                    pipe.xinfo_stream(self.key(line))
                (seconds, _), *infos = await pipe.execute(raise_on_error=False)
            empty = just_before(int(seconds) * 1000 - CLOCK_DOUBT_MS)
            ends |= {
                line.name: _last_of(info, empty) for line, info in zip(lines, infos, strict=True)
            }
        return ends

    async def _read(self, redis: Redis) -> None:
        """Put into the ring what is new, for as long as nothing fails.

        Partitions are read side by side: in a cluster each may lie on another node, and one
        that is silent must not hold up the others.
        """
        reading = [asyncio.create_task(self._read_on(redis, lines)) for _, lines in self._parts]
        try:
            done, _ = await asyncio.wait(reading, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            await cancel(*reading)
            await asyncio.gather(*reading, return_exceptions=True)

    async def _read_on(self, redis: Redis, lines: Sequence[Stream]) -> None:
        named = {self.key(line).encode(): line for line in lines}
        while not self.ending:
            last: Any = {self.key(line): written(self.tail.last[line.name]) for line in lines}
            answer: Any = await redis.xread(last, count=READ_COUNT, block=BLOCK)
            given = [(named[key], rows) for key, rows in answer]
            self.tail.add(self.reader.merged(given, READ_COUNT))

    def lines_of(self, wanted: EventFilter) -> tuple[Stream, ...]:
        """The lines of the types that are asked for."""
        streams = [s for s in FEED_STREAMS if s.event.full_name in wanted.types]
        return lines_of(self._keys, streams)

    def parts(self, lines: Sequence[Stream]) -> list[tuple[Keys, tuple[Stream, ...]]]:
        """These lines by partition: what can be asked for at one moment."""
        return by_partition(self._keys, lines)

    async def follow(
        self, wanted: EventFilter, start: Start | Position
    ) -> AsyncGenerator[Item, None]:
        """What passes, from a start or behind a position, until the feed ends.

        First comes a :class:`Passed`, so that a client has a position from the beginning.
        """
        self.clients += 1
        metrics.EVENT_CLIENTS.inc()
        try:
            follower = Follower(self, self.lines_of(wanted), wanted)
            while not await follower.begin(start):
                if self.ending:
                    return
                yield Passed(None)
            async for item in follower.items():
                yield item
        finally:
            self.clients -= 1
            metrics.EVENT_CLIENTS.dec()

    async def asked(self, ask: Callable[[Any], object], *, atomic: bool) -> list[Any] | None:
        """Answers to some commands, errors among them; None where the server is away."""
        async with self._turns:
            redis = self._redis
            if redis is None:
                return None
            try:
                async with redis.pipeline(transaction=atomic) as pipe:
                    ask(pipe)
                    answers: list[Any] = await pipe.execute(raise_on_error=False)
            except (RedisError, OSError):
                return None
        away = (RedisError, OSError)
        broken = [a for a in answers if isinstance(a, away) and not isinstance(a, ResponseError)]
        return None if broken else answers

    def key(self, line: Stream) -> str:
        """Key of a line."""
        return key_of(self._keys, line)


def _last_of(info: Any, empty: EntryId) -> EntryId:
    if isinstance(info, ResponseError):
        return empty
    if isinstance(info, Exception):
        raise info
    last = entry_id(info["last-generated-id"])
    return empty if last == FIRST else last


__all__ = ["Delivery", "Feed", "Gap", "Item", "Passed"]
