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
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from services.bus.connect import cancel, client, server_url
from services.bus.errors import StopWorking
from services.bus.keys import Keys
from services.bus.patience import FIRST_PAUSE, longer
from services.bus.positions import (
    FIRST,
    EntryId,
    Position,
    between,
    entry_id,
    just_before,
    point_of,
    time_of,
    written,
)
from services.bus.tail import FEED_STREAMS, Entry, Reader, Tail
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

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

LIVE_COUNT = 16
"""Entries that a client takes out of the ring at once; it holds them until it has sent them."""

PIECE_BYTES = 128 * 1024
"""Bytes that one read of a client that catches up should come to."""

MOST_IN_A_PIECE = 64
"""Entries in such a read at most, also where they are small."""

READS_AT_ONCE = 8
"""Clients that read from Redis at the same time; the others wait their turn. Each read is a
connection, and takes a millisecond."""

CLOCK_DOUBT_MS = 60_000
"""How far back a point in an empty stream lies: a server's clock may be set back by as much, and
nothing that comes is missed."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that passed, in its stored bytes; ``position``: where its client is with it."""

    position: Position
    type: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Events of a type that are gone: those added behind ``since``, up to ``until``."""

    position: Position
    type: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """Where the client is, though nothing passed its filter lately.

    None where that can't be told yet: it begins now, and the server isn't there.
    """

    position: Position | None


Item = Delivery | Gap | Passed


class Feed:
    """Reads the streams once for all clients of this process and this event loop."""

    def __init__(self, settings: Settings, *, beat: float = BEAT) -> None:
        """``beat``: seconds between two signs of life for a client that gets nothing else."""
        self._settings = settings
        self._keys = Keys(settings.namespace)
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
                while not self.ending:
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
        async with redis.pipeline(transaction=True) as pipe:
            pipe.time()
            for stream in FEED_STREAMS:
                pipe.xinfo_stream(self._keys.stream(stream))
            (seconds, _), *infos = await pipe.execute(raise_on_error=False)
        empty = just_before(int(seconds) * 1000 - CLOCK_DOUBT_MS)
        return {
            stream.name: _last_of(info, empty)
            for stream, info in zip(FEED_STREAMS, infos, strict=True)
        }

    async def _read(self, redis: Redis) -> None:
        last = {self._keys.stream(s): written(self.tail.last[s.name]) for s in FEED_STREAMS}
        answer: Any = await redis.xread(last, count=READ_COUNT, block=BLOCK)  # type: ignore[arg-type]  # a dict of str is one
        streams = {self._keys.stream(stream).encode(): stream for stream in FEED_STREAMS}
        given = [(streams[key], rows) for key, rows in answer]
        self.tail.add(self.reader.merged(given, READ_COUNT))

    def streams_of(self, wanted: EventFilter) -> tuple[Stream, ...]:
        """The streams of the types that are asked for."""
        return tuple(s for s in FEED_STREAMS if s.event.full_name in wanted.types)

    async def follow(
        self, wanted: EventFilter, start: Start | Position
    ) -> AsyncGenerator[Item, None]:
        """What passes, from a start or behind a position, until the feed ends.

        First comes a :class:`Passed`, so that a client has a position from the beginning.
        """
        self.clients += 1
        try:
            follower = _Follower(self, self.streams_of(wanted), wanted)
            while not await follower.begin(start):
                if self.ending:
                    return
                yield Passed(None)
            async for item in follower.items():
                yield item
        finally:
            self.clients -= 1

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

    def key(self, stream: Stream) -> str:
        """Key of a stream."""
        return self._keys.stream(stream)

    @property
    def trimmed_key(self) -> str:
        """Key of what was trimmed."""
        return self._keys.trimmed()


def _last_of(info: Any, empty: EntryId) -> EntryId:
    if isinstance(info, ResponseError):
        return empty
    if isinstance(info, Exception):
        raise info
    last = entry_id(info["last-generated-id"])
    return empty if last == FIRST else last


class _Follower:
    """One client: where it is in each stream, and where in the ring once it has met it."""

    def __init__(self, feed: Feed, streams: tuple[Stream, ...], wanted: EventFilter) -> None:
        self._feed = feed
        self._streams = streams
        self._wanted = wanted
        self._at: dict[str, EntryId] = {}
        self._number: int | None = None
        self._looked = 0
        self._reached: Mapping[str, EntryId] | None = None
        self._count = LIVE_COUNT
        self._told = time.monotonic()

    @property
    def position(self) -> Position:
        """Where the client is."""
        return Position(dict(self._at))

    async def begin(self, start: Start | Position) -> bool:
        """Take the place to start from; False where it can't be told yet, after a while.

        Only ``now`` needs the server: the reader must know where now is.
        """
        if isinstance(start, Position):
            self._at = dict(start.over(self._streams).at)
            return True
        if start != "now":
            point = FIRST if start == "beginning" else point_of(start)
            self._at = {stream.name: point for stream in self._streams}
            return True
        tail = self._feed.tail
        if not tail.last:
            await tail.wait(self._feed.beat)
        if not tail.last:
            return False
        self._at = {stream.name: tail.last[stream.name] for stream in self._streams}
        return True

    async def items(self) -> AsyncIterator[Item]:
        """What the client is to be told, until the feed ends."""
        yield Passed(self.position)
        while not self._feed.ending:
            for found in await self._more():
                item = found if isinstance(found, Gap) else self._taken(found)
                if item is not None:
                    yield item
                    self._told = time.monotonic()
            if time.monotonic() - self._told >= self._feed.beat:
                yield Passed(self.position)
                self._told = time.monotonic()

    def _taken(self, entry: Entry) -> Delivery | None:
        """Step past an entry; what to send of it, if it passes."""
        stream = entry.stream.name
        if stream not in self._at or entry.id <= self._at[stream]:
            return None
        self._at[stream] = entry.id
        if entry.traits is None or not self._wanted.passes(entry.traits):
            return None
        return Delivery(self.position, entry.traits.type, entry.raw)

    async def _more(self) -> Sequence[Entry | Gap]:
        """Some entries behind the position, or nothing after a while."""
        feed, tail = self._feed, self._feed.tail
        if self._reached is not None:
            self._at = {name: max(at, self._reached[name]) for name, at in self._at.items()}
            self._reached = None
        if self._looked != feed.connections:
            return await self._look()
        if self._number is None and tail.covers(self._at):
            self._number = tail.first
        if self._number is None or self._number < tail.first:
            self._number = None
            return await self._from_redis()
        entries = tail.entries(self._number, LIVE_COUNT)
        self._number += len(entries)
        if not entries:
            await tail.wait(self._patience())
        return entries

    def _patience(self) -> float:
        """Seconds until the client must hear something."""
        return max(0.01, self._told + self._feed.beat - time.monotonic())

    async def _look(self) -> Sequence[Gap]:
        """See, once for each connection, that what is behind the position is there."""
        connections = self._feed.connections

        def ask(pipe: Any) -> None:
            self._ask_trimmed(pipe)
            for stream in self._streams:
                pipe.xinfo_stream(self._feed.key(stream))

        answers = await self._feed.asked(ask, atomic=True)
        if answers is None:
            await self._feed.tail.wait(min(1.0, self._patience()))
            return ()
        self._looked = connections
        trimmed, *infos = answers
        gaps = self._trimmed(trimmed)
        for stream, info, record in zip(self._streams, infos, trimmed, strict=True):
            lost = _lost(self._at[stream.name], info, recorded=record is not None)
            if lost is not None:
                gaps.append(self._gap(stream, lost))
        return gaps

    async def _from_redis(self) -> Sequence[Entry | Gap]:
        """A small piece of the streams, behind the position."""
        known = dict(self._feed.tail.last)

        def ask(pipe: Any) -> None:
            self._ask_trimmed(pipe)
            for stream in self._streams:
                after = f"({written(self._at[stream.name])}"
                pipe.xrange(self._feed.key(stream), min=after, count=self._count)

        answers = await self._feed.asked(ask, atomic=True)
        if answers is None or any(isinstance(answer, Exception) for answer in answers):
            await self._feed.tail.wait(min(1.0, self._patience()))
            return ()
        gaps = self._trimmed(answers[0])
        if gaps:
            return gaps
        return self._piece(answers[1:], known)

    def _piece(self, answers: Sequence[Any], known: Mapping[str, EntryId]) -> Sequence[Entry]:
        given = list(zip(self._streams, answers, strict=True))
        entries = self._feed.reader.merged(given, self._count)
        if known and all(len(rows) < self._count for _, rows in given):
            # All that there was when the ring stood at ``known`` is in this piece: behind it the
            # ring is met, also where a stream's last entries are there no more.
            self._reached = known
        size = sum(len(entry.raw) for entry in entries)
        if size:
            self._count = max(1, min(MOST_IN_A_PIECE, PIECE_BYTES * len(entries) // size))
        return entries

    def _ask_trimmed(self, pipe: Any) -> None:
        pipe.hmget(self._feed.trimmed_key, [stream.name for stream in self._streams])

    def _trimmed(self, answer: Sequence[bytes | None]) -> list[Gap]:
        """A gap for each stream of which more was trimmed than the client has seen."""
        gaps = []
        for stream, raw in zip(self._streams, answer, strict=True):
            at = self._at[stream.name]
            if raw is not None and FIRST < at < entry_id(raw):
                gone = entry_id(raw)
                gaps.append(self._gap(stream, _Lost(at, gone, gone)))
        return gaps

    def _gap(self, stream: Stream, lost: _Lost) -> Gap:
        """Step over what is gone."""
        self._at[stream.name] = lost.resume
        since, until = time_of(lost.since), time_of(lost.until)
        return Gap(self.position, stream.event.full_name, since, until)


@dataclass(frozen=True, slots=True)
class _Lost:
    """What is gone, behind ``since`` and up to ``until``; reading goes on behind ``resume``."""

    since: EntryId
    until: EntryId
    resume: EntryId


def _lost(at: EntryId, info: Any, *, recorded: bool) -> _Lost | None:
    """What of a stream is gone by other ways than the janitor's, which keeps a record.

    The server may have lost its last events, or all of them, or somebody has deleted some.
    None where nothing speaks for it.
    """
    if isinstance(info, Exception):
        return None if between(at) else _Lost(at, point_of(datetime.now(UTC)), FIRST)
    last = entry_id(info["last-generated-id"])
    if at > last and not between(at):
        return _Lost(last, at, last)
    if info["first-entry"] is None or recorded:
        return None
    first = entry_id(info["first-entry"][0])
    removed = info["entries-added"] > info["length"]
    if FIRST < at < first and (removed or not between(at)):
        return _Lost(at, first, just_before(first[0]))
    return None
