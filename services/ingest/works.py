"""The files that are being read: who has a reading process, who waits for one.

There are as many places as reading processes.  Long files hold all but one; the last is for
the files that come meanwhile.  A file is long once a part of it was given and more is to
come, or once it has been read for some seconds without giving any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.ingest.parts import FileInWork
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from services.ingest.drops import DropRow
    from services.ingest.inbox import Candidate
    from services.ingest.reading import FileReader
    from services.ingest.waits import Clock

log = get_logger("ingest")

TELL_EVERY = 60.0
"""Seconds between two lines in the log about one long file."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a long file is: bytes read of all, records found, since when."""

    file: str
    drop_id: UUID
    offset: int
    size: int
    records: int
    since: datetime


@dataclass(slots=True)
class Works:
    """See the module. ``places``: how many files may be read at a time, at least 2."""

    reader: FileReader
    allot: Callable[[], datetime]
    clock: Clock
    places: int
    open: dict[bytes, FileInWork] = field(default_factory=dict)
    rest: dict[bytes, DropRow] = field(default_factory=dict)
    _slow: set[bytes] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.open or self.rest)

    def has_place(self) -> bool:
        """Whether a new file can be begun now."""
        return len(self.open) < self.places

    def holds(self, path: bytes) -> bool:
        """Whether ``path`` is being read, or will be when there is a place."""
        return path in self.open or path in self.rest or path in self._slow

    def begin(self, candidate: Candidate) -> FileInWork:
        """A new file, in a place of its own."""
        work = FileInWork.begin(self.reader, candidate, self.allot)
        self.open[candidate.path] = work
        return work

    def reopen(self, may_try: Callable[[bytes], bool]) -> None:
        """Give the free places for long files to those that wait to be read on."""
        for path in [path for path in self.rest if may_try(path)]:
            if self._long() < self.places - 1 and self.has_place():
                row = self.rest.pop(path)
                self.open[path] = FileInWork(self.reader, row, self.allot)

    def turn(self, *, bulk: bool) -> list[FileInWork]:
        """The open files, those that had their turn longest ago first; long ones if ``bulk``."""
        return [work for work in self.open.values() if bulk or not work.is_long]

    def had_turn(self, work: FileInWork) -> None:
        """``work`` was advanced: it ended, goes to the end of the row, or makes place."""
        path = work.row.path
        if self.open.pop(path, None) is None:
            return
        if work.ended:
            if work.is_long:
                self._slow.clear()
            return
        if work.is_long and self._long() >= self.places - 1:
            self.put_aside(work)
            if work.row.more is None:
                # Nothing is journaled of it: it is begun anew when a long file has ended.
                self._slow.add(path)
            return
        self.open[path] = work
        self._tell(work)

    def put_aside(self, work: FileInWork) -> None:
        """Take its place from ``work``; what was read of it stands."""
        path = work.row.path
        self.open.pop(path, None)
        work.close()
        if work.row.more is not None:
            self.rest[path] = work.row

    def forget(self, path: bytes) -> None:
        """The file is gone or can't be read now: whatever is held of it goes."""
        work = self.open.pop(path, None)
        if work is not None:
            work.close()
        self.rest.pop(path, None)
        if not self._long():
            self._slow.clear()

    def close(self) -> None:
        """Stop reading; the next run goes on where the journal says."""
        for path in list(self.open):
            self.forget(path)

    def progress(self) -> list[FileProgress]:
        """How far each long file is, those in work first."""
        # Copied first: this is called from a thread beside the one that reads.
        works = [work for work in list(self.open.values()) if work.is_long]
        waiting = list(self.rest.values())
        return [_progress(each.row, each) for each in works] + [
            _progress(row, None) for row in waiting
        ]

    def _long(self) -> int:
        return sum(work.is_long for work in self.open.values())

    def _tell(self, work: FileInWork) -> None:
        now = self.clock.monotonic()
        if work.is_long and now - work.told >= TELL_EVERY:
            work.told = now
            log.info(
                "file.progress",
                file=work.row.file,
                drop_id=str(work.row.drop_id),
                offset=work.offset,
                size=work.row.identity.size,
                records=work.records,
            )


def _progress(row: DropRow, work: FileInWork | None) -> FileProgress:
    position = 0 if row.more is None else row.more.position
    return FileProgress(
        file=row.file,
        drop_id=row.drop_id,
        offset=0 if work is None else work.offset,
        size=row.identity.size,
        records=position if work is None else work.records,
        since=row.received_at,
    )
