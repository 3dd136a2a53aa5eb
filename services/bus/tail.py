"""The newest events of all feed streams in memory, read once for every client of a process.

The ring is bounded by entries and bytes.  Whoever is slower than that reads on from
Redis (:mod:`services.bus.feed`), until it is in the ring again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from services.bus.filters import OFFERED, Traits, traits_of
from services.bus.keys import (
    DATA_FIELD,
    ENRICHED_STREAM,
    ENTITY_STREAM,
    OUTCOME_STREAM,
    STORY_STREAM,
    Stream,
)
from services.bus.positions import EntryId, entry_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEED_STREAMS: tuple[Stream, ...] = (ENRICHED_STREAM, OUTCOME_STREAM, STORY_STREAM, ENTITY_STREAM)
"""The streams that subscribers may read over HTTP: one for each type that is offered. Dead letters
aren't among them; they hold what could not be read, and are for operators."""

if {stream.event for stream in FEED_STREAMS} != set(OFFERED):
    raise AssertionError("each type that a filter offers has one stream")

RING_ENTRIES = 2_000
"""Entries kept in memory at most: a minute of 30 articles a second."""

RING_BYTES = 16 * 1024 * 1024
"""Bytes of events kept in memory at most: 2,000 articles of 8 kB. A larger one is kept alone."""

TRAITS_KEPT = 4_000
"""Events whose traits are remembered, about 2 kB each: clients that catch up over the same
events don't parse them again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of one stream, as it is stored.

    ``traits`` is None where the bytes are no event of the stream's type: nobody is sent it
    (who could not read it, has put it among the dead letters).
    """

    stream: Stream
    id: EntryId
    raw: bytes
    traits: Traits | None


class Reader:
    """Makes entries of what the server answers; no event is parsed twice while it is remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, EntryId], Traits | None] = OrderedDict()

    def entry(self, stream: Stream, raw_id: bytes, entry_fields: Mapping[bytes, bytes]) -> Entry:
        """The entry that the server gave."""
        raw = entry_fields.get(DATA_FIELD.encode(), b"")
        number = entry_id(raw_id)
        key = (stream.name, number)
        if key in self._known:
            self._known.move_to_end(key)
            return Entry(stream, number, raw, self._known[key])
        traits = _traits(stream, raw)
        self._known[key] = traits
        if len(self._known) > TRAITS_KEPT:
            self._known.popitem(last=False)
        return Entry(stream, number, raw, traits)

    def merged(self, answers: Iterable[tuple[Stream, Any]], count: int) -> Sequence[Entry]:
        """Entries of several streams in one order, as far as it is sure.

        Of the same id, the stream that is named first comes first.  A stream that gave ``count``
        entries may have more: what the others have behind its last one must wait for these.
        """
        given = list(answers)
        ends = [entry_id(rows[-1][0]) for _, rows in given if len(rows) >= count]
        cut = min(ends, default=None)
        found = sorted(
            (entry_id(row[0]), place, row) for place, (_, rows) in enumerate(given) for row in rows
        )
        return [
            self.entry(given[place][0], *row)
            for number, place, row in found
            if cut is None or number <= cut
        ]


def _traits(stream: Stream, raw: bytes) -> Traits | None:
    try:
        document = orjson.loads(raw)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    traits = traits_of(document)
    return traits if traits.type == stream.event.full_name else None


class Tail:
    """The ring: entries by their number, from ``first`` up to (and without) ``end``.

    ``base`` is where each stream stands before the ring's first entry, ``last`` behind its
    last one.
    """

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._news = asyncio.Event()
        self.first = 0
        self.end = 0
        self.bytes = 0
        self.base: dict[str, EntryId] = {}
        self.last: dict[str, EntryId] = {}

    def begin(self, last: Mapping[str, EntryId]) -> None:
        """Start, or start anew, with an empty ring where each stream stands."""
        self._entries.clear()
        self.first, self.bytes = self.end, 0
        self.base, self.last = dict(last), dict(last)

    def add(self, entries: Sequence[Entry]) -> None:
        """Put entries behind the last one and wake everybody who waits."""
        for entry in entries:
            self._entries[self.end] = entry
            self.end += 1
            self.bytes += len(entry.raw)
            self.last[entry.stream.name] = entry.id
            while self.end - self.first > RING_ENTRIES or (
                self.bytes > RING_BYTES and self.end - self.first > 1
            ):
                self._forget()
        if entries:
            self.wake()

    def _forget(self) -> None:
        gone = self._entries.pop(self.first)
        self.first += 1
        self.bytes -= len(gone.raw)
        self.base[gone.stream.name] = gone.id

    def covers(self, at: Mapping[str, EntryId]) -> bool:
        """Whether all that comes behind a position is in the ring, or is still to come."""
        return bool(self.base) and all(entry >= self.base[stream] for stream, entry in at.items())

    def entries(self, number: int, count: int) -> Sequence[Entry]:
        """At most ``count`` entries from a number on, which must be in the ring or its end."""
        return [self._entries[n] for n in range(number, min(number + count, self.end))]

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when there is news, or after so many seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
