"""The last receipts in short, on the server: for a desk view that doesn't see the inbox.

Best effort: what is noted here decides nothing.  A receipt is noted once its file is settled;
a server that is away, full or emptied only makes the list shorter.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt, ValidationError
from redis.exceptions import RedisError

from schemas.base import Model, UtcDatetime
from schemas.events import OutcomeKind
from services.bus.keys import Keys
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from redis.asyncio import Redis

    from services.settings import Settings

log = get_logger(__name__)

KEPT = 50
"""Receipts in the list: a screen or two. The archive beside the inbox has all."""

TTL = 7 * 24 * 3600
"""Seconds that the list lives after the last receipt."""

PAUSE = 0.5
"""Seconds between two looks for new notes: an operator's view is renewed every few."""

FLUSH_TIMEOUT = 1.0
"""Seconds that the last notes get when ingest stops."""


class ReceiptNote(Model):
    """What became of a file, in short: nothing of its articles' content."""

    file: str
    received_at: UtcDatetime
    settled_at: UtcDatetime
    articles: NonNegativeInt
    summary: dict[OutcomeKind, NonNegativeInt]
    note: str | None = None


class ReceiptNotes:
    """Takes notes at once, from any thread, and brings them to the server when it can."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._key = Keys.of(settings).receipts()
        self._redis = redis
        self._waiting: deque[ReceiptNote] = deque(maxlen=KEPT)

    def note(self, receipt: ReceiptNote) -> None:
        """Note a receipt; of those that the server doesn't take, the newest are kept."""
        self._waiting.append(receipt)

    async def run(self, stop: asyncio.Event) -> None:
        """Bring notes to the server until told to stop, then the last ones."""
        while not stop.is_set():
            await self.flush()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.flush(), FLUSH_TIMEOUT)

    async def flush(self) -> None:
        """Bring what is waiting to the server, if it takes it."""
        taken = list(self._waiting)
        if not taken:
            return
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.lpush(self._key, *(note.model_dump_json() for note in taken))
                pipe.ltrim(self._key, 0, KEPT - 1)
                pipe.expire(self._key, TTL)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.debug("receipts.not_noted", reason=str(error), waiting=len(taken))
            return
        self._forget(taken)

    def _forget(self, taken: list[ReceiptNote]) -> None:
        for note in taken:
            # Where notes came meanwhile, the oldest may have been pushed out already.
            if self._waiting and self._waiting[0] is note:
                self._waiting.popleft()


async def newest_receipts(redis: Redis, keys: Keys, count: int) -> tuple[ReceiptNote, ...]:
    """The newest receipts in short, the newest first; what can't be read is left out."""
    answer: Awaitable[Sequence[bytes]] = redis.lrange(keys.receipts(), 0, count - 1)  # type: ignore[assignment]  # redis-py types it for both kinds of client
    notes = []
    for document in await answer:
        with suppress(ValidationError):
            notes.append(ReceiptNote.model_validate_json(document))
    return tuple(notes)
