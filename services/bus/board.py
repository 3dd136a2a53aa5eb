"""The desk as operators see it: streams with their rates, groups, workers, dead letters, receipts.

A sampler counts what is added to each stream, so that rates are there when somebody looks.
Only the desk's own counters are read, and of dead letters what isn't content.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from schemas.events import DEAD, DeadLetter
from services.bus.connect import cancel, client, server_url
from services.bus.envelope import Unreadable, read
from services.bus.errors import StopWorking
from services.bus.keys import CHANGE_STREAMS, DATA_FIELD, DEAD_STREAM, STREAMS, Keys
from services.bus.overview import Overview, overview
from services.bus.partitions import by_age, in_each, named
from services.bus.receipt_notes import ReceiptNote, newest_receipts
from services.bus.sources import Sources
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from uuid import UUID

    from redis.asyncio import Redis

    from services.settings import Settings

log = get_logger(__name__)

SHOWN_STREAMS = (*STREAMS, *CHANGE_STREAMS)

SAMPLE_EVERY = 5.0
"""Seconds between two counts: a rate moves within seconds of what it tells of."""

INTERVAL = 30.0
"""Seconds of one bar of the recent past."""

INTERVALS = 120
"""Bars kept: an hour."""

RATE_OVER = 60.0
"""Seconds over which a rate is told."""

FRESH_FOR = 1.0
"""Seconds for which a view is given again: ten operators cost as much as one."""

LOOK_TIMEOUT = 3.0
"""Seconds after which a server that doesn't answer counts as down."""

DEAD_SHOWN = 20
RECEIPTS_SHOWN = 20
"""The newest of each; the streams and the archive have all."""

AWAY = (RedisError, OSError, StopWorking, TimeoutError)


class Added:
    """How many entries a stream was given in all its partitions, as a number that never falls.

    Each partition counts by itself, and begins anew where its server lost its data.
    """

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._total = 0

    def total(self, added: Sequence[int]) -> int:
        """The number, where each partition says so many."""
        for place, number in enumerate(added):
            new = number - self._last.get(place, 0)
            self._total += number if new < 0 else new
            self._last[place] = number
        return self._total


class Counter:
    """How many entries a stream was given, told from samples of its own count.

    That count begins anew where the server lost its data: what it then stands at was added since.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        """``interval``: seconds of one bar of the recent past."""
        self._interval = interval
        self._last: int | None = None
        self._samples: deque[tuple[float, int]] = deque()
        self._bars: deque[int] = deque(maxlen=INTERVALS)
        self._bar = 0
        self.total = 0

    def sample(self, added: int, now: float) -> None:
        """The stream says at ``now`` (seconds) that ``added`` entries were added ever."""
        first = self._last is None
        new = 0 if self._last is None else added - self._last
        if new < 0:
            new = added
        self._last = added
        self.total = added if first else self.total + new
        self._samples.append((now, self.total))
        # One older than the time that a rate is told over stays, to count from.
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_OVER:  # noqa: PLR2004
            self._samples.popleft()
        self._add(new, int(now // self._interval))

    def _add(self, new: int, bar: int) -> None:
        missed = bar - self._bar if self._bars else 1
        self._bars.extend([0] * min(missed, INTERVALS))
        self._bar = bar
        self._bars[-1] += new

    @property
    def recent(self) -> tuple[int, ...]:
        """Entries added in each of the last intervals, the oldest first; the last is going on."""
        return tuple(self._bars)

    @property
    def per_minute(self) -> float | None:
        """Entries a minute, over the last minute as far as it was seen; None where not yet."""
        (began, before), (now, total) = self._samples[0], self._samples[-1]
        return round((total - before) / (now - began) * 60, 1) if now > began else None


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one stream: see :class:`Counter`."""

    added: int = 0
    per_minute: float | None = None
    recent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadNote:
    """A dead letter in short: nothing of the article's content.

    ``reason`` may quote it, and is only there where a board looks closer.
    """

    entry_id: str
    stage: str
    error_type: str
    attempts: int
    died_at: datetime
    file: str | None
    article_id: UUID | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """The desk at one moment. ``sources``: see :class:`services.bus.sources.Sources`."""

    state: Overview
    rates: dict[str, Rates]
    dead: tuple[DeadNote, ...]
    receipts: tuple[ReceiptNote, ...]
    sources: tuple[tuple[str | None, int], ...] = ()


class Board:
    """Looks at the desk of the settings; of one event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        every: float = SAMPLE_EVERY,
        fresh_for: float = FRESH_FOR,
        interval: float = INTERVAL,
        closer: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``interval``: seconds of one bar of the recent past.

        ``closer``: also count the sources of the newest outcomes, and tell the reasons of dead
        letters. For a console, whose user may see articles anyway.
        """
        self.interval = interval
        self.away: str | None = None
        """Why the last look saw nothing; None where it saw the desk."""
        self._settings = settings
        self._keys = Keys.of(settings)
        self._every = every
        self._fresh_for = fresh_for
        self._clock = clock
        self._redis: Redis | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._closer = closer
        self._sources = Sources(self._keys)
        self._counters: dict[str, Counter] = {}
        self._added: dict[str, Added] = {}
        self._dead: tuple[object, tuple[DeadNote, ...]] = (None, ())
        self._seen: tuple[float, Sight | None] | None = None

    def start(self) -> None:
        """Begin to count. Call it in the loop; a server that isn't there is waited for."""
        self._task = asyncio.create_task(self._run(), name="board")

    async def close(self) -> None:
        """Stop counting, and let the server go."""
        task, self._task = self._task, None
        if task is not None:
            await cancel(task)
        await self._disconnect()

    async def look(self) -> Sight | None:
        """The desk now, at most a second old; None where the server doesn't answer."""
        async with self._turn:
            seen = self._seen
            if seen is None or self._clock() - seen[0] >= self._fresh_for:
                seen = (self._clock(), await self._tried())
                self._seen = seen
            return seen[1]

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every)

    async def _tried(self) -> Sight | None:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT):
                sight = await self._sight(self._connected())
        except AWAY as error:
            reason = str(error) or type(error).__name__
            if self.away is None:
                log.warning("board.server_away", reason=reason)
            self.away = reason
            # An embedded server that was started anew may be at another address.
            await self._disconnect()
            return None
        self.away = None
        return sight

    def _connected(self) -> Redis:
        if self._redis is None:
            self._redis = client(server_url(self._settings))
        return self._redis

    async def _disconnect(self) -> None:
        redis, self._redis = self._redis, None
        if redis is not None:
            with suppress(RedisError, OSError):
                await redis.aclose()

    async def _sight(self, redis: Redis) -> Sight:
        infos = await self._infos(redis)
        now = self._clock()
        for name, parts in infos.items():
            counter = self._counters.setdefault(name, Counter(self.interval))
            added = self._added.setdefault(name, Added())
            counter.sample(added.total([part.get("entries-added", 0) for part in parts]), now)
        return Sight(
            state=await overview(redis, self._keys, SHOWN_STREAMS),
            rates={name: _rates(counter) for name, counter in self._counters.items()},
            dead=await self._dead_letters(redis, infos[DEAD_STREAM.name]),
            receipts=await newest_receipts(redis, self._keys, RECEIPTS_SHOWN),
            sources=await self._sources.look(redis) if self._closer else (),
        )

    async def _infos(self, redis: Redis) -> dict[str, list[dict[str, Any]]]:
        """``XINFO STREAM`` of every stream in its partitions.

        Empty where it isn't there (yet, or any more).
        """

        async def ask(keys: Keys) -> dict[str, dict[str, Any]]:
            streams = [stream for stream in SHOWN_STREAMS if keys in self._keys.each(stream)]
            async with redis.pipeline(transaction=False) as pipe:
                for stream in streams:
                    pipe.xinfo_stream(keys.stream(stream))
                answers: list[Any] = await pipe.execute(raise_on_error=False)
            return {s.name: _info(answer) for s, answer in zip(streams, answers, strict=True)}

        parts = await in_each(self._keys.each(), ask)
        names = [stream.name for stream in SHOWN_STREAMS]
        return {name: [part[name] for part in parts if name in part] for name in names}

    async def _dead_letters(
        self, redis: Redis, infos: Sequence[dict[str, Any]]
    ) -> tuple[DeadNote, ...]:
        """The newest dead letters; read again only when there are others."""
        state = [(info.get("last-generated-id"), info.get("length")) for info in infos]
        if self._dead[0] != state:

            async def newest(keys: Keys) -> list[tuple[str, dict[bytes, bytes]]]:
                rows: Any = await redis.xrevrange(keys.stream(DEAD_STREAM), count=DEAD_SHOWN)
                return [(named(keys, entry.decode()), fields) for entry, fields in rows]

            found = [row for rows in await in_each(self._keys.each(), newest) for row in rows]
            found.sort(key=lambda row: by_age(row[0]), reverse=True)
            self._dead = (state, _dead_notes(found[:DEAD_SHOWN], closer=self._closer))
        return self._dead[1]


def _info(answer: Any) -> dict[str, Any]:
    if isinstance(answer, ResponseError) and "no such key" in str(answer):
        return {}
    if isinstance(answer, Exception):
        raise answer
    return dict(answer)


def _rates(counter: Counter) -> Rates:
    return Rates(counter.total, counter.per_minute, counter.recent)


def _dead_notes(
    entries: list[tuple[str, dict[bytes, bytes]]], *, closer: bool
) -> tuple[DeadNote, ...]:
    """What is told of dead letters; what isn't one is left out."""
    letters = [(entry_id, _letter(fields)) for entry_id, fields in entries]
    return tuple(
        DeadNote(
            entry_id=entry_id,
            stage=letter.stage,
            error_type=letter.error_type,
            attempts=letter.attempts,
            died_at=letter.died_at,
            file=None if letter.drop is None else letter.drop.file,
            article_id=letter.article_id,
            reason=letter.error_message if closer else None,
        )
        for entry_id, letter in letters
        if letter is not None
    )


def _letter(fields: dict[bytes, bytes]) -> DeadLetter | None:
    event = read(fields.get(DATA_FIELD.encode(), b""), DEAD)
    payload = None if isinstance(event, Unreadable) else event.payload
    return payload if isinstance(payload, DeadLetter) else None
