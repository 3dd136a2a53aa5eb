"""One reading process, from the side of ingest: started, spoken with, ended."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from services.ingest.sandbox.protocol import (
    BrokenFrame,
    Failure,
    Finished,
    Frames,
    Leave,
    Ready,
    Refusal,
    pack,
)

if TYPE_CHECKING:
    from services.ingest.sandbox.protocol import Answer, Request

PIECE = 256 * 1024
"""Bytes received at once: all that a socket holds by default."""

SEND_TIMEOUT = 10.0
"""Seconds for handing over a file: a few hundred bytes to a process that has nothing to do."""

LEAVE_TIMEOUT = 0.5
"""Seconds for a process to leave a file that nobody wants on; starting another takes longer."""

REAP_TIMEOUT = 5.0
"""Seconds for a killed process to be gone."""

EXIT_TIMEOUT = 1.0
"""Seconds between the end of a process's channel and its own: the kernel clears its memory."""

EXHAUSTED = frozenset({errno.EMFILE, errno.ENOMEM})
"""What a process can't recover from: a reader has left too much open."""

PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
"""Of the environment only what Python may need to start at all: no setting, no secret."""


class Gone(Exception):  # noqa: N818  (named for what is the case)
    """The process can't be used any more; the message says what it did (``ended by …``)."""


class ReadingProcess:
    """Started by being made; ``OSError`` when the system has no room for a process.

    Used by one thread at a time, except :meth:`kill`.
    """

    def __init__(self, memory_bytes: int, read_function: str) -> None:
        self.ready: Ready | None = None
        self.files = 0
        """Files that it has begun."""
        self._at_rest = True
        self._frames = Frames()
        self._channel, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = _start(theirs.fileno(), memory_bytes, read_function)
        except OSError:
            self._channel.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def begin(self, request: Request, descriptor: int) -> None:
        """Have it read a file; raises :class:`Gone`."""
        self.files += 1
        self._at_rest = False
        frame = pack(request)
        try:
            self._channel.settimeout(SEND_TIMEOUT)
            sent = socket.send_fds(self._channel, [frame], [descriptor])
            if sent < len(frame):  # else it may have answered and ended by now
                self._channel.sendall(frame[sent:])
        except OSError as error:
            raise self._gone() from error

    def receive(self, timeout: float) -> tuple[Answer, int] | None:
        """The next message and its bytes, None if there is none within ``timeout`` seconds.

        (A long message that comes piece by piece gives None for each.)  Raises :class:`Gone`.
        """
        try:
            taken: tuple[Answer, int] | None = self._frames.take()
            if taken is None:
                self._receive_piece(timeout)
                taken = self._frames.take()
        except BrokenFrame as error:
            raise Gone(f"was ended: it sent {error}") from error
        if taken is not None:
            self._note(taken[0])
        return taken

    def is_at_rest(self) -> bool:
        """Whether it has done with its file, and can be given another."""
        return self._at_rest and self._frames.is_empty()

    def leave_file(self) -> None:
        """Have it leave the file that it reads. If it doesn't it isn't at rest afterwards."""
        deadline = time.monotonic() + LEAVE_TIMEOUT
        with suppress(OSError, Gone):
            self._channel.settimeout(LEAVE_TIMEOUT)
            self._channel.sendall(pack(Leave()))
            while not self._at_rest and time.monotonic() < deadline:
                self.receive(LEAVE_TIMEOUT)

    def resident_bytes(self) -> int:
        """Its memory in use; 0 where the system doesn't tell (macOS)."""
        with suppress(OSError, IndexError, ValueError):
            pages = int(Path(f"/proc/{self.pid}/statm").read_bytes().split()[1])
            return pages * os.sysconf("SC_PAGESIZE")
        return 0

    def kill(self) -> None:
        """End it from whichever thread; whoever uses it sees it :class:`Gone`."""
        self._process.kill()
        # Only one that hangs in a dead disk takes longer; it is reaped when the next is started.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_TIMEOUT)

    def end(self) -> None:
        """End it and let go of all that belongs to it."""
        self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._channel.close()

    def _receive_piece(self, timeout: float) -> None:
        self._channel.settimeout(timeout)
        try:
            piece = self._channel.recv(PIECE)
        except TimeoutError:
            return
        except OSError as error:
            raise self._gone() from error
        if not piece:
            raise self._gone()
        self._frames.feed(piece)

    def _note(self, message: Answer) -> None:
        if isinstance(message, Ready):
            self.ready = message
        elif isinstance(message, Finished | Refusal):
            self._at_rest = True
        elif isinstance(message, Failure):
            self._at_rest = message.errno not in EXHAUSTED

    def _gone(self) -> Gone:
        """How it ended; its channel closes a moment before."""
        try:
            code = self._process.wait(EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            return Gone("was ended: it hung up")
        if code >= 0:
            return Gone(f"ended with exit code {code}")
        with suppress(ValueError):
            return Gone(f"ended by signal {-code} ({signal.Signals(-code).name})")
        return Gone(f"ended by signal {-code}")


def _start(channel: int, memory_bytes: int, read_function: str) -> subprocess.Popen[bytes]:
    module = f"{__package__}.child"
    # -P, -s: nothing is imported that we don't import; -B: it may not write.
    flags = ("-P", "-s", "-B", "-W", "ignore", "-m", module)
    return subprocess.Popen(  # noqa: S603  (our own module)
        [sys.executable, *flags, str(channel), str(memory_bytes), read_function],
        stdin=subprocess.PIPE,  # the lifeline: closes when we die
        stdout=subprocess.DEVNULL,
        pass_fds=(channel,),
        cwd="/",
        env=_environment(),
        # Its own session: Ctrl-C and a stop of the group are for us.
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        # What we import from, as it is now; an empty entry means the folder we are in.
        "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        # trafilatura brings numpy in where it is installed; its threads are of no use here.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
