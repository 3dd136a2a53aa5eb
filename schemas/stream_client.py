"""Subscribe to a Redis stream of a desk with a consumer group, over any redis-py client.

The group is made by ``wiredesk subscribers add NAME``.  Several processes may share it: each
event goes to one of them, and what a dead one had is taken over by the others.

*At least once.*  An event is acknowledged when the loop asks for the next one, or when the
``with`` block ends without an error; until then it stays pending, and comes again.  What this
process has handled before (by article id and revision) is acknowledged and not given twice.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, Self

from schemas.received import REMEMBERED, Memory, Received, Unreadable, parsed

if TYPE_CHECKING:
    from types import TracebackType

log = logging.getLogger("wiredesk.client")

DATA_FIELD = b"__data__"
"""The field of an entry that holds the event."""

BLOCK_MS = 1000
"""Milliseconds that one read waits: below the 5 s after which redis-py gives up on an answer."""

CLAIM_AFTER = 60.0
"""Seconds for which an event may be with a consumer before another one takes it over. Longer than
the slowest handling of ``COUNT`` events: those read together wait for each other."""

COUNT = 16
"""Events read at once: enough that the way to the server doesn't count, few enough that none
waits long for those before it."""


class StreamClient(Protocol):
    """What is needed of a synchronous client: ``redis.Redis`` has it, decoding or not."""

    def xreadgroup(  # noqa: D102  (redis-py's)
        self,
        groupname: Any,
        consumername: Any,
        streams: Any,
        count: int | None = None,
        block: int | None = None,
    ) -> Any: ...

    def xautoclaim(  # noqa: D102  (redis-py's)
        self,
        name: Any,
        groupname: Any,
        consumername: Any,
        min_idle_time: int,
        start_id: Any = "0-0",
        count: int | None = None,
    ) -> Any: ...

    def xack(self, name: Any, groupname: Any, *ids: Any) -> Any: ...  # noqa: D102


def subscribe_stream(  # noqa: PLR0913  (each is a choice of the caller's)
    redis: StreamClient,
    group: str,
    consumer: str,
    *,
    stream: str = "{news}:enriched",
    claim_after: float = CLAIM_AFTER,
    count: int = COUNT,
    block_ms: int = BLOCK_MS,
    remembered: int = REMEMBERED,
) -> StreamSubscription:
    """Events of ``stream`` for one consumer of a group, for ever.

    First what this ``consumer`` was given before and has not acknowledged, so keep its name
    over restarts; then what others left behind for ``claim_after`` seconds, and what is new.
    Errors of the client are raised as they are: begin a new loop over the same subscription.
    """
    return StreamSubscription(
        redis, (stream, group, consumer), claim_after, count, block_ms, Memory(remembered)
    )


class StreamSubscription:
    """An iterator over :class:`schemas.received.Received`; made by :func:`subscribe_stream`."""

    def __init__(
        self,
        redis: StreamClient,
        names: tuple[str, str, str],
        claim_after: float,
        count: int,
        block_ms: int,
        memory: Memory,
    ) -> None:
        self._redis = redis
        self._stream, self._group, self._consumer = names
        self._claim_ms = int(claim_after * 1000)
        self._count = count
        self._block_ms = block_ms
        self._memory = memory
        self._entries: deque[tuple[str, Any]] = deque()
        self._given: Received | None = None
        self._own: str | None = "0"
        self._claim_from = "0-0"
        self._claim_at = 0.0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._handled()
        self._closed = True

    def __iter__(self) -> Self:
        """Begin a loop: from what this consumer has not acknowledged."""
        if self._given is not None:
            self._memory.forget(self._given.event)
            self._given = None
        self._entries.clear()
        self._own = "0"
        return self

    def __next__(self) -> Received:
        self._handled()
        while not self._closed:
            if not self._entries:
                self._entries.extend(self._more())
                continue
            entry_id, fields = self._entries.popleft()
            received = self._taken(entry_id, fields)
            if received is not None:
                self._given = received
                return received
            self._acknowledge(entry_id)
        raise StopIteration

    def close(self) -> None:
        """End the loop before its next event, also from another thread."""
        self._closed = True

    def _handled(self) -> None:
        if self._given is not None:
            self._acknowledge(self._given.position)
            self._given = None

    def _acknowledge(self, entry_id: str) -> None:
        self._redis.xack(self._stream, self._group, entry_id)

    def _taken(self, entry_id: str, fields: Any) -> Received | None:
        """The event of an entry; None where there is none, or none that is new."""
        raw = (fields or {}).get(DATA_FIELD, (fields or {}).get(DATA_FIELD.decode()))
        if raw is None:
            log.warning("entry %s is gone from the stream, or holds no event", entry_id)
            return None
        raw = raw.encode() if isinstance(raw, str) else raw
        try:
            event = parsed(raw)
        except Unreadable as error:
            log.warning("entry %s was passed over: %s", entry_id, error)
            return None
        return Received(event, raw, entry_id) if self._memory.add(event) else None

    def _more(self) -> list[tuple[str, Any]]:
        """Entries: own ones that are pending, else abandoned ones, else new ones."""
        if self._own is not None:
            entries = self._read(self._own)
            self._own = entries[-1][0] if entries else None
            return entries
        if time.monotonic() >= self._claim_at and (claimed := self._claimed()):
            return claimed
        return self._read(">", self._block_ms)

    def _read(self, after: str, block: int | None = None) -> list[tuple[str, Any]]:
        streams = {self._stream: after}
        answer = self._redis.xreadgroup(
            self._group, self._consumer, streams, count=self._count, block=block
        )
        # A dict under RESP3 (with one more list around the entries), a list of pairs before.
        found = list(answer.values()) if isinstance(answer, dict) else [e for _, e in answer or ()]
        flat = [entry for entries in found for entry in entries]
        if flat and isinstance(flat[0], list):
            flat = [entry for entries in flat for entry in entries]
        return [(_text(entry_id), fields) for entry_id, fields in flat]

    def _claimed(self) -> list[tuple[str, Any]]:
        """What others were given, and have neither acknowledged nor asked for since."""
        answer = self._redis.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            self._claim_ms,
            start_id=self._claim_from,
            count=self._count,
        )
        self._claim_from = _text(answer[0])
        if self._claim_from == "0-0":
            # Looked at all; each is looked at twice within the time after which it is taken.
            self._claim_at = time.monotonic() + self._claim_ms / 2000
        return [(_text(entry_id), fields) for entry_id, fields in answer[1] if entry_id]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
