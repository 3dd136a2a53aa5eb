"""What becomes of each record of a file: an article that is identified, or a named rejection."""

from __future__ import annotations

import io
import os
import posixpath
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias
from uuid import UUID, uuid4, uuid5

from schemas.article import Drop, RawArticle
from services.ingest.drops import DropRow, Entry, to_ms
from services.ingest.files import CHUNK, MISSING, FileView, Identity
from services.ingest.gathering import Gathered, rejection
from services.ingest.names import shown
from services.ingest.readers.base import (
    BadRecord,
    Budget,
    Limits,
    Progress,
    ReadArticle,
    ReaderFault,
    Resume,
    Source,
    Unreadable,
)
from services.ingest.waits import Clock
from services.observability import get_logger, seldom

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.events import Outcome
    from services.ingest.files import Files

log = get_logger("ingest")

AssembleFunction = Callable[[ReadArticle, Drop, "datetime"], RawArticle]

REJECTED_NAMESPACE = UUID("c1e0a2f4-3b57-5c86-9d0e-6f2a8b4d7e13")
"""Namespace of the ids of what never became an article. Never change it."""

HASH_WHOLE = 64 * 1024 * 1024
"""Bytes up to which a file is hashed anew before it is read again. A larger one is taken for the
same by its inode, size and time alone: hashing gigabytes for each part would hold up the rest."""

FAULT_ADVICE = (
    "This is a fault of Wiredesk, not of the file: please report it with the log's lines. "
    "Drop the file again after an update."
)

LEFT_ADVICE = "Drop the file again and leave it in the inbox until its receipt is there."
"""What to do about what could not be read any more: its file was taken away or changed."""


class ReadFunction(Protocol):
    """``registry.read_file``, or the same in the reading process (``services.ingest.sandbox``)."""

    def __call__(
        self, source: Source, limits: Limits, resume: Resume | None = None, /
    ) -> Iterable[ReadArticle | BadRecord | Progress]:
        """Yield what the file holds after ``resume``; raises ``Unreadable`` or ``OSError``."""


class Changed(Exception):  # noqa: N818  (named for what is the case)
    """The file isn't what it was: ``how`` is *changed* or *removed*."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True)
class Broken:
    """Where reading the file ended before its end: nothing comes after ``position``."""

    position: int
    error: Unreadable


Found: TypeAlias = ReadArticle | BadRecord | Broken


@dataclass(frozen=True, slots=True)
class Reading:
    """A part of a file (mostly all of it) that was read, and didn't change meanwhile.

    ``articles`` holds what is to be published, by position.  ``took_ms`` is the
    time that reading took.  ``row.more``: where the file goes on, None at its end.
    """

    row: DropRow
    entries: tuple[Entry, ...]
    articles: dict[int, RawArticle]
    took_ms: float


@dataclass(frozen=True, slots=True)
class FileReader:
    """Reads files of the inbox ``inbox_id``. Each method blocks: call it in a worker thread."""

    files: Files
    inbox_id: UUID
    read: ReadFunction
    assemble: AssembleFunction
    limits: Limits
    clock: Clock = Clock()  # noqa: RUF009  (frozen, holds functions only)
    new_id: Callable[[], UUID] = uuid4

    def again(self, row: DropRow) -> Reading:
        """Read the part ``row`` of a file once more.

        Raises :class:`Changed`, or ``OSError`` when it can't be read now.
        """
        started = self.clock.monotonic()
        gathered = Gathered(self.clock.now(), row.reader)
        with self.unchanged(row.path, row.identity) as descriptor:
            if row.identity.size <= HASH_WHOLE and self.files.sha256(descriptor) != row.sha256:
                raise Changed("changed")
            for found in self.found(row, descriptor, row.start):
                if not isinstance(found, Progress):
                    gathered.add(self.made(row, found))
                    if found.position == row.stop:
                        break
        return self.reading(row, gathered, started)

    def reading(self, row: DropRow, gathered: Gathered, started: float) -> Reading:
        """What was gathered of ``row`` since ``started`` (monotonic)."""
        if not gathered and row.part_of is None:
            nothing = Unreadable("no article was found in the file", "Check what was exported.")
            gathered.add(self.made(row, Broken(1, nothing)))
        row = replace(row, reader=gathered.info or row.reader)
        took_ms = (self.clock.monotonic() - started) * 1000
        return Reading(row, gathered.entries(), gathered.articles(), took_ms)

    def found(
        self, row: DropRow, descriptor: int, start: Resume | None
    ) -> Generator[Found | Progress, None, None]:
        """What the open file of ``row`` holds after ``start``.

        Raises ``OSError`` or ``MemoryError`` when it can't be read now, nothing else.
        """
        position = 0 if start is None else start.position
        records: Iterable[ReadArticle | BadRecord | Progress] = ()
        try:
            records = self.read(self._source(row, descriptor), self.limits, start)
            for record in records:
                if not isinstance(record, Progress):
                    position = record.position
                yield record
        except Unreadable as error:
            if isinstance(error, ReaderFault):
                # Its traceback belongs in the log.
                log.exception("reader.failed", file=row.file, exc_info=error.__cause__)
            yield Broken(position + 1, error)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # A reader must not do this; if it does, one file is rejected and the others go on.
            log.exception("reader.failed", file=row.file, drop_id=str(row.drop_id))
            fault = Unreadable(f"reading failed: {type(error).__name__}", FAULT_ADVICE)
            yield Broken(position + 1, fault)
        finally:
            # So that the reading process is free for another file at once.
            close = getattr(records, "close", None)
            if close is not None:
                close()

    def _source(self, row: DropRow, descriptor: int) -> Source:
        def open_view() -> io.BufferedReader:
            return io.BufferedReader(FileView(descriptor), CHUNK)

        return Source(
            name=shown(posixpath.basename(row.path)),
            size=row.identity.size,
            open=open_view,
            budget=Budget(self.limits.expanded_bytes),
            descriptor=descriptor,
        )

    def made(self, row: DropRow, found: Found) -> RawArticle | Outcome:
        """The article, or the outcome *rejected*, that a record of ``row`` becomes."""
        if isinstance(found, Broken):
            drop = row.drop(self.inbox_id, found.position)
            bad = BadRecord(found.position, found.error.reason, found.error.advice)
            return self._rejected(drop, f"drop:{row.sha256}", bad)
        drop = row.drop(self.inbox_id, found.position, found.locator)
        if isinstance(found, ReadArticle):
            try:
                return self.assemble(found, drop, self.clock.now())
            except Exception as error:
                # A file of a million such records says it once a minute; the receipt names each.
                if seldom("reader.assemble_failed", (row.file, type(error))):
                    log.exception("reader.assemble_failed", file=row.file, position=found.position)
                reason = f"the record could not be made an article: {type(error).__name__}"
                found = BadRecord(found.position, reason, FAULT_ADVICE, found.locator)
        return self._rejected(drop, f"record:{row.sha256}:{found.position}", found)

    def _rejected(self, drop: Drop, name: str, bad: BadRecord) -> Outcome:
        return rejection(
            drop,
            uuid5(REJECTED_NAMESPACE, name),
            to_ms(drop.received_at),
            reason=bad.reason,
            advice=bad.advice,
            at=self.clock.now(),
            headline=bad.headline,
        )

    @contextmanager
    def unchanged(self, path: bytes, identity: Identity) -> Iterator[int]:
        """The open file, if it is ``identity``; on leaving, the same check once more."""
        try:
            with self.files.opened(path) as descriptor:
                self.check(path, identity, descriptor)
                yield descriptor
                self.check(path, identity, descriptor)
        except OSError as error:
            if error.errno in MISSING:
                raise Changed("removed") from error
            raise

    def check(self, path: bytes, identity: Identity, descriptor: int) -> None:
        """Raise :class:`Changed` unless the open file and the named one still are ``identity``."""
        named = self.files.identity(path)
        if named is None:
            raise Changed("removed")
        now = Identity.of(os.fstat(descriptor))
        if not (now.same_file(identity) and named.same_file(identity)):
            raise Changed("changed")
