"""Which sources send most: counted over the newest outcomes, of which only new ones are read."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from schemas.events import FILED, Outcome
from services.bus.envelope import Unreadable, read
from services.bus.keys import DATA_FIELD, OUTCOME_STREAM
from services.bus.partitions import in_each
from services.bus.positions import entry_id

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from services.bus.keys import Keys

START = b"-"
"""The beginning of a stream, in the words of ``XRANGE``."""


WINDOW = 500
"""Outcomes over which sources are counted: minutes of a busy desk, a day of a small one; 400 kB
at the first look."""


class Sources:
    """Counts sources over the newest ``window`` outcomes."""

    def __init__(self, keys: Keys, window: int = WINDOW) -> None:
        self._places = keys.each(OUTCOME_STREAM)
        self._window = window
        self._newest: deque[str | None] = deque(maxlen=window)
        self._last: dict[int, bytes] = {}

    async def look(self, redis: Redis) -> tuple[tuple[str | None, int], ...]:
        """Sources (None: an article without one) with their counts, the largest first.

        Raises redis-py's errors.
        """
        self._take(await self._unread(redis))
        counts = Counter(self._newest).most_common()
        return tuple(sorted(counts, key=lambda each: (-each[1], each[0] or "")))

    async def _unread(self, redis: Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Outcomes since the last look, the oldest first, no more than the window."""
        parts = await in_each(self._places, lambda keys: self._unread_in(redis, keys))
        entries = [entry for part in parts for entry in part]
        return sorted(entries, key=lambda row: entry_id(row[0]))[-self._window :]

    async def _unread_in(self, redis: Redis, keys: Keys) -> list[tuple[bytes, dict[bytes, bytes]]]:
        key, last = keys.stream(OUTCOME_STREAM), self._last.get(keys.partition, b"")
        since = b"(" + last if last else START
        entries: Any = await redis.xrevrange(key, min=since, count=self._window)
        newest: Any = entries or await redis.xrevrange(key, count=1)
        if entries:
            self._last[keys.partition] = entries[0][0]
        elif last and (not newest or newest[0][0] != last):
            # Emptied or made anew: its ids are counted from another clock, maybe.
            self._last.pop(keys.partition, None)
            self._newest.clear()
        return list(entries)

    def _take(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for _, fields in entries:
            event = read(fields.get(DATA_FIELD.encode(), b""), FILED)
            if not isinstance(event, Unreadable) and isinstance(event.payload, Outcome):
                self._newest.append(event.payload.source)
