"""A file read part by part, in slices of time, so that a long one holds nobody up.

A short file is one part.  Of a long one each part is a drop of its own: journaled, published
and settled by itself, while others are taken in between.  So what crosses of a file of a
million records at any time is a few seconds of work, and a crash reads on where it was.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.ingest.drops import DropRow
from services.ingest.gathering import Gathered
from services.ingest.names import shown
from services.ingest.readers.base import Progress, Resume, Unreadable
from services.ingest.reading import LEFT_ADVICE, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from schemas.article import RawArticle
    from schemas.events import Outcome
    from services.ingest.inbox import Candidate
    from services.ingest.reading import FileReader, Found, Reading

PART_RECORDS = 64
"""Records of one part: a few seconds of enrichment, so that a file dropped meanwhile waits for
no more than that; and enough of them that a part's commit doesn't count."""

PART_CHARS = 4 * 1024 * 1024
"""Characters of one part's articles (and of one article more): some 50 MB of memory at most."""

PART_SECONDS = 5.0
"""Seconds after which what has been read of a slow file is published."""


@dataclass
class _Part:
    """The part that is being gathered, begun at ``started`` (monotonic)."""

    row: DropRow
    gathered: Gathered
    started: float
    last: Resume | None = None

    def add(self, found: Found, record: RawArticle | Outcome) -> None:
        self.gathered.add(record)
        self.last = Resume(found.position, None if isinstance(found, Broken) else found.checkpoint)

    def is_full(self) -> bool:
        return len(self.gathered) >= PART_RECORDS or self.gathered.chars >= PART_CHARS


@dataclass
class FileInWork:
    """A file that is being read; see the module.  Its methods block: call them in a thread.

    ``row`` is the file's first part; ``offset`` how many bytes of it the reader has read,
    ``records`` how many records it has found, ``ended`` whether its end was reached; ``told``
    when something was last said of it.
    """

    reader: FileReader
    row: DropRow
    allot: Callable[[], datetime]
    offset: int = 0
    records: int = 0
    ended: bool = False
    told: float = 0.0
    _begun: float = 0.0
    _until: float = 0.0
    _parts: Generator[Reading | None, None, None] | None = None

    def __post_init__(self) -> None:
        self.told = self._begun = self.reader.clock.monotonic()

    @property
    def is_long(self) -> bool:
        """Whether it is read in parts, or has been read for some seconds without giving one."""
        return self.row.stop is not None or self._is_old(self._begun)

    @classmethod
    def begin(
        cls, reader: FileReader, candidate: Candidate, allot: Callable[[], datetime]
    ) -> FileInWork:
        """A new file; each part of it is a new drop, received at what ``allot`` says."""
        row = DropRow(
            drop_id=reader.new_id(),
            path=candidate.path,
            file=shown(candidate.path),
            identity=candidate.identity,
            sha256="",
            received_at=datetime.min.replace(tzinfo=UTC),
        )
        return cls(reader, row, allot)

    def advance(self, until: float) -> Reading | None:
        """The next part; None if it isn't complete at ``until`` (monotonic).

        The last part has no ``more``; a later part may be empty.  Raises
        :class:`services.ingest.reading.Changed` when the file is no longer what it was, and
        ``OSError`` or ``MemoryError`` when it can't be read now; after that it is closed.
        """
        self._until = until
        if self._parts is None:
            self._parts = self._read()
        reading = next(self._parts)
        if self.ended:
            self.close()
        return reading

    def close(self) -> None:
        """Stop reading; what was given stands."""
        if self._parts is not None:
            self._parts.close()

    def _time_is_up(self) -> bool:
        return self.reader.clock.monotonic() >= self._until

    def _read(self) -> Generator[Reading | None, None, None]:
        with self.reader.unchanged(self.row.path, self.row.identity) as descriptor:
            if not self.row.sha256:
                yield from self._hash(descriptor)
            start = self.row.more
            self.records = 0 if start is None else start.position
            with closing(self.reader.found(self.row, descriptor, start)) as found:
                yield from self._gather(found, descriptor)

    def _hash(self, descriptor: int) -> Generator[None, None, None]:
        digest = hashlib.sha256()
        for chunk in self.reader.files.chunks(descriptor):
            digest.update(chunk)
            if self._time_is_up():
                yield None
        self.row = replace(self.row, sha256=digest.hexdigest(), received_at=self.allot())

    def _gather(
        self, found: Iterable[Found | Progress], descriptor: int
    ) -> Generator[Reading | None, None, None]:
        part = self._part(self.row.more)
        for each in found:
            if isinstance(each, Progress):
                self.offset = self.offset if each.offset is None else each.offset
                if part.gathered and self._is_old(part.started):
                    yield self._given(part, descriptor)
                    part = self._part(part.last)
            else:
                if part.is_full():  # known to be no last part only now
                    yield self._given(part, descriptor)
                    part = self._part(part.last)
                part.add(each, self.reader.made(part.row, each))
                self.records = each.position
            if self._time_is_up():
                yield None
        self.ended = True
        yield self._given(part, descriptor, ended=True)

    def _part(self, start: Resume | None) -> _Part:
        row = self.row
        if start is not None:
            row = replace(
                row,
                drop_id=self.reader.new_id(),
                part_of=row.drop_id,
                start=start,
                more=None,
                received_at=self.allot(),
            )
        clock = self.reader.clock
        return _Part(row, Gathered(clock.now(), self.row.reader), clock.monotonic())

    def _is_old(self, since: float) -> bool:
        return self.reader.clock.monotonic() - since >= PART_SECONDS

    def _given(self, part: _Part, descriptor: int, *, ended: bool = False) -> Reading:
        self.reader.check(self.row.path, self.row.identity, descriptor)
        more = None if ended else part.last
        stop = None if more is None else more.position
        row = replace(part.row, more=more, stop=stop)
        reading = self.reader.reading(row, part.gathered, part.started)
        first = reading.row if part.row.part_of is None else self.row
        self.row = replace(first, more=more, reader=reading.row.reader)
        return reading

    def broken_off(self, reason: str) -> Reading | None:
        """The last part of a file that can't be read on: one rejection. None if none was given."""
        start = self.row.more
        if start is None:
            return None
        self.close()
        part = self._part(start)
        error = Unreadable(f"not read beyond record {start.position}: {reason}", LEFT_ADVICE)
        broken = Broken(start.position + 1, error)
        part.add(broken, self.reader.made(part.row, broken))
        self.row = replace(self.row, more=None)
        return self.reader.reading(part.row, part.gathered, part.started)
