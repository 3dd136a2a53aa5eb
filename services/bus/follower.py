"""One client of the feed: where it is in each stream, and what it is to be told next.

It takes from the ring of :class:`services.bus.tail.Tail` where its position is in it, and from
Redis, in small pieces, where it is not.  It keeps a position and no queue.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from services.bus.lines import stream_of
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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from services.bus.feed import Feed
    from services.bus.filters import EventFilter
    from services.bus.keys import Keys, Stream
    from services.bus.positions import Start
    from services.bus.tail import Entry

LIVE_COUNT = 16
"""Entries that a client takes out of the ring at once; it holds them until it has sent them."""

PIECE_BYTES = 128 * 1024
"""Bytes that one read of a client that catches up should come to."""

MOST_IN_A_PIECE = 64
"""Entries in such a read at most, also where they are small."""


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


class Follower:
    """One client: where it is in each stream, and where in the ring once it has met it."""

    def __init__(self, feed: Feed, lines: tuple[Stream, ...], wanted: EventFilter) -> None:
        self._feed = feed
        self._parts = feed.parts(lines)
        # In the order in which the partitions are asked.
        self._streams = tuple(line for _, mine in self._parts for line in mine)
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
        answers = await self._asked(lambda pipe, line: pipe.xinfo_stream(self._feed.key(line)))
        if answers is None:
            await self._feed.tail.wait(min(1.0, self._patience()))
            return ()
        self._looked = connections
        trimmed, infos = answers
        gaps = self._trimmed(trimmed)
        for stream, info, record in zip(self._streams, infos, trimmed, strict=True):
            lost = _lost(self._at[stream.name], info, recorded=record is not None)
            if lost is not None:
                gaps.append(self._gap(stream, lost))
        return gaps

    async def _from_redis(self) -> Sequence[Entry | Gap]:
        """A small piece of the streams, behind the position."""
        known = dict(self._feed.tail.last)

        def behind(pipe: Any, line: Stream) -> None:
            after = f"({written(self._at[line.name])}"
            pipe.xrange(self._feed.key(line), min=after, count=self._count)

        answers = await self._asked(behind)
        if answers is None or any(
            isinstance(each, Exception) for each in (*answers[0], *answers[1])
        ):
            await self._feed.tail.wait(min(1.0, self._patience()))
            return ()
        trimmed, rows = answers
        return self._trimmed(trimmed) or self._piece(rows, known)

    async def _asked(
        self, about: Callable[[Any, Stream], object]
    ) -> tuple[list[Any], list[Any]] | None:
        """What was trimmed of each line, and the answer about it, both of one moment.

        None where the server is away.
        """
        trimmed: list[Any] = []
        answers: list[Any] = []
        for keys, lines in self._parts:
            ask = partial(_ask, keys, lines, about)
            got = await self._feed.asked(ask, atomic=True)
            if got is None:
                return None
            record, *told = got
            trimmed += [record] * len(lines) if isinstance(record, Exception) else record
            answers += told
        return trimmed, answers

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


def _ask(
    keys: Keys, lines: Sequence[Stream], about: Callable[[Any, Stream], object], pipe: Any
) -> None:
    pipe.hmget(keys.trimmed(), [stream_of(line).name for line in lines])
    for line in lines:
        about(pipe, line)


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
