"""The reading process: ``python -m services.ingest.sandbox.child CHANNEL MEMORY READ_FUNCTION``.

It is given one file after another, as an open descriptor over the channel (a Unix socket), and
sends back what the readers make of it.  It knows no setting and no secret, and ends with the
process that started it.
"""

from __future__ import annotations

import fcntl
import importlib
import io
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from services.ingest.files import FileView
from services.ingest.readers.base import (
    FAULT_ADVICE,
    BadRecord,
    Budget,
    ReaderFault,
    Source,
    Unreadable,
)
from services.ingest.sandbox import protocol
from services.ingest.sandbox.confinement import Forbidden, confine, limit
from services.ingest.sandbox.protocol import (
    TRACEBACK_CHARS,
    Advance,
    Failure,
    Finished,
    OutOfMemory,
    Ready,
    Refusal,
    Request,
    TooLarge,
    pack,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from services.ingest.readers.base import Limits, ReadArticle, Record, Resume
    from services.ingest.sandbox.protocol import Answer

    ReadFunction = Callable[[Source, Limits, Resume | None], Generator[Record, None, None]]

BUFFER = 64 * 1024
"""Bytes read from the file at once: small, for each read is a sign of life and a step of the
progress shown; the calls cost nothing beside the parsing."""

ADVANCE_INTERVAL = 0.2
"""Seconds between two reports of how far it is: five a second look smooth to a person."""

NICENESS = 5
"""Yields to the services, which have many files to care for, when the machine is full."""

LIBRARIES = (
    "feedparser",
    "lxml.html",
    "pypdfium2",
    "trafilatura",
    "warcio",
    "zstandard",
)
"""Loaded before anything is given up (some load a shared library), and once for all files."""

_OUT_OF_MEMORY = pack(OutOfMemory())  # made while there is memory


class Channel:
    """The socket to ingest, from this side."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = protocol.orders()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)

    def send(self, frame: bytes) -> None:
        """Send; waits while ingest has enough to do. Ends the process when ingest has gone."""
        try:
            self._connection.sendall(frame)
        except OSError:
            leave()

    def next_file(self) -> tuple[Request, int]:
        """Wait for the next file: what is asked, and its descriptor."""
        descriptors: list[int] = []
        while True:
            taken = self._frames.take()
            if taken is None:
                piece, found, _, _ = socket.recv_fds(self._connection, BUFFER, 1)
                descriptors += found
                if not piece:
                    leave()
                self._frames.feed(piece)
            elif isinstance(taken[0], Request):
                (descriptor,) = descriptors
                return taken[0], descriptor

    def is_left(self) -> bool:
        """Whether ingest wants no more of this file: it only ever says so, or goes."""
        if not self._poll.poll(0):
            return False
        piece = self._connection.recv(BUFFER)
        if not piece:
            leave()
        self._frames.feed(piece)
        return self._frames.take() is not None


class _View(FileView):
    """The dropped file; reports how much of it has been read."""

    def __init__(self, descriptor: int, meter: _Meter) -> None:
        super().__init__(descriptor)
        self._meter = meter

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self._meter.add(count, self._offset)
        return count


@dataclass
class _Meter:
    channel: Channel
    told: float = field(default_factory=time.monotonic)
    total: int = 0

    def add(self, count: int, offset: int) -> None:
        self.total += count
        now = time.monotonic()
        if now - self.told >= ADVANCE_INTERVAL:
            self.told = now
            self.channel.send(pack(Advance(offset, self.total)))


def leave() -> NoReturn:
    """End at once, whatever a reader would catch; nobody is there to be told."""
    os._exit(0)


def serve(channel: Channel, read: ReadFunction) -> None:
    """Read files for ever."""
    while True:
        request, descriptor = channel.next_file()
        try:
            answer = answer_file(channel, read, request, descriptor)
        except MemoryError:
            channel.send(_OUT_OF_MEMORY)
            leave()
        finally:
            os.close(descriptor)
        channel.send(pack(answer))


def answer_file(channel: Channel, read: ReadFunction, request: Request, descriptor: int) -> Answer:
    """Send the records of one file; gives how it ended.

    Raises ``MemoryError`` only.
    """
    source = _source(channel, request, descriptor)
    try:
        with closing(read(source, request.limits, request.resume)) as records:
            for record in records:
                channel.send(frame_of(record))
                if channel.is_left():
                    break
    except Unreadable as refusal:
        return _refusal(refusal)
    except (Forbidden, MemoryError) as error:
        if isinstance(error, MemoryError):
            raise
        return _fault(error)
    except OSError as error:
        return Failure(error.errno, _clean(error.strerror or str(error)))
    except Exception as error:  # noqa: BLE001  (a reader's fault costs its file only)
        return _fault(error)
    return Finished()


def frame_of(record: ReadArticle | BadRecord) -> bytes:
    """The frame of a record, or of why it can't be passed on."""
    try:
        return pack(record)
    except TooLarge as error:
        reason = f"too large: what was read of it comes to {error}"
        advice = "Split the file into its articles."
    except (ValueError, TypeError) as error:
        reason = f"what was read of it can't be passed on: {type(error).__name__}"
        advice = FAULT_ADVICE
    locator, checkpoint = _clean(record.locator), record.checkpoint
    return pack(BadRecord(record.position, reason, advice, locator, checkpoint=checkpoint))


def _source(channel: Channel, request: Request, descriptor: int) -> Source:
    meter = _Meter(channel)
    return Source(
        name=request.name,
        size=request.size,
        open=lambda: io.BufferedReader(_View(descriptor, meter), BUFFER),
        budget=Budget(request.expanded),
    )


def _refusal(refusal: Unreadable) -> Refusal:
    # Whatever else has a cause is no fault: what a library said of a bad file isn't for the log.
    cause = refusal.__cause__ if isinstance(refusal, ReaderFault) else None
    text = None if cause is None else _traceback(cause)
    return Refusal(_clean(refusal.reason), _clean(refusal.advice), text)


def _fault(error: Exception) -> Refusal:
    return Refusal(f"reading failed: {type(error).__name__}", FAULT_ADVICE, _traceback(error))


def _traceback(error: BaseException) -> str:
    return _clean("".join(traceback.format_exception(error))[-TRACEBACK_CHARS:])


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def tie_to_parent(lifeline: int) -> None:
    """End when the other end of the pipe ``lifeline`` closes, even in the middle of C code.

    The kernel then sends SIGIO.  Unlike Linux's parent-death signal this doesn't depend on
    the *thread* that started us, and other systems have it too.
    """
    if sys.platform == "linux":
        signal.signal(signal.SIGIO, signal.SIG_DFL)  # which ends the process
    else:
        signal.signal(signal.SIGIO, lambda *_: leave())
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    hung_up = select.poll()
    hung_up.register(lifeline, select.POLLIN)
    if hung_up.poll(0):  # it had closed before
        leave()


def be_quiet() -> None:
    """From now on only ingest ends us: a stop is for it to make; and nothing is printed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)


def load(name: str) -> ReadFunction:
    """The function ``module:function``, and every library that readers use."""
    module, _, function = name.partition(":")
    read: ReadFunction = getattr(importlib.import_module(module), function)
    for library in LIBRARIES:
        # A reader whose library isn't installed says so itself.
        with suppress(ImportError):
            importlib.import_module(library)
    return read


def main(channel: str, memory_bytes: str, read_function: str) -> None:
    """Start as ingest asks on the command line; standard input is the lifeline."""
    tie_to_parent(sys.stdin.fileno())
    be_quiet()
    connection = socket.socket(fileno=int(channel))
    read = load(read_function)
    limit(int(memory_bytes))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stderr.fileno())
    os.close(quiet)
    ours = Channel(connection)
    ours.send(pack(Ready(confine())))
    serve(ours, read)


if __name__ == "__main__":
    main(*sys.argv[1:])
