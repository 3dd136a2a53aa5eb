"""Reads files in child processes, so that no file can harm more than its own reading.

A hostile or broken file may make a parser hang, eat memory without end or crash.  It does so
in a process that has nothing to lose: limited, cut off from files and network, and replaced
when it dies.  Then the file is read on behind the record that was to blame.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ingest.readers.base import (
    MIB,
    BadRecord,
    Progress,
    ReadArticle,
    Resume,
    Unreadable,
    stopped,
)
from services.ingest.sandbox.patience import Allowance, Silence
from services.ingest.sandbox.process import Gone, ReadingProcess
from services.ingest.sandbox.protocol import (
    Advance,
    Failure,
    OutOfMemory,
    Ready,
    Refusal,
    Request,
)
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Generator

    from services.ingest.readers.base import Limits, Record, Source
    from services.ingest.sandbox.protocol import Answer
    from services.settings import Settings

log = get_logger("ingest")

READ_FILE = "services.ingest.readers.registry:read_file"

TICK = 0.25
"""Seconds between two signs to the caller while nothing comes, who may have other files."""

LONGEST_WAIT = 2 * TICK
"""Seconds that one wait counts at most: more passed because the machine stood still."""

MAX_STOPS = 40
"""Times that reading one file may bring a process down. Each bad record does so twice (the second
time in a new process, to be sure that it was the record), so 20 of them cost no other record."""

MAX_FILES = 5000
"""Files after which a process is replaced, for what libraries leak beside memory, which is looked
at after each: the 1.1 s of a start are then 0.2 ms a file."""

MAX_SHARE = 0.5
"""Share of the memory limit that a process may hold between files: more wasn't given back."""


@dataclass(slots=True)
class _Work:
    """One file, and how far it has come."""

    source: Source
    descriptor: int
    limits: Limits
    resume: Resume | None
    allowance: Allowance
    stops: int = 0

    @property
    def position(self) -> int:
        return 0 if self.resume is None else self.resume.position

    def request(self) -> Request:
        source = self.source
        name = source.name.encode("utf-8", "backslashreplace").decode()
        budget = source.budget.expanded
        return Request(name, source.size, budget, self.limits, self.resume)

    def accept(self, record: Record) -> None:
        """The record that comes next; raises :class:`Gone` if it is another."""
        if record.position != self.position + 1:
            raise Gone(f"was ended: it gave record {record.position} after {self.position}")
        self.resume = Resume(record.position, record.checkpoint)

    def stopped(self, reason: str, *, alone: bool) -> None:
        """The process is lost; ``alone``: to the next record, for it had worked on no other.

        Raises :class:`Unreadable` where reading can't go on.
        """
        self.stops += 1
        refused = None if self.resume is None else self.resume.refuse
        log.warning(
            "reader.stopped", file=self.source.name, position=self.position + 1, reason=reason
        )
        if self.stops >= MAX_STOPS or (alone and refused is not None):
            raise stopped(reason)
        checkpoint = None if self.resume is None else self.resume.checkpoint
        self.resume = Resume(self.position, checkpoint, reason if alone else refused)


class Sandbox:
    """A few reading processes, started when they are needed and kept between files.

    ``timeout``, ``memory_bytes`` and ``processes`` are the settings ``reader_…``.
    ``read_function`` (``module:function``, like ``registry.read_file``) is for tests.
    May be used from several threads.
    """

    def __init__(
        self, *, timeout: float, memory_bytes: int, processes: int, read_function: str = READ_FILE
    ) -> None:
        self._timeout = timeout
        self._memory_bytes = memory_bytes
        self._read_function = read_function
        self._count = processes
        self._slots = threading.Semaphore(processes)
        self._lock = threading.Lock()
        self._processes: set[ReadingProcess] = set()
        self._idle: list[ReadingProcess] = []
        self._closed = False
        self._told_of_landlock = False

    @classmethod
    def of(cls, settings: Settings) -> Sandbox:
        """The sandbox that ``settings`` ask for."""
        return cls(
            timeout=settings.reader_timeout,
            memory_bytes=settings.reader_memory_bytes,
            processes=settings.reader_processes,
        )

    def read(
        self, source: Source, limits: Limits, resume: Resume | None = None
    ) -> Generator[Record | Progress, None, None]:
        """Yield what ``registry.read_file`` yields, read in a process of its own.

        ``source.descriptor`` must be the open file, and stay so.  :class:`Progress` comes in
        between, at least every :data:`TICK` seconds while nothing else does, also while all
        processes are taken; the caller may stop for any time.  Blocks up to that long, so use
        it in worker threads; close it when it isn't read to its end.

        Raises :class:`Unreadable` or ``OSError`` as ``read_file``; the latter also when no
        process can be had now.
        """
        if source.descriptor is None:
            raise ValueError("only an open file can be handed to another process")
        size = os.fstat(source.descriptor).st_size
        allowance = Allowance(self._timeout, size, limits)
        work = _Work(source, source.descriptor, limits, resume, allowance)
        while not self._slots.acquire(timeout=TICK):
            yield Progress(None)
        try:
            while (yield from self._attempt(work)):
                pass
        finally:
            self._slots.release()

    def warm(self) -> None:
        """Start a process for the next file, if none is there; doesn't wait for it."""
        with self._lock:
            if not self._closed and not self._idle and len(self._processes) < self._count:
                self._idle.append(self._start())

    def close(self) -> None:
        """End all processes; whoever is reading gets an ``OSError``."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for process in self._processes:
                process.kill()
            self._processes.difference_update(idle)
        for process in idle:
            process.end()

    def _start(self) -> ReadingProcess:
        process = ReadingProcess(self._memory_bytes, self._read_function)
        self._processes.add(process)
        return process

    def _take(self) -> ReadingProcess:
        with self._lock:
            if self._closed:
                raise _canceled()
            while self._idle:
                process = self._idle.pop()
                if process.is_alive():
                    return process
                self._processes.discard(process)
                process.end()
            return self._start()

    def _give_back(self, process: ReadingProcess) -> None:
        """Keep it for the next file, or end it."""
        keep = process.is_at_rest() and not self._is_worn(process)
        with self._lock:
            keep = keep and not self._closed
            if keep:
                self._idle.append(process)
            else:
                self._processes.discard(process)
        if not keep:
            process.end()

    def _is_worn(self, process: ReadingProcess) -> bool:
        holds_too_much = process.resident_bytes() > MAX_SHARE * self._memory_bytes
        return holds_too_much or process.files >= MAX_FILES

    def _attempt(self, work: _Work) -> Generator[Record | Progress, None, bool]:
        """Read on in one process; True when it was lost and another must read on."""
        process = self._take()
        is_fresh, before = process.files == 0, work.position
        try:
            yield from self._follow(process, work)
        except Gone as gone:
            self._check_start(process, gone)
            alone = is_fresh and work.position == before
            work.stopped(f"the reading process {gone}", alone=alone)
            return True
        except GeneratorExit:
            process.leave_file()
            raise
        finally:
            self._give_back(process)
        return False

    def _check_start(self, process: ReadingProcess, gone: Gone) -> None:
        """Raise ``OSError`` where it isn't the file that was to blame."""
        if self._closed:
            raise _canceled() from gone
        if process.ready is None:
            log.error("reader.not_started", reason=f"the reading process {gone}")
            raise OSError(errno.EAGAIN, f"the reading process {gone} before it read") from gone

    def _follow(
        self, process: ReadingProcess, work: _Work
    ) -> Generator[Record | Progress, None, None]:
        """Yield what a process gives; raises :class:`Gone` besides what ``read`` raises."""
        process.begin(work.request(), work.descriptor)
        silence = Silence(work.allowance)
        shown = time.monotonic()
        while not process.is_at_rest():
            message, size = _receive(process, silence)
            if isinstance(message, ReadArticle | BadRecord):
                silence.record(size)
                work.accept(message)
                yield message
            elif isinstance(message, Advance):
                silence.advanced(message.total)
                yield Progress(message.offset)
            elif message is None and time.monotonic() - shown < TICK:
                continue
            elif message is None:
                yield Progress(None)
            else:
                self._heed(message, work)
            shown = time.monotonic()

    def _heed(self, message: Answer, work: _Work) -> None:
        """Raise what a message means that is no record."""
        if isinstance(message, OutOfMemory):
            raise Gone(f"needed more than {self._memory_bytes / MIB:g} MiB")
        if isinstance(message, Failure):
            raise _os_error(message)
        if isinstance(message, Refusal):
            if message.traceback is not None:
                log.error("reader.failed", file=work.source.name, exception=message.traceback)
            raise Unreadable(message.reason, message.advice)
        if isinstance(message, Ready) and not message.landlock and not self._told_of_landlock:
            self._told_of_landlock = True
            log.debug("reader.no_landlock", effect="files are refused by Python's hook alone")


def _receive(process: ReadingProcess, silence: Silence) -> tuple[Answer | None, int]:
    """The next message within :data:`TICK`, the time that it took counted."""
    asked = time.monotonic()
    taken = process.receive(TICK)
    waited = min(time.monotonic() - asked, LONGEST_WAIT)
    if process.ready is None:
        silence.start(waited)
    else:
        silence.wait(waited)
    return taken or (None, 0)


def _os_error(failure: Failure) -> OSError:
    if failure.errno is None:
        return OSError(failure.message)
    return OSError(failure.errno, failure.message)


def _canceled() -> OSError:
    return OSError(errno.ECANCELED, "reading was ended: the service stops")
