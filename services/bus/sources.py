"""Which sources send most: counted over the newest outcomes, of which only new ones are read."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from schemas.events import FILED, Outcome
from services.bus.envelope import Unreadable, read
from services.bus.keys import DATA_FIELD, OUTCOME_STREAM

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
        self._key = keys.stream(OUTCOME_STREAM)
        self._window = window
        self._newest: deque[str | None] = deque(maxlen=window)
        self._last = b""

    async def look(self, redis: Redis) -> tuple[tuple[str | None, int], ...]:
        """Sources (None: an article without one) with their counts, the largest first.

        Raises redis-py's errors.
        """
        self._take(await self._unread(redis))
        counts = Counter(self._newest).most_common()
        return tuple(sorted(counts, key=lambda each: (-each[1], each[0] or "")))

    async def _unread(self, redis: Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Outcomes since the last look, the oldest first, no more than the window."""
        since = b"(" + self._last if self._last else START
        entries: Any = await redis.xrevrange(self._key, min=since, count=self._window)
        newest: Any = entries or await redis.xrevrange(self._key, count=1)
        if not newest or (not entries and newest[0][0] != self._last):
            # Emptied or made anew: its ids are counted from another clock, maybe.
            self._last = b""
            self._newest.clear()
        return list(reversed(entries))

    def _take(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for entry_id, fields in entries:
            self._last = entry_id
            event = read(fields.get(DATA_FIELD.encode(), b""), FILED)
            if not isinstance(event, Unreadable) and isinstance(event.payload, Outcome):
                self._newest.append(event.payload.source)
