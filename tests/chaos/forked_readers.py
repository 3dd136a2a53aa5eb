"""Reading processes that an ingest forks instead of starting: all their libraries are there.

They take over a second to import, which each ingest that is killed pays anew.  Ingest has threads
and can't fork; so before it begins, it forks a helper that does so whenever it is asked.  Each
reader is then what it always is: confined, limited, and gone with its ingest.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, cast

import orjson

from services.ingest.sandbox import child, process

if TYPE_CHECKING:
    from io import BufferedWriter

_PID = 8
"""Bytes of an answer: the reader's process id."""


def fork_readers() -> None:
    """From now on this process's readers are forked; nothing changes where Linux's calls miss."""
    if not hasattr(os, "pidfd_open"):
        return
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _help(theirs)
    theirs.close()
    one_at_a_time = threading.Lock()

    def start(channel: int, memory_bytes: int, read_function: str) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        with one_at_a_time, os.fdopen(reading, "rb") as lifeline:
            asked = orjson.dumps([memory_bytes, read_function])
            socket.send_fds(ours, [asked], [channel, lifeline.fileno()])
            pid = int.from_bytes(ours.recv(_PID), "big")
        return cast("subprocess.Popen[bytes]", ForkedReader(pid, os.fdopen(writing, "wb")))

    process._start = start


class ForkedReader:
    """What ingest asks of a reading process. How it ended is known to its parent alone."""

    def __init__(self, pid: int, lifeline: BufferedWriter) -> None:
        self.pid = pid
        self.stdin = lifeline
        self._ends = os.pidfd_open(pid)

    def poll(self) -> int | None:
        return self._ended(0.0)

    def wait(self, timeout: float) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("reader", timeout)
        return code

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._ends, signal.SIGKILL)

    def _ended(self, timeout: float) -> int | None:
        return 0 if select.select([self._ends], [], [], timeout)[0] else None


def _help(line: socket.socket) -> NoReturn:
    """Fork a reader for each request, until ingest is gone."""
    # Nobody asks how a reader ended, and ends of ours are no business of the terminal's.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.setsid()
    while True:
        asked, files, _, _ = socket.recv_fds(line, 1024, 2)
        if not asked:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            line.close()
            channel, lifeline = files
            _read(channel, lifeline, *orjson.loads(asked))
        line.sendall(pid.to_bytes(_PID, "big"))
        for file in files:
            os.close(file)


def _read(channel: int, lifeline: int, memory_bytes: int, read_function: str) -> NoReturn:
    """Be a reading process."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir("/")
    # multiprocessing has closed the one there was.
    sys.stdin = os.fdopen(lifeline)
    try:
        child.main(str(channel), str(memory_bytes), read_function)
    finally:
        os._exit(1)
