"""From a file to its articles: hashed, read, identified, and not changed meanwhile."""

from __future__ import annotations

import io
import os
import posixpath
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4, uuid5

from schemas.article import Drop, RawArticle
from services.ingest.drops import DropRow, Entry, to_ms
from services.ingest.files import CHUNK, MISSING, FileView, Identity
from services.ingest.gathering import KEEP_CHARS, Gathered, rejection
from services.ingest.names import shown
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Source, Unreadable
from services.ingest.waits import Clock
from services.observability import get_logger

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.events import Outcome
    from services.ingest.files import Files
    from services.ingest.inbox import Candidate

log = get_logger("ingest")

ReadFunction = Callable[[Source, Limits], Iterator[ReadArticle | BadRecord]]
AssembleFunction = Callable[[ReadArticle, Drop, "datetime"], RawArticle]

REJECTED_NAMESPACE = UUID("c1e0a2f4-3b57-5c86-9d0e-6f2a8b4d7e13")
"""Namespace of the ids of what never became an article. Never change it."""

FAULT_ADVICE = (
    "This is a fault of Wiredesk, not of the file: please report it with the log's lines. "
    "Drop the file again after an update."
)


class Changed(Exception):  # noqa: N818  (named for what is the case)
    """The file isn't what it was: ``how`` is *changed* or *removed*."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read to its end and didn't change meanwhile.

    ``articles`` holds what is to be published, by position; None if that is too
    much to keep.  ``took_ms`` is the time that reading took.
    """

    row: DropRow
    entries: tuple[Entry, ...]
    articles: dict[int, RawArticle] | None
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
    keep_chars: int = KEEP_CHARS

    def take(self, candidate: Candidate, allot: Callable[[], datetime]) -> Reading:
        """Read a new file as a new drop, received at what ``allot`` says.

        Raises :class:`Changed`, or ``OSError`` when it can't be read now.
        """
        with self._unchanged(candidate.path, candidate.identity) as descriptor:
            row = DropRow(
                drop_id=self.new_id(),
                path=candidate.path,
                file=shown(candidate.path),
                identity=candidate.identity,
                sha256=self.files.sha256(descriptor),
                received_at=allot(),
            )
            return self._reading(row, descriptor)

    def again(self, row: DropRow) -> Reading:
        """Read the file of a drop once more; raises as :meth:`take`."""
        with self._unchanged(row.path, row.identity) as descriptor:
            if self.files.sha256(descriptor) != row.sha256:
                raise Changed("changed")
            return self._reading(row, descriptor)

    def articles(self, reading: Reading) -> Generator[RawArticle, None, None]:
        """The articles to be published, in order; read again where they weren't kept.

        Raises :class:`Changed` before the first article that may be of another file.
        """
        if reading.articles is not None:
            yield from (reading.articles[position] for position in sorted(reading.articles))
            return
        row = reading.row
        wanted = {entry.position for entry in reading.entries if entry.outcome is None}
        with self._unchanged(row.path, row.identity) as descriptor:
            for record in self._records(row, descriptor):
                if isinstance(record, RawArticle) and record.drop.position in wanted:
                    self._check(row.path, row.identity, descriptor)
                    yield record

    def _reading(self, row: DropRow, descriptor: int) -> Reading:
        started = time.perf_counter()
        gathered = Gathered(self.clock.now(), self.keep_chars)
        for record in self._records(row, descriptor):
            gathered.add(record)
        if not len(gathered):
            nothing = Unreadable("no article was found in the file", "Check what was exported.")
            gathered.add(self._whole_rejected(row, 1, nothing))
        took_ms = (time.perf_counter() - started) * 1000
        row = replace(row, reader=gathered.info or row.reader)
        return Reading(row, gathered.entries(), gathered.articles(), took_ms)

    def _records(self, row: DropRow, descriptor: int) -> Iterator[RawArticle | Outcome]:
        def open_view() -> io.BufferedReader:
            return io.BufferedReader(FileView(descriptor), CHUNK)

        source = Source(shown(posixpath.basename(row.path)), row.identity.size, open_view)
        position = 0
        try:
            for record in self.read(source, self.limits):
                position = record.position
                yield self._made(row, record)
        except Unreadable as error:
            if error.__cause__ is not None:
                # The reader's own fault, by the registry: its traceback belongs in the log.
                log.exception("reader.failed", file=row.file, exc_info=error.__cause__)
            yield self._whole_rejected(row, position + 1, error)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            # A reader must not do this; if it does, one file is rejected and the others go on.
            log.exception("reader.failed", file=row.file, drop_id=str(row.drop_id))
            fault = Unreadable(f"reading failed: {type(error).__name__}", FAULT_ADVICE)
            yield self._whole_rejected(row, position + 1, fault)

    def _made(self, row: DropRow, record: ReadArticle | BadRecord) -> RawArticle | Outcome:
        drop = row.drop(self.inbox_id, record.position)
        if isinstance(record, ReadArticle):
            try:
                return self.assemble(record, drop, self.clock.now())
            except Exception as error:
                log.exception("reader.assemble_failed", file=row.file, position=record.position)
                reason = f"the record could not be made an article: {type(error).__name__}"
                record = BadRecord(record.position, reason, FAULT_ADVICE)
        name = f"record:{row.sha256}:{record.position}"
        return self._rejected(drop, name, record.reason, record.advice)

    def _whole_rejected(self, row: DropRow, position: int, error: Unreadable) -> Outcome:
        drop = row.drop(self.inbox_id, position)
        return self._rejected(drop, f"drop:{row.sha256}", error.reason, error.advice)

    def _rejected(self, drop: Drop, name: str, reason: str, advice: str) -> Outcome:
        article_id = uuid5(REJECTED_NAMESPACE, name)
        revision = to_ms(drop.received_at)
        now = self.clock.now()
        return rejection(drop, article_id, revision, reason=reason, advice=advice, at=now)

    @contextmanager
    def _unchanged(self, path: bytes, identity: Identity) -> Iterator[int]:
        """The open file, if it is ``identity``; on leaving, the same check once more."""
        try:
            with self.files.opened(path) as descriptor:
                self._check(path, identity, descriptor)
                yield descriptor
                self._check(path, identity, descriptor)
        except OSError as error:
            if error.errno in MISSING:
                raise Changed("removed") from error
            raise

    def _check(self, path: bytes, identity: Identity, descriptor: int) -> None:
        named = self.files.identity(path)
        if named is None:
            raise Changed("removed")
        now = Identity.of(os.fstat(descriptor))
        if not (now.same_file(identity) and named.same_file(identity)):
            raise Changed("changed")
